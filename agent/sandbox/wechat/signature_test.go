package wechat

import "testing"

// The official example of API v2's signature, and the same under the other hash.
func TestTheSignatureOfAPIv2(t *testing.T) {
	v := values{"appid": "wxd930ea5d5a258f4f", "mch_id": "10000100", "device_info": "1000", "body": "test", "nonce_str": "ibuaiVcKdpRxkhJA", "attach": "", "sign": "x"}
	const key = "192006250b4c09247ec02edce69f6a2d"
	if got := seal(v, key, signMD5); got != "9A0A8659F005D6984697E2CA0A9CF3B7" {
		t.Errorf("MD5: %s", got)
	}
	if got := seal(v, key, signHMAC); got != "6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6" {
		t.Errorf("HMAC-SHA256: %s", got)
	}
}

// Elements are sorted by their names and not by what stands behind them.
func TestElementsAreSortedByName(t *testing.T) {
	if got := seal(values{"a_10": "y", "a_1": "x"}, "k", signMD5); got != "E59E14410F91BDC6A48F9CD55398DC61" {
		t.Error(got)
	}
}

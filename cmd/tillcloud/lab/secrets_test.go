package lab

import "testing"

func TestACodeOnDiskIsFound(t *testing.T) {
	codes := secrets{}
	codes.add("134567890123456789")
	codes.add("139999999999999999")
	for content, want := range map[string]bool{
		"": false, "\x00134567890123456789\x00": true, "9134567890123456789": true, "1345678901234567890": true,
		"13456789012345678": false, "13456789 0123456789": false, "x139999999999999999": true, "134567890123456788": false,
	} {
		if codes.in([]byte(content)) != want {
			t.Errorf("%q: found %v, want %v", content, !want, want)
		}
	}
}

func TestAVoucherOnDiskIsFound(t *testing.T) {
	for content, want := range map[string]bool{
		"OV2:6BF+70790T9WJWG.": true, "\x00RC1:6BF+70790T9WJWG.FKY": true, "OV1:OV1:6BF+70790T9WJWG.": true,
		"OV2:6BF+70790T9WJWG": false, "OV2:6BF+70790T9wJWG.FKY": false, "PC1:6BF+70790T9WJWG.FKY": false, "": false, "RC1:": false,
	} {
		if voucherIn([]byte(content)) != want {
			t.Errorf("%q: found %v, want %v", content, !want, want)
		}
	}
}

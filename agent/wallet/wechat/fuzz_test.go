package wechat

import (
	"bytes"
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"tillwire/agent"
)

// FuzzJudge feeds signed nonsense: whatever WeChat's key signs, only an answer
// that names our merchant, order and amount may say that money was taken.
func FuzzJudge(f *testing.F) {
	for _, body := range []string{order("SUCCESS", nil), order("REFUND", nil), `{"trade_state":"USERPAYING"}`, `{"trade_state":"SUCCESS"}`,
		`{"amount":{"total":1280.0}}`, `{"trade_state":"SUCCESS","Out_Trade_No":"x"}`, `null`, `[]`, `{"amount":null}`} {
		f.Add([]byte(body), false)
		f.Add([]byte(body), true)
	}
	direct := &Wallet{c: Config{Mode: ModeDirect, AppID: "wxd678efh567hg6787", MerchantID: "1230000109"}}
	provider := &Wallet{c: partner(Config{})}
	f.Fuzz(func(t *testing.T, body []byte, asPartner bool) {
		w := direct
		if asPartner {
			w = provider
		}
		p := payment()
		a := w.judge(p, body)
		if a.Verdict != agent.Approved && a.Verdict != agent.Ended && a.Verdict != agent.Refused {
			return
		}
		var said transaction
		if err := json.Unmarshal(body, &said); err != nil {
			t.Fatalf("%v out of what is no JSON: %s", a.Verdict, body)
		}
		ours := said.MchID == w.c.MerchantID && !asPartner || said.SpMchID == w.c.MerchantID && said.SubMchID == w.c.SubMerchantID && asPartner
		if said.OrderNo != p.OrderNo || !ours {
			t.Errorf("%v for somebody else's order: %s", a.Verdict, body)
		}
		if a.Verdict == agent.Approved && (said.Amount == nil || said.Amount.Total == nil || *said.Amount.Total != p.Amount.Value) {
			t.Errorf("approved another amount: %s", body)
		}
	})
}

// FuzzDecode: what a message of API v2 is read as is all there is to sign, so it
// must come back the same when it is written again.
func FuzzDecode(f *testing.F) {
	for _, text := range []string{"<xml><a>1</a></xml>", "<xml><a><![CDATA[<b>]]></a><c> </c></xml>", "<!DOCTYPE xml><xml><a>1</a></xml>", "<xml><a>&lt;&#65;</a></xml>", "<xml/>",
		"<xml><a><b>1</b></a></xml>", "<xml><a>1</a><a>2</a></xml>", "<xml><a>1</a></xml><xml><b>2</b></xml>"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := decode(text)
		if err != nil {
			return
		}
		if bytes.Contains(text, []byte("<!DOCTYPE")) && !bytes.Contains(text, []byte("<![CDATA[")) && !bytes.Contains(text, []byte("<!--")) && !bytes.Contains(text, []byte("<?")) {
			t.Errorf("a document type was read: %q", text)
		}
		full := values{}
		for name, value := range v {
			// A carriage return is written as a reference and comes back; what is empty is not written.
			if value != "" && !strings.ContainsAny(name, ":") {
				full[name] = value
			}
		}
		again, err := full.encode()
		if err != nil {
			t.Fatal(err)
		}
		if len(full) == 0 {
			return
		}
		back, err := decode(again)
		if err != nil || !maps.Equal(back, full) {
			t.Errorf("%q is written as %q and read as %q (%v)", full, again, back, err)
		}
	})
}

// FuzzBill: whatever stands in a bill, a line that is read has a positive kind of
// money in a known currency.
func FuzzBill(f *testing.F) {
	f.Add([]byte("\ufeff" + billHead + "\r\n" + billRow("DEMO01A", "SUCCESS", "11.80", "12.80", "0", "0.00", "0.00", "", "tea, ,`hot`") + "\r\n" + billSums))
	f.Add([]byte(billHead + "\n" + billRow("DEMO01A", "REFUND", "0.00", "0.00", "DEMO01AP1", "4.90", "5.00", "SUCCESS", "")))
	f.Add([]byte(billHead + "\n" + billRow("DEMO01A", "REVOKED", "0.00", "0.00", "0", "-0.01", "", "", "")))
	f.Fuzz(func(t *testing.T, text []byte) {
		lines, err := readBill(text, "wechat", RegionChina)
		for _, l := range lines {
			if err == nil && (l.Amount.Value < 0 || !l.Amount.Currency.Known() || l.Wallet != "wechat" || l.Kind == "") {
				t.Errorf("%+v", l)
			}
		}
	})
}

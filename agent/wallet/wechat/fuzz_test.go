package wechat

import (
	"encoding/json"
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

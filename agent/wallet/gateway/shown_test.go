package gateway

import (
	"errors"
	"testing"

	"tillwire/agent"
	"tillwire/agent/wallet/emvqr"
)

// emv is a code with a right checksum: text without its object 63.
func emv(t *testing.T, objects ...emvqr.Object) string {
	t.Helper()
	text, err := emvqr.Encode(emvqr.Payload{Objects: objects})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestOnlyACodeForThisSaleIsShown(t *testing.T) {
	baht := agent.Money{Value: 2015, Currency: "THB"}
	rupees := agent.Money{Value: 14950, Currency: "INR"}
	dong := agent.Money{Value: 1000, Currency: "VND"}
	dinar := agent.Money{Value: 1250, Currency: "KWD"}
	object := func(id, value string) emvqr.Object { return emvqr.Object{ID: id, Value: value} }
	account := object("29", "0016A00000067701011101130066801111111")
	code := func(currency, amount string, more ...emvqr.Object) string {
		list := []emvqr.Object{object("00", "01"), object("01", "12"), account, object("53", currency)}
		if amount != "" {
			list = append(list, object("54", amount))
		}
		return emv(t, append(append(list, more...), object("58", "TH"))...)
	}
	emvOf, upiOf := Payload{Kind: KindEMV}, Payload{Kind: KindUPI}
	static := Payload{Kind: KindEMV, Static: true}
	link := Payload{Kind: KindLink, Prefixes: []string{"https://qr.paypay.ne.jp/"}}
	upi := "upi://pay?pa=chaipoint@okaxis&pn=Chai%20Point&am=149.50&cu=INR&tr=ORD-42"
	for _, row := range []struct {
		name string
		qr   string
		m    agent.Money
		want Payload
		ok   bool
	}{
		{"PromptPay of the reference", promptPay, baht, emvOf, true},
		{"one character changed", promptPay[:60] + "9" + promptPay[61:], baht, emvOf, false},
		{"one character lost", promptPay[:len(promptPay)-1], baht, emvOf, false},
		{"another amount", promptPay, agent.Money{Value: 2016, Currency: "THB"}, emvOf, false},
		{"another currency", promptPay, agent.Money{Value: 2015, Currency: "SGD"}, emvOf, false},
		{"a currency without digits", promptPay, agent.Money{Value: 2015, Currency: "XPF"}, emvOf, false},
		{"no amount", code("764", ""), baht, emvOf, false},
		{"no amount, and that is said", code("764", ""), baht, static, true},
		{"static may not name another amount", code("764", "1.00"), baht, static, false},
		{"static may not have another currency", code("702", ""), baht, static, false},
		{"a tip would be asked", code("764", "20.15", object("55", "01")), baht, emvOf, false},
		{"zeros behind the point", code("704", "1000.00"), dong, emvOf, true},
		{"no point", code("704", "1000"), dong, emvOf, true},
		{"a hundred times as much", code("704", "100000"), dong, emvOf, false},
		{"three places", code("414", "1.250"), dinar, emvOf, true},
		{"three places, shortened", code("414", "1.25"), dinar, emvOf, true},
		{"a comma", code("764", "20,15"), baht, emvOf, false},
		{"two points", code("764", "20.1.5"), baht, emvOf, false},
		{"no code at all", "", baht, emvOf, false},
		{"a link where EMV is due", "https://evil.example/", baht, emvOf, false},
		{"UPI", upi, rupees, upiOf, true},
		{"UPI with another amount", upi, agent.Money{Value: 14951, Currency: "INR"}, upiOf, false},
		{"UPI in another currency", upi, agent.Money{Value: 14950, Currency: "THB"}, upiOf, false},
		{"UPI without amount", "upi://pay?pa=a@b&pn=A", rupees, upiOf, false},
		{"UPI with two amounts", upi + "&am=1.00", rupees, upiOf, false},
		{"UPI that may be paid in part", upi + "&mam=1.00", rupees, upiOf, false},
		{"UPI without payee", "upi://pay?pn=A&am=149.50", rupees, upiOf, false},
		{"UPI that is a mandate", "upi://mandate?pa=a@b&am=149.50", rupees, upiOf, false},
		{"a link of the brand", "https://qr.paypay.ne.jp/28180104abc", rupees, link, true},
		{"the prefix alone", "https://qr.paypay.ne.jp/", rupees, link, false},
		{"another host", "https://qr.paypay.ne.jp.evil.example/1", rupees, link, false},
		{"a link with a blank", "https://qr.paypay.ne.jp/a b", rupees, link, false},
		{"a prefix that lets everything pass", "https://evil.example/", rupees, Payload{Kind: KindLink, Prefixes: []string{"https://"}}, false},
		{"nobody knows what it is", promptPay, baht, Payload{}, false},
	} {
		err := checkShown(row.qr, row.m, row.want, nil, nil)
		if (err == nil) != row.ok || err != nil && !errors.Is(err, ErrShown) {
			t.Errorf("%s: %v", row.name, err)
		}
	}
	of := func(name string) func(string) []string { return func(string) []string { return []string{name} } }
	if err := checkShown(promptPay, baht, emvOf, []string{"promptpay"}, of("promptpay")); err != nil {
		t.Error(err)
	}
	if err := checkShown(promptPay, baht, emvOf, []string{"paynow", "sgqr"}, of("promptpay")); err == nil {
		t.Error("a code of another scheme is shown")
	}
}

// TestWhatTheTableDoesNotKnowTheGatewayTells: links and static codes are shown
// only when the signed capabilities announce them.
func TestWhatTheTableDoesNotKnowTheGatewayTells(t *testing.T) {
	const url = "https://qr.paypay.ne.jp/28180104abc"
	shows := answer{status: 200, body: order("unpaid", map[string]any{"brand": "paypay", "qr": url})}
	for name, row := range map[string]struct {
		can  string
		want agent.Verdict
	}{
		"announced":      {capable(map[string]any{"payload": map[string]any{"kind": "link", "prefixes": []string{"https://qr.paypay.ne.jp/"}}}), agent.Shown},
		"another prefix": {capable(map[string]any{"payload": map[string]any{"kind": "link", "prefixes": []string{"https://qr.other.jp/"}}}), agent.InDoubt},
		"not announced":  {capable(nil), agent.InDoubt},
		"not told":       {"", agent.InDoubt},
	} {
		c := newCloud(t, shows)
		c.can = row.can
		w, err := c.connect().Wallet("paypay", Brand{Name: "paypay", Shows: true})
		if err != nil {
			t.Fatal(err)
		}
		a := w.(agent.Presenter).Present(t.Context(), sold())
		if a.Verdict != row.want || row.want == agent.Shown && a.QR != url || row.want != agent.Shown && (a.QR != "" || a.Reason != agent.ReasonShownElse) {
			t.Errorf("%s: %v (%s) %q %v", name, a.Verdict, a.Reason, a.QR, a.Err)
		}
	}
}

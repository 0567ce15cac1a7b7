package wallet

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"tillwire/agent"
)

// brand is a configured wallet that charges codes.
type brand string

func (b brand) Info() agent.WalletInfo                            { return agent.WalletInfo{Name: string(b)} }
func (b brand) Query(context.Context, agent.Payment) agent.Answer { return agent.Answer{} }
func (b brand) Pay(_ context.Context, _ agent.Payment, _ agent.PayCode) agent.Answer {
	return agent.Answer{}
}

// shower is a configured wallet that only shows codes.
type shower string

func (s shower) Info() agent.WalletInfo                            { return agent.WalletInfo{Name: string(s)} }
func (s shower) Query(context.Context, agent.Payment) agent.Answer { return agent.Answer{} }

// presenter is a configured wallet that shows codes and charges none.
type presenter string

func (p presenter) Info() agent.WalletInfo                              { return agent.WalletInfo{Name: string(p)} }
func (p presenter) Query(context.Context, agent.Payment) agent.Answer   { return agent.Answer{} }
func (p presenter) Present(context.Context, agent.Payment) agent.Answer { return agent.Answer{} }

func set(t *testing.T, members ...Member) *Set {
	t.Helper()
	schemes := func(code string) []string {
		switch {
		case strings.Contains(code, "A000000677010111"):
			return []string{"promptpay"}
		case code == cpmUnionPay:
			return []string{"unionpay"}
		}
		return nil
	}
	s, err := NewSet(DefaultRules(), schemes, members...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func nines(n int) string { return strings.Repeat("7", n) }

const (
	cpmEMVCo    = "hQVDUFYwMWETTwegAAAAVVVVUAhQcm9kdWN0MWETTwegAAAAZmZmUAhQcm9kdWN0MmJJWggSNFZ4kBI0WF8gDkNBUkRIT0xERVIvRU1WXy0IcnVlc2RlZW5kIZ8QBwYBCgMAAACfJghYT9OF+iNLzJ82AgABnzcEbVjvEw=="
	cpmUnionPay = "hQVDUFYwMWFWTwigAAADMwEBAlcRYmNgAQBxNnLSMSIBAAABiAFfNAEAYzOfJghWite85mtxi58nAYCfEBEHAAEDoAAAAQgwMDAwMDAwMZ82AhEiggIAAJ83BCJgSI4="
	promptPay   = "00020101021129370016A000000677010111011300660000000005802TH53037646304EC40"
)

// TestTheTableOfCodes is the table of scanned texts, row by row with its edges.
func TestTheTableOfCodes(t *testing.T) {
	s := set(t, Member{Wallet: brand("wechat")}, Member{Wallet: brand("alipay")})
	for _, row := range []struct {
		text, scheme string
		kind         agent.CodeKind
		wallet       string
	}{
		{cpmEMVCo, "emv-cpm", agent.CodeConsumer, ""},
		{cpmUnionPay, "unionpay", agent.CodeConsumer, ""},
		{cpmEMVCo[:40], "emv-cpm", agent.CodeUnknown, ""},

		{"100000000000000000", "wechat", agent.CodeConsumer, "wechat"},
		{"134567890123456789", "wechat", agent.CodeConsumer, "wechat"},
		{"159999999999999999", "wechat", agent.CodeConsumer, "wechat"},
		{"169999999999999999", "", agent.CodeUnknown, ""},
		{"13456789012345678", "", agent.CodeUnknown, ""},
		{"1345678901234567890", "", agent.CodeUnknown, ""},

		{"25" + nines(14), "alipay", agent.CodeConsumer, "alipay"},
		{"28" + nines(16), "alipay", agent.CodeConsumer, "alipay"},
		{"30" + nines(22), "alipay", agent.CodeConsumer, "alipay"},
		{"30" + nines(23), "", agent.CodeUnknown, ""},
		{"24" + nines(16), "", agent.CodeUnknown, ""},
		{"31" + nines(16), "", agent.CodeUnknown, ""},
		{"25" + nines(13), "", agent.CodeUnknown, ""},

		{"62" + nines(17), "unionpay", agent.CodeConsumer, ""},
		{"62" + nines(16), "", agent.CodeUnknown, ""},
		{"fp" + strings.Repeat("aZ9", 11), "alipay", agent.CodeConsumer, "alipay"},
		{"fp" + strings.Repeat("aZ9", 10), "", agent.CodeUnknown, ""},

		{"31589900" + nines(11), "merpay", agent.CodeConsumer, ""},
		{"31589921" + nines(11), "aupay", agent.CodeConsumer, ""},
		{"31589931" + nines(11), "yuchopay", agent.CodeConsumer, ""},
		{"31589940" + nines(11), "yuchopay", agent.CodeConsumer, ""},
		{"31589995" + nines(11), "pring", agent.CodeConsumer, ""},
		{"31589950" + nines(11), "jpqr-barcode", agent.CodeConsumer, ""},
		{"9000818188" + nines(14), "paypay", agent.CodeConsumer, ""},
		{"9000000000" + nines(9), "linepay", agent.CodeConsumer, ""},
		{"900001" + nines(10), "rakutenpay", agent.CodeConsumer, ""},
		{"90000002" + nines(14), "dbarai", agent.CodeConsumer, ""},
		{"90000001" + nines(14), "origami", agent.CodeConsumer, ""},
		{"9000555" + nines(12), "jp-barcode", agent.CodeConsumer, ""},

		{promptPay, "promptpay", agent.CodeMerchant, ""},
		{"000202010211", "emv-mpm", agent.CodeMerchant, ""},
		{"upi://pay?pa=shop@bank&pn=Shop", "upi", agent.CodeMerchant, ""},
		{"TWQRP://CUBTW/158/02/V1?D1=10000", "twqrp", agent.CodeMerchant, ""},
		{"TWQRP%3A%2F%2FCUBTW%2F158%2F02%2FV1", "twqrp", agent.CodeMerchant, ""},
		{"weixin://wxpay/bizpayurl?pr=abc", "wechat", agent.CodeMerchant, ""},
		{"wxp://f2f0abc", "wechat", agent.CodeMerchant, ""},
		{"https://qr.alipay.com/bax01", "alipay", agent.CodeMerchant, ""},
		{"https://example.com/menu", "url", agent.CodeMerchant, ""},
		{"HTTP://EXAMPLE.COM", "url", agent.CodeMerchant, ""},

		{"4006381333931", "gtin", agent.CodeGoods, ""}, // EAN-13
		{"4006381333932", "", agent.CodeUnknown, ""},
		{"96385074", "gtin", agent.CodeGoods, ""}, // EAN-8
		{"96385075", "", agent.CodeUnknown, ""},
		{"036000291452", "gtin", agent.CodeGoods, ""}, // UPC-A
		{"036000291453", "", agent.CodeUnknown, ""},
		{"", "", agent.CodeUnknown, ""},
		{"hello", "", agent.CodeUnknown, ""},
		{"\x00\xff\xfe", "", agent.CodeUnknown, ""},
	} {
		c := s.Identify(agent.NewPayCode(row.text), "")
		if c.Kind != row.kind || c.Scheme != row.scheme || c.Wallet != row.wallet {
			t.Errorf("%.30q is %s %q for %q, want %s %q for %q", row.text, c.Kind, c.Scheme, c.Wallet, row.kind, row.scheme, row.wallet)
		}
		if c.Text.Reveal() != strings.TrimFunc(row.text, func(r rune) bool { return r <= ' ' }) {
			t.Errorf("%.30q became %q", row.text, c.Text.Reveal())
		}
	}
}

func TestWhatSurroundsACodeIsTakenOff(t *testing.T) {
	s := set(t, Member{Wallet: brand("wechat")})
	const code = "134567890123456789"
	for _, text := range []string{code + "\r", code + "\r\n", "\x02" + code + "\x03", "]C0" + code, "]C1" + code + "\n", " ]Q1" + code,
		"1345 6789 0123 4567 89", "\t" + code, "]Q1 " + code} {
		c := s.Identify(agent.NewPayCode(text), "")
		if c.Wallet != "wechat" || c.Text.Reveal() != code {
			t.Errorf("%q became %s %q", text, c.Kind, c.Text.Reveal())
		}
	}
	// A merchant's payload counts the blanks of its names: they stay.
	const payload = "0002015910CORNER BAR"
	if c := s.Identify(agent.NewPayCode("]Q1"+payload+"\r"), ""); c.Text.Reveal() != payload {
		t.Errorf("a merchant's payload became %q", c.Text.Reveal())
	}
	// An EAN symbol is goods, whatever digits it has.
	if c := s.Identify(agent.NewPayCode("]E0"+code), ""); c.Kind != agent.CodeGoods {
		t.Errorf("an EAN symbol was taken for %s", c.Kind)
	}
}

func TestOnlyConfiguredWalletsDecide(t *testing.T) {
	code := agent.NewPayCode("777777777777777777") // 18 digits without a prefix
	if c := set(t, Member{Wallet: brand("wechat")}).Identify(code, ""); c.Kind != agent.CodeUnknown {
		t.Errorf("a length alone was taken for %q", c.Scheme)
	}
	line := set(t, Member{Wallet: brand("wechat")}, Member{Wallet: brand("linepay")})
	if c := line.Identify(code, ""); c.Wallet != "linepay" {
		t.Errorf("with LINE Pay configured it is for %q", c.Wallet)
	}
	if c := line.Identify(agent.NewPayCode("134567890123456789"), ""); c.Wallet != "wechat" {
		t.Errorf("a prefix must win over a length; it is for %q", c.Wallet)
	}
	if c := set(t, Member{Wallet: shower("wechat")}).Identify(agent.NewPayCode("134567890123456789"), ""); c.Wallet != "" {
		t.Error("a wallet that only shows codes was given one to charge")
	}
	both := set(t, Member{Wallet: brand("acquirer"), Takes: []string{"alipay", "unionpay"}}, Member{Wallet: brand("alipay")})
	if c := both.Identify(agent.NewPayCode("28"+nines(16)), ""); c.Wallet != "acquirer" {
		t.Errorf("the first configured wallet that takes it counts, not %q", c.Wallet)
	}
}

func TestTheContractSaysWhoseACodeIs(t *testing.T) {
	acquirer := func(takes ...string) Member { return Member{Wallet: brand("acquirer"), Takes: takes} }
	alipay, mainland := "28"+nines(16), "134567890123456789"
	hongKong := "15" + nines(16)
	line := "777777777777777777"
	for _, row := range []struct {
		name    string
		members []Member
		text    string
		wallet  string
	}{
		{"Alipay's own contract", []Member{{Wallet: brand("alipay")}}, alipay, "alipay"},
		{"Alipay+ through an acquirer", []Member{acquirer("alipay")}, alipay, "acquirer"},
		{"another contract", []Member{acquirer("unionpay")}, alipay, ""},
		{"Hong Kong without a contract of its own", []Member{{Wallet: brand("wechat")}}, hongKong, "wechat"},
		{"Hong Kong with one", []Member{{Wallet: brand("wechat")}, acquirer("wechathk")}, hongKong, "acquirer"},
		{"the mainland beside it", []Member{acquirer("wechathk"), {Wallet: brand("wechat")}}, mainland, "wechat"},
		{"the mainland with Hong Kong alone", []Member{acquirer("wechathk")}, mainland, ""},
		{"a length without a contract", []Member{{Wallet: brand("wechat")}}, line, ""},
		{"a length with one", []Member{{Wallet: brand("linepay")}}, line, "linepay"},
		{"a key that begins like another's code", []Member{{Wallet: brand("linepay")}}, mainland, "linepay"},
		{"where the other is taken, too", []Member{{Wallet: brand("linepay")}, {Wallet: brand("wechat")}}, mainland, "wechat"},
		{"any EMV code", []Member{acquirer("emv-cpm")}, cpmUnionPay, "acquirer"},
		{"an EMV code by its application", []Member{acquirer("emv-cpm"), {Wallet: brand("unionpay")}}, cpmUnionPay, "unionpay"},
		{"an EMV code of an application nobody takes", []Member{{Wallet: brand("unionpay")}}, cpmEMVCo, ""},
		{"a brand before the barcode it shares", []Member{acquirer("jpqr-barcode"), {Wallet: brand("merpay")}}, "31589900" + nines(11), "merpay"},
		{"the shared barcode alone", []Member{acquirer("jpqr-barcode")}, "31589900" + nines(11), "acquirer"},
	} {
		if c := set(t, row.members...).Identify(agent.NewPayCode(row.text), ""); c.Wallet != row.wallet {
			t.Errorf("%s: it goes to %q, want %q", row.name, c.Wallet, row.wallet)
		}
	}
}

// contract is a configured wallet that charges codes in some currencies.
type contract struct {
	brand
	currencies []agent.Currency
}

func (c contract) Info() agent.WalletInfo {
	return agent.WalletInfo{Name: string(c.brand), Currency: c.currencies}
}

// One brand may be reached by two contracts whose codes look alike: the price tells
// which of them a payment goes to.
func TestThePriceTellsWhichContractTakesACode(t *testing.T) {
	priced := func(name brand, takes string, currencies ...agent.Currency) Member {
		return Member{Wallet: contract{name, currencies}, Takes: []string{takes}}
	}
	s := set(t, priced("wechat", "wechat", "CNY"), priced("wechatglobal", "wechat", "HKD", "JPY"), priced("hongkong", "wechathk", "HKD"),
		priced("alipay", "alipay", "CNY"), priced("alipayplus", "alipay"),
		priced("unionpay", "unionpay", "CNY"), priced("emv", "emv-cpm", "THB"))
	home, hongKong, alipay := "134567890123456789", "15"+nines(16), "28"+nines(16)
	for _, row := range []struct {
		text, wallet, scheme string
		in                   agent.Currency
	}{
		{home, "wechat", "wechat", "CNY"},
		{home, "wechatglobal", "wechat", "JPY"},
		{home, "wechat", "wechat", ""},
		{home, "wechat", "wechat", "THB"}, // nobody's: the first says that it does not take baht
		{hongKong, "hongkong", "wechat", "HKD"},
		{hongKong, "wechatglobal", "wechat", "JPY"},
		{hongKong, "wechat", "wechat", "CNY"},
		{hongKong, "hongkong", "wechat", "THB"},
		{alipay, "alipay", "alipay", "CNY"},
		{alipay, "alipayplus", "alipay", "SGD"}, // which takes whatever is asked
		{cpmUnionPay, "unionpay", "unionpay", "CNY"},
		{cpmUnionPay, "emv", "unionpay", "THB"},
	} {
		if c := s.Identify(agent.NewPayCode(row.text), row.in); c.Wallet != row.wallet || c.Scheme != row.scheme {
			t.Errorf("%.4s… for %q goes to %q as %q, want %q as %q", row.text, row.in, c.Wallet, c.Scheme, row.wallet, row.scheme)
		}
	}
}

func TestAWalletThatOnlyShowsIsExplained(t *testing.T) {
	s := set(t, Member{Wallet: presenter("unionpay")})
	c := s.Identify(agent.NewPayCode("62"+nines(17)), "")
	if got := s.Explain(c); c.Wallet != "" || got.English != "This is a UnionPay code. Here the customer scans our code for UnionPay: show it" {
		t.Errorf("%q for %q", got.English, c.Wallet)
	}
	c = s.Identify(agent.NewPayCode("28"+nines(16)), "")
	if got := s.Explain(c); got.ID != "scan.not_taken" {
		t.Errorf("another wallet's code: %q", got.English)
	}
}

func TestAShopMayBringRulesOfItsOwn(t *testing.T) {
	own := Rule{Kind: agent.CodeConsumer, Scheme: "bank", Pattern: `^77\d{16}$`}
	s, err := NewSet([]Rule{own}, nil, Member{Wallet: brand("bank")})
	if err != nil {
		t.Fatal(err)
	}
	if c := s.Identify(agent.NewPayCode("777777777777777777"), ""); c.Wallet != "bank" {
		t.Errorf("%+v", c)
	}
	for _, wrong := range []Rule{{Kind: "bank", Pattern: "^1"}, {Kind: agent.CodeConsumer, Pattern: "^("}, {Kind: agent.CodeConsumer, Pattern: "77"}} {
		if _, err := NewSet([]Rule{own, wrong}, nil); err == nil {
			t.Errorf("%+v was taken", wrong)
		}
	}
}

// TestACodeThatLivesAMinuteIsKnownWhoeverTakesIt: a shop's own pattern that is too wide, or
// a brand that takes another's codes, makes nothing of it that can be kept.
func TestACodeThatLivesAMinuteIsKnownWhoeverTakesIt(t *testing.T) {
	s := set(t, Member{Wallet: brand("shopcard"), Takes: []string{"shopcard", "unionpay"}})
	own, err := OwnRules(`shopcard ^\d{18,20}$`)
	if err != nil {
		t.Fatal(err)
	}
	rules := Join(DefaultRules(), own)
	for i := range rules {
		switch rules[i].Name {
		case "wechat":
			rules[i].Pattern = `^13\d{16}$` // the owner has made it narrower
		case "ecny":
			rules[i].Pattern = `^7701\d{16}$` // and has been told another
		}
	}
	if err := s.Use(rules); err != nil {
		t.Fatal(err)
	}
	for text, momentary := range map[string]bool{
		"134567890123456789": true, "144567890123456789": true, "287654321098765432": true, "62" + nines(17): true, cpmUnionPay: true,
		"1345 6789 0123 4567 89": true, "90000000001234567890123"[:19]: true, "7701" + nines(16): true,
		"8800" + nines(16): false, "8800" + nines(15): false, "abc": false, promptPay: false,
	} {
		if got := s.Momentary(agent.NewPayCode(text)); got != momentary {
			t.Errorf("%s lives a minute: %t", text, got)
		}
	}
	for _, text := range []string{"134567890123456789", "144567890123456789", "62" + nines(17)} {
		if got := s.Identify(agent.NewPayCode(text), ""); got.Wallet != "shopcard" {
			t.Errorf("%s goes to %q: the shop's card does not take it, so this shows nothing", text, got.Wallet)
		}
	}
	// A length alone tells only where somebody takes such codes.
	line := set(t, Member{Wallet: brand("linepay")})
	if code := agent.NewPayCode("8800" + nines(15)); !line.Momentary(code) {
		t.Error("a code of 19 digits is LINE Pay's where that is taken")
	}
}

func TestEachWrongCodeIsNamed(t *testing.T) {
	s := set(t, Member{Wallet: brand("wechat")})
	for text, want := range map[string]string{
		"134567890123456789":             "This is a WeChat Pay payment code",
		"28" + nines(16):                 "This is an Alipay code; this shop does not take Alipay. Ask for another way to pay",
		"62" + nines(17):                 "This is a UnionPay code; this shop does not take UnionPay. Ask for another way to pay",
		"4006381333931":                  "This is a goods barcode. Scan the payment code on the customer's phone",
		promptPay:                        "This is a shop's code (PromptPay): the customer scans it with the phone. Ask for the payment code",
		"https://example.com":            "This is a web link, not a payment code. Ask the customer to open the payment code",
		cpmEMVCo[:40]:                    "Only a part of the code was read. Scan it again",
		"hello":                          "This is not a payment code. Ask the customer to open the payment code",
		"weixin://wxpay/bizpayurl?pr=ab": "This is a shop's code (WeChat Pay): the customer scans it with the phone. Ask for the payment code",
	} {
		if got := Explain(s.Identify(agent.NewPayCode(text), "")); got.English != want {
			t.Errorf("%.30q: %q, want %q", text, got.English, want)
		}
	}
	ids := map[string]bool{}
	for _, sentence := range Sentences() {
		if ids[sentence.ID] || sentence.English == "" {
			t.Errorf("sentence %q is empty or there twice", sentence.ID)
		}
		ids[sentence.ID] = true
	}
}

func TestWalletsHaveNamesOfTheirOwn(t *testing.T) {
	if _, err := NewSet(nil, nil, Member{Wallet: brand("a")}, Member{Wallet: brand("a")}); err == nil {
		t.Error("two wallets of one name were taken")
	}
	s := set(t, Member{Wallet: brand("a")}, Member{Wallet: brand("b")})
	if w, ok := s.Wallet("b"); !ok || w.Info().Name != "b" {
		t.Error("b was not found")
	}
	if _, ok := s.Wallet("c"); ok {
		t.Error("c was found")
	}
	if fmt.Sprint(s.All()) != "[a b]" {
		t.Error(s.All())
	}
}

func FuzzIdentify(f *testing.F) {
	for _, text := range []string{"134567890123456789", cpmEMVCo, promptPay, "]E04006381333931", "\x02fp\r", "upi://", ""} {
		f.Add(text)
	}
	s, err := NewSet(DefaultRules(), nil, Member{Wallet: brand("wechat")}, Member{Wallet: brand("linepay")})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := s.Identify(agent.NewPayCode(text), "")
		if c.Wallet != "" && c.Kind != agent.CodeConsumer {
			t.Errorf("%q: a wallet for %s", text, c.Kind)
		}
		if Explain(c).English == "" {
			t.Errorf("%q: nothing to say", text)
		}
		// The cleaned text is what it says it is.
		if again := s.Identify(c.Text, ""); c.Kind == agent.CodeConsumer && again != c {
			t.Errorf("%q is %+v and then %+v", text, c, again)
		}
	})
}

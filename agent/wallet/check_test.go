package wallet

import (
	"regexp"
	"strings"
	"testing"

	"tillwire/agent"
)

// changed is the table with one pattern changed.
func changed(name, pattern string) []Rule {
	rules := DefaultRules()
	for i := range rules {
		if rules[i].Name == name {
			rules[i].Pattern = pattern
		}
	}
	return rules
}

func TestTheDefaultTableHoldsNoSurprises(t *testing.T) {
	if err := CheckRules(DefaultRules()); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, r := range DefaultRules() {
		if r.Name == "" || names[r.Name] || strings.Trim(r.Name, "abcdefghijklmnopqrstuvwxyz_") != "" {
			t.Errorf("the name %q is there twice or is no key", r.Name)
		}
		names[r.Name] = true
		if Brand(r.Scheme) == r.Scheme && r.Scheme != "pring" {
			t.Errorf("nobody would know %s by the name %q", r.Name, Brand(r.Scheme))
		}
		if r.Pattern != "" && len(samples(r.Pattern)) < 3 {
			t.Errorf("%s can hardly be checked: %q", r.Name, samples(r.Pattern))
		}
	}
}

func TestAChangedTableIsCheckedBeforeItIsUsed(t *testing.T) {
	for _, row := range []struct{ name, rule, pattern, says string }{
		{"a wallet nobody knew", "grabpay", `^77\d{16}$`, ""},
		{"a wider prefix", "wechat", `^1[0-6]\d{16}$`, ""},
		{"a wallet left out", "alipay", ``, ""},
		{"another length", "linepay_length", `^\d{12}$`, ""},
		{"not anchored", "grabpay", `77\d{16}`, "must begin with ^"},
		{"anchored in one alternative of two", "grabpay", `^77\d{16}$|8899\d{14}`, "must begin with ^"},
		{"anchored at every line", "grabpay", `(?m)^77\d{16}$`, "must begin with ^"},
		{"anchored behind a choice", "grabpay", `(^77)?\d{16}$`, "must begin with ^"},
		{"anchored in each alternative", "grabpay", `^77\d{16}$|^8899\d{14}$`, ""},
		{"anchored for all of them", "grabpay", `(?i)^(g7|g8)\d{16}$`, ""},
		{"not a pattern", "grabpay", `^(77`, "not a regular expression"},
		{"another's prefix", "emv_cpm", `^(hQVDUFYwM|1)`, "of EMV also takes codes of WeChat Pay"},
		{"any digits", "alipay", `^\d{16,24}$`, "of Alipay also takes codes of UnionPay"},
		{"behind the one that takes them", "grabpay", `^13\d{16}$`, "of GrabPay never gets a code: WeChat Pay takes them all"},
		{"goods", "grabpay", `^[4-9]\d{7,12}$`, "takes the barcodes of goods"},
		{"what a shop shows", "grabpay", `^(0002|7777)`, "of GrabPay also takes codes of EMV"},
		{"nothing at all", "grabpay", `^a\bb$`, "matches nothing"},
	} {
		err := CheckRules(changed(row.rule, row.pattern))
		if row.says == "" && err != nil || row.says != "" && (err == nil || !strings.Contains(err.Error(), row.says)) {
			t.Errorf("%s: %v, want %q", row.name, err, row.says)
		}
	}
}

func TestAShopsOwnRulesStandBeforeTheLengths(t *testing.T) {
	own, err := OwnRules(` bank-7 ^77\d{16}$  voucher ^V\d{8}$ `)
	if err != nil || len(own) != 2 || own[1].Scheme != "voucher" {
		t.Fatalf("%+v, %v", own, err)
	}
	rules := Join(DefaultRules(), own)
	if err := CheckRules(rules); err != nil {
		t.Fatal(err)
	}
	s, err := NewSet(DefaultRules(), nil, Member{Wallet: brand("bank-7")}, Member{Wallet: brand("linepay")})
	if err != nil {
		t.Fatal(err)
	}
	code := agent.NewPayCode("77" + nines(16))
	if c := s.Identify(code, ""); c.Wallet != "linepay" {
		t.Errorf("without the rule it goes to %q", c.Wallet)
	}
	if err := s.Use(rules); err != nil {
		t.Fatal(err)
	}
	if c := s.Identify(code, ""); c.Wallet != "bank-7" || c.Scheme != "bank-7" {
		t.Errorf("with the rule it goes to %q", c.Wallet)
	}
	if err := s.Use(changed("wechat", "^(")); err == nil || s.Identify(code, "").Wallet != "bank-7" {
		t.Errorf("rules that cannot work were put in force: %v", err)
	}
	for text, says := range map[string]string{"bank": "without its pattern", "Bank ^7": "is no name", "a ^1 b": "without its pattern"} {
		if _, err := OwnRules(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if own, err := OwnRules("  "); err != nil || own != nil {
		t.Errorf("nothing is %v, %v", own, err)
	}
	if joined := Join(nil, own); len(joined) != len(own) {
		t.Errorf("an empty table: %v", joined)
	}
}

func FuzzCheckRules(f *testing.F) {
	for _, r := range DefaultRules() {
		f.Add(r.Pattern)
	}
	f.Add(`^(a*)*b+?[^\x00-\x{10ffff}]{3,}(?i)x.$`)
	f.Fuzz(func(t *testing.T, pattern string) {
		for _, text := range samples(pattern) {
			if !regexp.MustCompile(pattern).MatchString(text) {
				t.Errorf("%q does not match %q", pattern, text)
			}
		}
		// A table that is let through leaves every other wallet its codes.
		if CheckRules(changed("grabpay", pattern)) != nil {
			return
		}
		s, err := NewSet(changed("grabpay", pattern), nil, Member{Wallet: brand("grabpay")}, Member{Wallet: brand("wechat")})
		if err != nil {
			t.Fatalf("%q was checked and is not taken: %v", pattern, err)
		}
		if c := s.Identify(agent.NewPayCode("134567890123456789"), ""); c.Wallet != "wechat" {
			t.Errorf("%q: WeChat's code goes to %q", pattern, c.Wallet)
		}
	})
}

func BenchmarkCodeIdentify(b *testing.B) {
	s, err := NewSet(DefaultRules(), nil, Member{Wallet: brand("wechat")}, Member{Wallet: brand("alipay")})
	if err != nil {
		b.Fatal(err)
	}
	for name, text := range map[string]string{"first": "134567890123456789", "emv": cpmUnionPay, "unknown": "777777777777777777", "goods": "4006381333931", "link": "https://example.com/menu"} {
		code := agent.NewPayCode(text)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				s.Identify(code, "")
			}
		})
	}
}

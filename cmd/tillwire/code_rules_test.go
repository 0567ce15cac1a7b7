package main

import (
	"context"
	"slices"
	"strings"
	"testing"

	"tillwire/agent"
	"tillwire/agent/settings"
	"tillwire/agent/wallet"
	"tillwire/cmd/cli"
)

func TestThePatternsOfCodesAreSettings(t *testing.T) {
	book := settings.New(nil, settings.Table(settings.Start{Shop: "S", Language: "en", Languages: []string{"en"}, Codes: codeRows()}))
	rules, err := codeRules(book.Values())
	if err != nil || !slices.Equal(rules, wallet.DefaultRules()) {
		t.Errorf("the defaults of the settings are not the table's: %v", err)
	}
	keys := settings.Keys(settings.Table(settings.Start{Shop: "S", Language: "en", Languages: []string{"en"}, Codes: codeRows()}))
	for _, key := range codeKeys() {
		if !slices.Contains(keys, key) {
			t.Errorf("%s obeys nobody", key)
		}
	}
	titles := map[string]bool{}
	for _, row := range codeRows() {
		titles[row.Title] = true
	}
	if len(titles) < len(codeRows())-3 { // Alipay and LINE Pay have two kinds of codes each
		t.Errorf("titles cannot be told apart: %v", titles)
	}
}

func TestPatternsAreVerifiedWhenTheyAreSaved(t *testing.T) {
	file := equipped(t, sound)
	set := func(pairs ...string) result {
		return invoke(t, "", append([]string{"settings", "set", "--config", file}, pairs...)...)
	}
	for _, c := range []struct{ key, value, says string }{
		{"codes.grabpay", `^(77`, "not a regular expression"},
		{"codes.grabpay", `77`, "must begin with ^"},
		{"codes.alipay", `^\d{16,24}$`, "also takes codes of UnionPay"},
		{"codes.own", `bank`, "without its pattern"},
		{"codes.gabpay", `^77\d{16}$`, "codes.grabpay"},
	} {
		if r := set(c.key, c.value); r.code != cli.Found || !strings.Contains(r.stderr, c.says) {
			t.Errorf("%s %s: %+v", c.key, c.value, r)
		}
	}
	if r := set("codes.grabpay", `^77\d{16}$`, "codes.own", `bank ^88\d{16}$`); r.code != cli.Fine {
		t.Errorf("%+v", r)
	}
	if r := invoke(t, "", "settings", "get", "--config", file, "codes.grabpay"); !strings.Contains(r.stdout, `codes.grabpay = ^77\d{16}$`) {
		t.Errorf("%+v", r)
	}
}

// savedSettings is a store that takes everything and had nothing.
type savedSettings struct{}

func (savedSettings) LoadSettings(context.Context) ([]agent.Change, error) { return nil, nil }
func (savedSettings) SaveSettings(context.Context, []agent.Change) error   { return nil }

func TestSavedPatternsHoldForTheNextScan(t *testing.T) {
	set, err := wallet.NewSet(wallet.DefaultRules(), schemesOf)
	if err != nil {
		t.Fatal(err)
	}
	book := settings.New(savedSettings{}, settings.Table(settings.Start{Shop: "S", Language: "en", Languages: []string{"en"}, Codes: codeRows()}))
	book.Subscribe(codeSettings{use: set.Use}, codeKeys()...)
	code := agent.NewPayCode("777777777777777777")
	if c := set.Identify(code, ""); c.Kind != agent.CodeUnknown {
		t.Fatalf("it is known before: %+v", c)
	}
	effects, err := book.Apply(t.Context(), []agent.Change{{Key: "codes.grabpay", Value: `^77\d{16}$`, By: "person:1"}})
	if err != nil || effects["codes.grabpay"] != agent.EffectLive {
		t.Fatal(effects, err)
	}
	if c := set.Identify(code, ""); c.Scheme != "grabpay" {
		t.Errorf("after the change it is %+v", c)
	}
	if got := (shopWallets{set}).Explain(set.Identify(code, "")).English; !strings.Contains(got, "does not take GrabPay") {
		t.Error(got)
	}
}

func TestAContractMaySayWhoseCodesAWalletTakes(t *testing.T) {
	_, c, faults := alipayShop(t, byKey+"\ntakes = [\"alipay\", \"wechathk\"]")
	members, more := openWallets(c.Wallets, quiet(*c))
	if len(faults)+len(more) != 0 || len(members) != 1 {
		t.Fatalf("%v %v", faults, more)
	}
	set, err := wallet.NewSet(wallet.DefaultRules(), schemesOf, members...)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{"159999999999999999": members[0].Wallet.Info().Name, "289999999999999999": members[0].Wallet.Info().Name, "139999999999999999": ""} {
		if code := set.Identify(agent.NewPayCode(text), ""); code.Wallet != want {
			t.Errorf("%.2s… goes to %q, want %q", text, code.Wallet, want)
		}
	}
}

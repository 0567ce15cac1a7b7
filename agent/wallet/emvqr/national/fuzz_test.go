package national

import (
	"strings"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet/emvqr"
)

// Whatever is asked for: it is refused, or it is a code that reads as one of the
// scheme and says the amount.
func FuzzWrite(f *testing.F) {
	for i, scheme := range Schemes() {
		for _, g := range goldens(f, scheme) {
			var members []string
			for _, name := range Members(scheme) {
				members = append(members, g.Ask.Account[name])
			}
			f.Add(uint8(i), strings.Join(members, "\n"), g.Ask.Amount.Value, g.Ask.Once, g.Ask.Reference, g.Ask.Name, g.Ask.City, g.Ask.Labels["bill"], g.Ask.Local.Name)
		}
	}
	f.Fuzz(func(t *testing.T, scheme uint8, members string, value int64, once bool, reference, name, city, bill, local string) {
		names := Schemes()
		a := Ask{Scheme: names[int(scheme)%len(names)], Account: map[string]string{}, Once: once, Reference: reference, Name: name, City: city}
		given := strings.Split(members, "\n")
		for i, member := range Members(a.Scheme) {
			if i < len(given) {
				a.Account[member] = given[i]
			}
		}
		if a.Scheme == "emv" {
			a.Account["26.00"], a.Country, a.Amount.Currency = members, "SG", "SGD"
		}
		a.Amount.Value = value
		for _, s := range merchantSchemes {
			if s.Name == a.Scheme && len(s.Currencies) > 0 {
				a.Amount.Currency, _ = agent.CurrencyOf(s.Currencies[0])
			}
		}
		if a.Scheme == "khqr" && once {
			a.Created, a.Expires = time.UnixMilli(1726748914287), time.UnixMilli(1726749514287)
		}
		if a.Scheme == "upi" {
			a.Amount.Currency, a.City = "INR", ""
		} else if bill != "" {
			a.Labels = map[string]string{"bill": bill}
		}
		if local != "" && a.Scheme != "upi" {
			a.Local = Local{"zh", local, ""}
		}
		text, err := Write(a)
		if err != nil {
			return
		}
		if a.Scheme == "upi" {
			link, err := emvqr.ReadUPI(text)
			if err != nil || len(link.Warnings) != 0 || link.Get("pa") != a.Account["vpa"] || link.Get("tr") != reference {
				t.Errorf("%s: %v, %q", text, err, link.Warnings)
			}
			return
		}
		p, err := emvqr.ReadMerchant(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		profile, complaints := Identify(p)
		if profile.Name != a.Scheme || len(complaints)+len(p.Warnings) != 0 || p.ByteLengths {
			t.Errorf("%s: %s, %q %q", text, profile.Name, complaints, p.Warnings)
		}
		if (p.Get("54") != "") != (value != 0) || once != (p.Get("01") == "12") {
			t.Errorf("%s: the amount %d, once %t", text, value, once)
		}
		if again, err := Share(text); err != nil || again != text {
			t.Errorf("%s alone became %s, %v", text, again, err)
		}
	})
}

func FuzzIdentify(f *testing.F) {
	for _, text := range []string{"000201", "00020101021126650009SG.PAYNOW"} {
		f.Add(text)
	}
	for _, scheme := range Schemes() {
		for _, g := range goldens(f, scheme) {
			f.Add(g.Payload)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := emvqr.ReadMerchant(text)
		if profile, _ := Identify(p); profile.Name == "" || profile.Title == "" {
			t.Errorf("%q has no name", text)
		}
		shared, alone := Share(text)
		if err == nil && alone == nil {
			if _, err := emvqr.ReadMerchant(shared); err != nil {
				t.Errorf("%q became %q: %v", text, shared, err)
			}
		}
		if link, err := emvqr.ReadUPI(text); err == nil {
			if profile, _ := IdentifyUPI(link); profile.Name != "upi" {
				t.Errorf("%q is %s", text, profile.Name)
			}
		}
		if code, err := emvqr.ReadConsumer(text); err == nil {
			if profile, _ := IdentifyConsumer(code); profile.Name == "" {
				t.Errorf("%q has no name", text)
			}
		}
	})
}

func BenchmarkCodeWrite(b *testing.B) {
	for _, scheme := range Schemes() {
		rows := goldens(b, scheme)
		ask := rows[len(rows)-1].Ask
		b.Run(scheme, func(b *testing.B) {
			for b.Loop() {
				if _, err := Write(ask); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCodeRead(b *testing.B) {
	for _, scheme := range []string{"promptpay", "sgqr", "qris"} {
		payload := goldens(b, scheme)[0].Payload
		b.Run(scheme, func(b *testing.B) {
			for b.Loop() {
				p, err := emvqr.ReadMerchant(payload)
				if err != nil {
					b.Fatal(err)
				}
				Identify(p)
			}
		})
	}
}

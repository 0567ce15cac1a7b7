package national

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tillwire/agent"
	"tillwire/agent/wallet/emvqr"
)

// golden is one code of a scheme's golden file.
type golden struct {
	About string `json:"about"`
	// Published names the vector of ../testdata/merchant.json that says the same:
	// "M-A13" to the character, "fields M-A02" in other words or another order.
	Published string `json:"published,omitempty"`
	Ask       Ask    `json:"ask"`
	Payload   string `json:"payload"`
}

var update = flag.Bool("update", false, "write the payloads of the golden files anew")

func goldens(t testing.TB, scheme string) []golden {
	t.Helper()
	name := filepath.Join("testdata", scheme+".json")
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var rows []golden
	reader := json.NewDecoder(bytes.NewReader(raw))
	reader.DisallowUnknownFields()
	if err := reader.Decode(&rows); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for i := range rows {
		rows[i].Ask.Scheme = scheme
		if *update {
			if rows[i].Payload, err = Write(rows[i].Ask); err != nil {
				t.Fatalf("%s: %v", rows[i].About, err)
			}
		}
	}
	if *update {
		save(t, name, rows)
	}
	return rows
}

func save(t testing.TB, name string, rows []golden) {
	t.Helper()
	out := slices.Clone(rows)
	for i := range out {
		out[i].Ask.Scheme = ""
	}
	var b bytes.Buffer
	w := json.NewEncoder(&b)
	w.SetEscapeHTML(false)
	w.SetIndent("", " ")
	if err := w.Encode(out); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A scheme is a row and a golden file; neither is there without the other.
func TestEverySchemeHasItsGoldenFile(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".json"))
	}
	slices.Sort(names)
	if !slices.Equal(names, Schemes()) {
		t.Errorf("golden files %v\nschemes %v", names, Schemes())
	}
	for _, name := range names {
		once, again := 0, 0
		for _, g := range goldens(t, name) {
			if g.Ask.Once {
				once++
			} else {
				again++
			}
		}
		if once == 0 || again == 0 {
			t.Errorf("%s: %d codes for one payment and %d static ones; there should be both", name, once, again)
		}
	}
}

func TestGoldenCodesAreWritten(t *testing.T) {
	for _, scheme := range Schemes() {
		for _, g := range goldens(t, scheme) {
			t.Run(scheme+" "+g.About, func(t *testing.T) {
				text, err := Write(g.Ask)
				if err != nil || text != g.Payload {
					t.Fatalf("wrote %s, %v\nwant  %s", text, err, g.Payload)
				}
				checkGolden(t, g, text)
			})
		}
	}
}

// checkGolden reads a written code as a stranger's.
func checkGolden(t *testing.T, g golden, text string) {
	t.Helper()
	if g.Ask.Scheme == "upi" {
		link, err := emvqr.ReadUPI(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, complaints := IdentifyUPI(link); len(complaints)+len(link.Warnings) != 0 || link.Get("pa") != g.Ask.Account["vpa"] {
			t.Errorf("complaints %q %q", complaints, link.Warnings)
		}
		return
	}
	p, err := emvqr.ReadMerchant(text)
	if err != nil {
		t.Fatal(err)
	}
	profile, complaints := Identify(p)
	if profile.Name != g.Ask.Scheme || len(complaints)+len(p.Warnings) != 0 {
		t.Errorf("it is %s, complaints %q %q", profile.Name, complaints, p.Warnings)
	}
	if again, err := emvqr.Encode(emvqr.Canonical(p)); err != nil || again != text {
		t.Errorf("not in order: %s, %v", again, err)
	}
	name, same := g.Published, true
	if rest, ok := strings.CutPrefix(name, "fields "); ok {
		name, same = rest, false
	}
	if name == "" {
		return
	}
	payload := published(t)[name]
	if same {
		if text != payload {
			t.Errorf("wrote     %s\npublished %s", text, payload)
		}
		return
	}
	theirs, err := emvqr.ReadMerchant(payload)
	if err != nil {
		t.Fatal(err)
	}
	if differ := differences(p.Fields(), theirs.Fields(), ""); !slices.Equal(differ, known[name]) {
		t.Errorf("differs from %s in %v, want %v", name, differ, known[name])
	}
}

// known are the objects in which a written code differs from the published one,
// with the reason.
var known = map[string][]string{
	"M-A05": {"62.50"}, // a template of one sender's own
	"M-A09": {"51.00"}, // the older name of QRIS
	"M-A12": {"26.00"}, // the name in capitals
	"M-A15": {"54"},    // dollars without cents
	"M-A17": {"54"},    // dollars without cents
}

func differences(a, b map[string]any, path string) (list []string) {
	ids := map[string]bool{}
	for id := range a {
		ids[id] = true
	}
	for id := range b {
		ids[id] = true
	}
	for id := range ids {
		x, nestsA := a[id].(map[string]any)
		y, nestsB := b[id].(map[string]any)
		switch {
		case path == "" && id == "63":
		case nestsA && nestsB:
			list = append(list, differences(x, y, path+id+".")...)
		case !reflect.DeepEqual(a[id], b[id]):
			list = append(list, path+id)
		}
	}
	slices.Sort(list)
	return list
}

func good() Ask {
	return Ask{Scheme: "paynow", Account: map[string]string{"uen": "201403121W"}, Once: true,
		Amount: agent.Money{Value: 1280, Currency: "SGD"}, Reference: "ABC-1", Name: "ACME", City: "Singapore"}
}

func TestWhatCannotBeWrittenIsRefusedWithASentence(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Ask)
		says   string
	}{
		{"nothing", func(*Ask) {}, ""},
		{"a scheme nobody knows", func(a *Ask) { a.Scheme = "paynaw" }, "not known; there are bharatqr"},
		{"nobody to pay", func(a *Ask) { a.Account = nil }, "would be taken for a code of EMV"},
		{"two proxies", func(a *Ask) { a.Account["mobile"] = "+6512345678" }, "26.00 would be written twice"},
		{"another scheme's member", func(a *Ask) { a.Account["biller"] = "1" }, `no place for the account's "biller"`},
		{"once without amount", func(a *Ask) { a.Amount.Value = 0 }, "needs the amount"},
		{"less than nothing", func(a *Ask) { a.Amount.Value = -1 }, "cannot be asked for"},
		{"more than anything", func(a *Ask) { a.Amount.Value = agent.MaxMinor + 1 }, "cannot be asked for"},
		{"another currency", func(a *Ask) { a.Amount.Currency = "THB" }, "PayNow uses 702"},
		{"no currency", func(a *Ask) { a.Amount.Currency = "SGX" }, `"SGX" is not known`},
		{"another country", func(a *Ask) { a.Country = "MY" }, "of SG"},
		{"no name", func(a *Ask) { a.Name = "" }, "59, the merchant name, is missing"},
		{"a name in local script", func(a *Ask) { a.Name = "阿珂" }, "put the local script into local"},
		{"a name with a line end", func(a *Ask) { a.Name = "ACME\n" }, "outside ASCII"},
		{"a long reference", func(a *Ask) { a.Reference = strings.Repeat("A", 26) }, "at most 25"},
		{"a reference in local script", func(a *Ask) { a.Reference = "订单" }, "reference is not printable"},
		{"a tip", func(a *Ask) { a.Tip.Ask = true }, "PayNow has no tips"},
		{"a label nobody knows", func(a *Ask) { a.Labels = map[string]string{"colour": "red"} }, `"colour" is not known`},
		{"a long label", func(a *Ask) { a.Labels = map[string]string{"store": strings.Repeat("1", 26)} }, "62.03 has 26 characters"},
		{"the reference's own place", func(a *Ask) { a.Labels = map[string]string{"bill": "1"} }, "62.01 would be written twice"},
		{"a time of creation", func(a *Ask) { a.Created = a.Created.AddDate(2026, 0, 0) }, "no place for a time of creation"},
		{"a category of letters", func(a *Ask) { a.Category = "FOOD" }, "52, the merchant category"},
		{"half a local name", func(a *Ask) { a.Local.Name = "阿珂" }, "a language of two letters"},
		{"a broken byte", func(a *Ask) { a.Local = Local{"zh", "\xff", ""} }, "64.01 has a character"},
	} {
		a := good()
		c.change(&a)
		text, err := Write(a)
		var refused *Refused
		if c.says == "" && err != nil || c.says != "" && (!errors.As(err, &refused) || !strings.Contains(err.Error(), c.says) || text != "") {
			t.Errorf("%s: %s, %v; want %q", c.name, text, err, c.says)
		}
	}
}

func TestSchemesRefuseWhatTheirOwnRulesForbid(t *testing.T) {
	baht := agent.Money{Value: 100, Currency: "THB"}
	for _, c := range []struct {
		name string
		ask  Ask
		says string
	}{
		{"PromptPay to two", Ask{Scheme: "promptpay", Account: map[string]string{"mobile": "0801111111", "tax_id": "1234567890123"}}, "2 recipients"},
		{"PromptPay to a short number", Ask{Scheme: "promptpay", Account: map[string]string{"mobile": "080111"}}, "29.01"},
		{"PromptPay transfer with a reference", Ask{Scheme: "promptpay", Account: map[string]string{"mobile": "0801111111"}, Reference: "A", Amount: baht}, "no place for a reference"},
		{"PromptPay reference too long", Ask{Scheme: "promptpay", Account: map[string]string{"biller": "0112233445566"}, Reference: strings.Repeat("A", 21)}, "30.02"},
		{"rupiah with sen", Ask{Scheme: "qris", Amount: agent.Money{Value: 150, Currency: "IDR"}}, "more decimals than QRIS takes (0)"},
		{"riel with sen", Ask{Scheme: "khqr", Account: map[string]string{"bakong_id": "a@b"}, Amount: agent.Money{Value: 150, Currency: "KHR"}}, "more decimals than KHQR"},
		{"KHQR once without times", Ask{Scheme: "khqr", Account: map[string]string{"bakong_id": "a@b"}, Once: true}, "needs the time of creation"},
		{"Pix reference with a hyphen", Ask{Scheme: "pix", Account: map[string]string{"key": "a@b"}, Reference: "A-1"}, "letters and digits"},
		{"Pix key and text of a hundred", Ask{Scheme: "pix", Account: map[string]string{"key": "a@b", "text": strings.Repeat("x", 80)}, Name: "A", City: "B"}, "object 26 is 10"},
		{"VietQR to nobody's bank", Ask{Scheme: "vietqr", Account: map[string]string{"account": "1"}}, "bank, is missing"},
		{"a tip of a hundred per cent", Ask{Scheme: "emv", Amount: baht, Tip: Tip{Percent: 10000}}, "57"},
		{"two tips", Ask{Scheme: "emv", Amount: baht, Tip: Tip{Ask: true, Fixed: 1}}, "one of them"},
		{"UPI without an address", Ask{Scheme: "upi", Name: "A"}, "pa, the recipient's address"},
		{"UPI in dollars", Ask{Scheme: "upi", Account: map[string]string{"vpa": "a@b"}, Name: "A", Amount: agent.Money{Value: 1, Currency: "USD"}}, "UPI takes INR"},
		{"UPI with a tip", Ask{Scheme: "upi", Account: map[string]string{"vpa": "a@b"}, Name: "A", Tip: Tip{Ask: true}}, "no place for city"},
		{"UPI once without a reference", Ask{Scheme: "upi", Account: map[string]string{"vpa": "a@b"}, Name: "A", Once: true, Amount: agent.Money{Value: 1, Currency: "INR"}}, "tr, the reference"},
	} {
		if text, err := Write(c.ask); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %s, %v; want %q", c.name, text, err, c.says)
		}
	}
}

func TestMembersAndLabelsAreListed(t *testing.T) {
	if got := Members("promptpay"); !slices.Equal(got, []string{"mobile", "tax_id", "ewallet", "biller", "reference2"}) {
		t.Error(got)
	}
	for _, scheme := range Schemes() {
		if len(Members(scheme)) == 0 && scheme != "emv" {
			t.Errorf("%s has no members", scheme)
		}
	}
	if !slices.Contains(Labels(), "bill") {
		t.Error(Labels())
	}
}

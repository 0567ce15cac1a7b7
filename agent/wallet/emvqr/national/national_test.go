package national

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"tillwire/agent/wallet/emvqr"
)

func published(t *testing.T) map[string]string {
	t.Helper()
	raw, err := os.ReadFile("../testdata/merchant.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []struct{ Name, Payload string }
	if err := json.Unmarshal(raw, &all); err != nil || len(all) == 0 {
		t.Fatalf("%d codes, %v", len(all), err)
	}
	codes := map[string]string{}
	for _, v := range all {
		codes[v.Name] = v.Payload
	}
	return codes
}

func TestPublishedCodesAreTheirSchemesAndRaiseNoComplaint(t *testing.T) {
	want := map[string]string{
		"M-A01": "emv", "M-A02": "promptpay", "M-A03": "promptpay", "M-A04": "promptpay", "M-A05": "paynow", "M-A06": "paynow",
		"M-A07": "sgqr", "M-A08": "qris", "M-A09": "qris", "M-A10": "duitnow", "M-A11": "pix", "M-A12": "pix", "M-A13": "vietqr",
		"M-A14": "vietqr", "M-A15": "khqr", "M-A16": "khqr", "M-A17": "hkqr", "M-A18": "jpqr",
	}
	for name, text := range published(t) {
		p, err := emvqr.ReadMerchant(text)
		if err != nil {
			t.Fatal(err)
		}
		profile, warnings := Identify(p)
		if profile.Name != want[name] || len(warnings) != 0 {
			t.Errorf("%s is %s, want %s; warnings %q", name, profile.Name, want[name], warnings)
		}
		if profile.Title == "" || profile.Name != "emv" && (len(profile.Country) != 2 || len(profile.Currencies) == 0) {
			t.Errorf("%s: the row is not complete: %+v", name, profile)
		}
	}
}

// code builds "26/00=SG.PAYNOW" style objects into a read payload.
func code(t *testing.T, objects ...string) emvqr.Payload {
	t.Helper()
	var p emvqr.Payload
	for _, o := range objects {
		path, value, _ := strings.Cut(o, "=")
		add(&p.Objects, strings.Split(path, "/"), value)
	}
	text, err := emvqr.Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	p, err = emvqr.ReadMerchant(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return p
}

func add(objects *[]emvqr.Object, path []string, value string) {
	if len(path) == 1 {
		*objects = append(*objects, emvqr.Object{ID: path[0], Value: value})
		return
	}
	for i := range *objects {
		if (*objects)[i].ID == path[0] {
			add(&(*objects)[i].Nested, path[1:], value)
			return
		}
	}
	*objects = append(*objects, emvqr.Object{ID: path[0]})
	add(&(*objects)[len(*objects)-1].Nested, path[1:], value)
}

func base(currency, country string, more ...string) []string {
	return append([]string{"00=01"}, append(more, "52=5812", "53="+currency, "58="+country, "59=SHOP", "60=CITY")...)
}

func TestSchemesOutsideThePublishedCodes(t *testing.T) {
	cases := []struct {
		scheme string
		code   []string
	}{
		{"vnpay", []string{"00=01", "01=11", "26/00=A000000775", "26/01=0101234567", "53=704", "58=VN"}},
		{"laoqr", []string{"00=01", "15=6268041812345678", "38/00=A005266284662577", "38/01=27710418", "38/02=ON", "38/03=123", "53=418", "58=LA"}},
		{"bharatqr", base("356", "IN", "26/00=A000000524", "26/01=shop@bank", "27/00=A000000524", "27/01=REF")},
		{"khqr", base("116", "KH", "30/00=shop@aclb", "30/01=123456", "30/02=ACLEDA", "99/00=1726748914287")},
		{"hkqr", base("344", "HK", "02=4000123456789012", "26/00=HK.COM.HKICL", "26/01=004", "26/03=+852-91234567")},
		{"pix", base("986", "BR", "26/00=br.gov.bcb.pix", "26/25=pix.example.com/qr/v2/9d36b84f", "62/05=***")},
		{"pix", base("986", "BR", "26/00=BR.COM.OUTRO", "80/00=br.gov.bcb.pix", "80/25=pix.example.com/rec/1")},
		{"promptpay", []string{"00=01", "31/00=A000000677010113", "31/01=004999", "31/03=REF", "53=764", "58=TH"}},
		{"emv", base("978", "FR", "16=4761360000000000")},
	}
	for _, c := range cases {
		if profile, warnings := Identify(code(t, c.code...)); profile.Name != c.scheme || len(warnings) != 0 {
			t.Errorf("%s was taken for %s; warnings %q", c.scheme, profile.Name, warnings)
		}
	}
}

// with replaces, adds ("id=…" new) or removes ("-id") objects of a good code.
func with(good []string, changes ...string) []string {
	out := append([]string(nil), good...)
	for _, change := range changes {
		path, _, replaces := strings.Cut(change, "=")
		path = strings.TrimPrefix(path, "-")
		at := -1
		for i, o := range out {
			if strings.HasPrefix(o, path+"=") {
				at = i
			}
		}
		switch {
		case at >= 0 && replaces:
			out[at] = change
		case at >= 0:
			out = append(out[:at], out[at+1:]...)
		default:
			out = append(out, change)
		}
	}
	return out
}

// departure is a code and what its scheme says about it, "" for nothing.
type departure struct {
	name string
	code []string
	says string
}

func (d departure) check(t *testing.T) {
	t.Run(d.name, func(t *testing.T) {
		profile, warnings := Identify(code(t, d.code...))
		if d.says == "" && len(warnings) != 0 || d.says != "" && (len(warnings) != 1 || !strings.Contains(warnings[0], d.says)) {
			t.Errorf("%s: warnings %q, want %q", profile.Name, warnings, d.says)
		}
	})
}

func TestEachDepartureFromEMVCoIsOneComplaint(t *testing.T) {
	emv := base("156", "CN", "02=4000123456789012")
	dong := base("704", "VN", "02=4000123456789012")
	cases := []departure{
		{"good", emv, ""},
		{"format indicator", with(emv, "00=02"), "00, the format"},
		{"initiation 13", with(emv, "01=13"), "01, the point"},
		{"no account", with(emv, "-02"), "02 to 51"},
		{"no city", with(emv, "-60"), "60, the city, is missing"},
		{"category", with(emv, "52=58A2"), "52"},
		{"currency letters", with(emv, "53=CNY"), "53"},
		{"country lower case", with(emv, "58=cn"), "58"},
		{"amount with comma", with(emv, "54=1,00"), "54"},
		{"amount with sign", with(emv, "54=-1"), "54"},
		{"amount with two points", with(emv, "54=1.0.0"), "54"},
		{"amount with point only", with(emv, "54=."), "54"},
		{"amount too long", with(emv, "54=12345678901.23"), "54"},
		{"amount zero", with(emv, "54=0.00"), "zero"},
		{"amount finer than the currency", with(emv, "54=1.005"), "decimals"},
		{"amount with filled decimals", with(dong, "54=1000.00"), ""},
		{"amount of dong with decimals", with(dong, "54=1000.5"), "decimals"},
		{"tip indicator", with(emv, "55=09"), "55"},
		{"fixed fee without amount", with(emv, "55=02"), "55 and 56"},
		{"fee without indicator", with(emv, "56=1.00"), "55 and 56"},
		{"percentage missing", with(emv, "55=03"), "55 and 57"},
		{"percentage", with(emv, "55=03", "57=99.99"), ""},
		{"percentage of a hundred", with(emv, "55=03", "57=100"), "57"},
		{"percentage of nothing", with(emv, "55=03", "57=00.00"), "57"},
		{"fee with sign", with(emv, "55=02", "56=+1"), "56"},
		{"long name", with(emv, "59="+strings.Repeat("店", 26)), "59"},
		{"long bill number", with(emv, "62/01="+strings.Repeat("1", 26)), "62.01"},
		{"additional data without objects", with(emv, "62=hello"), "62"},
	}
	for _, c := range cases {
		c.check(t)
	}
}

func TestEachDepartureFromASchemeIsOneComplaint(t *testing.T) {
	promptpay := []string{"00=01", "29/00=A000000677010111", "29/01=0066801111111", "53=764", "58=TH"}
	bill := []string{"00=01", "30/00=A000000677010112", "30/01=0112233445566", "53=764", "58=TH"}
	paynow := base("702", "SG", "26/00=SG.PAYNOW", "26/01=2", "26/02=201403121W")
	sgqr := base("702", "SG", "26/00=SG.PAYNOW", "26/01=2", "26/02=201403121W", "51/00=SG.SGQR", "51/01=18090900176B", "51/07=20180911")
	qris := base("360", "ID", "26/00=ID.CO.BCA.WWW", "26/01=936000140456789", "26/03=UMI", "51/00=ID.CO.QRIS.WWW", "51/02=ID1019123456781", "61=12345")
	duitnow := with(base("458", "MY", "01=11", "26/00=A0000006150001", "26/01=890053", "26/02=1"), "00=02")
	pix := base("986", "BR", "26/00=br.gov.bcb.pix", "26/01=shop@example.com")
	vietqr := []string{"00=01", "38/00=A000000727", "38/01/00=970416", "38/01/01=257678859", "38/02=QRIBFTTA", "53=704", "58=VN"}
	khqr := base("840", "KH", "29/00=shop@bank", "99/00=1726748914287")
	hkqr := base("344", "HK", "26/00=hk.com.hkicl", "26/02=1234567")
	jpqr := base("392", "JP", "26/00=jp.or.paymentsjapan", "26/01=0000000000001", "26/02=0001", "26/03=000001", "26/04=000001")
	bharat := base("356", "IN", "26/00=A000000524", "26/01=shop@bank")
	cases := []departure{
		{"two recipients", with(promptpay, "29/02=1234567890123"), "2 recipients"},
		{"no recipient", with(promptpay, "-29/01"), "0 recipients"},
		{"mobile too short", with(promptpay, "29/01=006680111111"), "29.01"},
		{"PromptPay in dollars", with(promptpay, "53=840"), "53"},
		{"biller missing", with(bill, "-30/01", "30/02=A"), "30.01"},
		{"reference too long", with(bill, "30/02="+strings.Repeat("A", 21)), "30.02"},
		{"PayNow proxy kind", with(paynow, "26/01=1"), "26.01"},
		{"PayNow expiry", with(paynow, "26/04=20301332"), "26.04"},
		{"SGQR id", with(sgqr, "51/01=1809"), "51.01"},
		{"PayNow within SGQR", with(sgqr, "26/01=7"), "26.01"},
		{"QRIS good", qris, ""},
		{"QRIS criteria", with(qris, "26/03=BIG"), "26.03"},
		{"QRIS merchant", with(qris, "51/02=1019"), "51.02"},
		{"QRIS without postal code", with(qris, "-61"), "61"},
		{"DuitNow good", duitnow, ""},
		{"DuitNow says 01", with(duitnow, "00=01"), "not 02"},
		{"DuitNow without 01", with(duitnow, "-01"), "01, the point"},
		{"Pix key and address", with(pix, "26/25=a.b/c"), "26 has 2"},
		{"Pix address with https", with(pix, "-26/01", "26/25=https://a.b/c"), "26.25"},
		{"Pix transaction id", with(pix, "62/05=A-1"), "62.05"},
		{"VietQR bank", with(vietqr, "38/01/00=97041"), "38.01.00"},
		{"VietQR service", with(vietqr, "38/02=QRPUSH"), "38.02"},
		{"VietQR purpose", with(vietqr, "62/08=Chuyển tiền"), "62.08"},
		{"KHQR time", with(khqr, "99/00=17267489"), "99.00"},
		{"KHQR bank", with(khqr, "29/00=shop@"), "Bakong"},
		{"FPS two ways", with(hkqr, "26/04=a@b"), "exactly one"},
		{"FPS id", with(hkqr, "26/02=12345678"), "26.02"},
		{"FPS mobile", with(hkqr, "-26/02", "26/03=91234567"), "26.03"},
		{"JPQR store", with(jpqr, "26/03=01"), "26.03"},
		{"Bharat address", with(bharat, "26/01=shop"), "26.01"},
	}
	for _, c := range cases {
		c.check(t)
	}
}

func TestConsumerCodesAreRoutedByTheFirstKnownApplication(t *testing.T) {
	app := func(aid ...byte) emvqr.TLV {
		return emvqr.TLV{Tag: "61", Nested: []emvqr.TLV{{Tag: "4F", Value: aid}}}
	}
	unionpay := app(0xA0, 0, 0, 3, 0x33, 1, 1, 2)
	qris := app(0xA0, 0, 0, 6, 2, 0x20, 0x20)
	cases := []struct {
		name      string
		code      emvqr.Consumer
		scheme    string
		complains int
	}{
		{"UnionPay", emvqr.Consumer{Indicator: "CPV01", Objects: []emvqr.TLV{unionpay}}, "unionpay", 0},
		{"the first known", emvqr.Consumer{Indicator: "CPV01", Objects: []emvqr.TLV{app(0xA0, 0, 0, 0, 0x55), qris, unionpay}}, "qris", 0},
		{"DuitNow", emvqr.Consumer{Indicator: "CPV01", Objects: []emvqr.TLV{app(0xA0, 0, 0, 6, 0x15, 0, 1)}}, "duitnow", 0},
		{"unknown", emvqr.Consumer{Indicator: "CPV01", Objects: []emvqr.TLV{app(0xA0, 0, 0, 0, 0x55)}}, "emv", 0},
		{"short AID", emvqr.Consumer{Indicator: "CPV01", Objects: []emvqr.TLV{app(0xA0)}}, "emv", 1},
		{"no application", emvqr.Consumer{Indicator: "CPV01"}, "emv", 1},
		{"JPQR", emvqr.Consumer{Indicator: "JPQR1", Objects: []emvqr.TLV{app([]byte("31589900")...)}}, "jpqr", 0},
		{"JPQR brand", emvqr.Consumer{Indicator: "JPQR1", Objects: []emvqr.TLV{app([]byte("3158")...)}}, "jpqr", 1},
	}
	for _, c := range cases {
		if profile, warnings := IdentifyConsumer(c.code); profile.Name != c.scheme || len(warnings) != c.complains {
			t.Errorf("%s: %s, warnings %q", c.name, profile.Name, warnings)
		}
		names := Applications(c.code)
		if routed := len(names) > 0; routed != (c.scheme != "emv" && c.scheme != "jpqr") || routed && names[0] != c.scheme {
			t.Errorf("%s: applications %v", c.name, names)
		}
	}
	both := emvqr.Consumer{Indicator: "CPV01", Objects: []emvqr.TLV{qris, unionpay}}
	if names := Applications(both); !slices.Equal(names, []string{"qris", "unionpay"}) {
		t.Errorf("the customer's order was lost: %v", names)
	}
}

func TestUPILinksAreChecked(t *testing.T) {
	cases := []struct{ link, says string }{
		{"upi://pay?pa=chaipoint@okaxis&pn=Chai%20Point&am=149.50&cu=INR&tn=Order%2042&tr=ORD-42", ""},
		{"upi://pay?pa=a@b&pn=A&am=", ""},
		{"upi://pay?pn=A", "pa, the recipient's address, is missing"},
		{"upi://pay?pa=ab&pn=A", "name@place"},
		{"upi://pay?pa=a@b", "pn"},
		{"upi://pay?pa=a@b&pn=A&am=1.234", "am"},
		{"upi://pay?pa=a@b&pn=A&mam=1,5", "mam"},
		{"upi://pay?pa=a@b&pn=A&cu=USD", "cu"},
		{"upi://pay?pa=a@b&pn=A&mode=15", "tr"},
		{"upi://pay?pa=a@b&pn=A&tr=" + strings.Repeat("1", 36), "tr"},
		{"upi://pay?pa=a@b&sign=AAAA&pn=A", "sign"},
	}
	for _, c := range cases {
		link, err := emvqr.ReadUPI(c.link)
		if err != nil {
			t.Fatal(err)
		}
		profile, warnings := IdentifyUPI(link)
		if profile.Name != "upi" || c.says == "" && len(warnings) != 0 || c.says != "" && (len(warnings) != 1 || !strings.Contains(warnings[0], c.says)) {
			t.Errorf("%s: %q, want %q", c.link, warnings, c.says)
		}
	}
}

// A payload that does not read must still be explained without a panic.
func TestBrokenPayloadsAreIdentifiedAsFarAsTheyGo(t *testing.T) {
	for name, text := range published(t) {
		for cut := range len(text) {
			p, err := emvqr.ReadMerchant(text[:cut])
			if err == nil || errors.Is(err, emvqr.ErrChecksum) {
				t.Errorf("%s cut at %d: %v", name, cut, err)
			}
			if profile, _ := Identify(p); profile.Name == "" {
				t.Errorf("%s cut at %d has no profile", name, cut)
			}
		}
	}
}

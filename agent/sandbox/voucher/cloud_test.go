package voucher_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	"tillwire/agent/sandbox/gateway"
	"tillwire/agent/sandbox/sandboxtest"
	"tillwire/agent/sandbox/voucher"
)

// town is the whole sandbox on real ports: phones and office on one, the acquirer
// with the issuer behind it on another.
type town struct {
	*testing.T
	cloud    *sandbox.Cloud
	acquirer *gateway.Acquirer
}

func openTown(t *testing.T) *town {
	t.Helper()
	clock := agent.NewSystemClock()
	ledger := sandboxtest.Ledger(t, clock)
	issuer, err := voucher.New(t.Context(), voucher.Options{Ledger: ledger, Clock: clock, Brand: "cornerpay", Title: "Corner Pay", Number: 7,
		Currencies: []agent.Currency{"CNY"}, Merchants: []string{gateway.Merchant}})
	if err != nil {
		t.Fatal(err)
	}
	w := &town{T: t}
	if w.acquirer, err = gateway.New(t.Context(), gateway.Options{Ledger: ledger, Clock: clock, Issuer: issuer}); err != nil {
		t.Fatal(err)
	}
	o := sandbox.Options{Ledger: ledger, Clock: clock, Doors: []sandbox.OpenDoor{{Door: w.acquirer, Hosts: []string{sandboxtest.Local}}}}
	for _, brand := range w.acquirer.Wallets() {
		o.Wallets = append(o.Wallets, sandbox.Open{Wallet: brand})
	}
	w.cloud = sandboxtest.Cloud(t, o)
	return w
}

// control asks the control API and reads its answer.
func (w *town) control(method, path, body string) (int, map[string]any) {
	w.Helper()
	r, err := http.NewRequestWithContext(w.Context(), method, w.cloud.ControlURL()+"/_sandbox/"+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	status, out, err := send(r)
	if err != nil {
		w.Fatal(err)
	}
	return status, out
}

func send(r *http.Request) (int, map[string]any, error) {
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, nil, err
	}
	out := map[string]any{}
	if json.Unmarshal(raw, &out) != nil {
		out["text"] = string(raw)
	}
	return answer.StatusCode, out, nil
}

// redeem hands a code in, signed as a terminal does.
func (w *town) redeem(n int, code string) (int, map[string]any, error) {
	w.Helper()
	body := fmt.Sprintf(`{"merchant":%q,"brand":"cornerpay","amount":{"value":1280,"currency":"CNY"},"short_ref":%q,"code":%q,"accepted_at":%q}`,
		gateway.Merchant, orderNo(n)[12:], code, time.Now().Format(time.RFC3339))
	r, err := http.NewRequestWithContext(w.Context(), http.MethodPost, w.cloud.HostURLs(gateway.Name)[0]+"/tillwire/v1/payments/"+orderNo(n)+"/redeem", strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	sum := sha256.Sum256([]byte(body))
	digest := "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
	terminal := w.acquirer.Terminal()
	params := fmt.Sprintf(`("@method" "@authority" "@path" "@query" "content-digest" "content-type");created=%d;keyid=%q;nonce=%q;tag="tillwire"`,
		time.Now().Unix(), terminal.KeyID, rand.Text())
	base := fmt.Sprintf("\"@method\": POST\n\"@authority\": %s\n\"@path\": %s\n\"@query\": ?\n\"content-digest\": %s\n\"content-type\": application/json\n\"@signature-params\": %s",
		r.URL.Host, r.URL.Path, digest, params)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Content-Digest", digest)
	r.Header.Set("Signature-Input", "tillwire="+params)
	r.Header.Set("Signature", "tillwire=:"+base64.StdEncoding.EncodeToString(ed25519.Sign(terminal.Key, []byte(base)))+":")
	return send(r)
}

func orderNo(n int) string { return fmt.Sprintf("DEMO01%026d", n) }

// phone makes a customer's phone in flight mode.
func (w *town) phone() string {
	w.Helper()
	_, made := w.control("POST", "customers", `{"wallet":"cornerpay","balance":200000}`)
	id := made["id"].(string)
	if status, pocket := w.control("POST", "customers/"+id+"/carry", `{"flight":true}`); status != 200 || pocket["left"] != 100000.0 {
		w.Fatal(status, pocket)
	}
	return id
}

func (w *town) sign(id string, n int) string {
	w.Helper()
	m := voucher.MerchantOf(gateway.Merchant)
	shown := voucher.Challenge{Merchant: m, Order: voucher.OrderOf(m, orderNo(n)), Currency: "CNY", Amount: 1280, At: time.Now()}.Text()
	status, slip := w.control("POST", "customers/"+id+"/scan", fmt.Sprintf(`{"qr":%q}`, shown))
	if status != 200 || slip["status"] != "signed" {
		w.Fatal(status, slip)
	}
	return slip["code"].(string)
}

// Every kind of fault meets a redemption, and after it the same redemption is
// answered and the money has moved once.
func TestFaultsOfARedemption(t *testing.T) {
	w := openTown(t)
	id := w.phone()
	for n, fault := range []string{
		`{"kind":"drop_request","after_bytes":40}`, `{"kind":"drop_response"}`, `{"kind":"delay","delay_ms":1}`, `{"kind":"status","status":502}`,
		`{"kind":"bad_signature"}`, `{"kind":"wrong_amount"}`, `{"kind":"duplicate"}`, `{"kind":"captive_portal"}`, `{"kind":"refuse_connection"}`,
	} {
		t.Run(fault, func(t *testing.T) {
			code := w.sign(id, n)
			list := `[` + strings.Replace(fault, "{", `{"wallet":"cornerpay","operation":"redeem",`, 1) + `]`
			if status, out := w.control("PUT", "faults", list); status != 200 {
				t.Fatal(status, out)
			}
			status, out, err := w.redeem(n, code)
			switch {
			case strings.Contains(fault, "drop_") || strings.Contains(fault, "refuse"):
				if err == nil {
					t.Errorf("it was answered: %d %v", status, out)
				}
			case strings.Contains(fault, "wrong_amount"):
				if out["amount"].(map[string]any)["value"] != 1281.0 {
					t.Errorf("the answer does not lie: %v", out)
				}
			case strings.Contains(fault, "502") && status != 502, strings.Contains(fault, "portal") && out["text"] == nil:
				t.Errorf("it was answered %d %v", status, out)
			}
			if status, out := w.control("DELETE", "faults", ""); status != 200 {
				t.Fatal(status, out)
			}
			if status, out, err := w.redeem(n, code); err != nil || status != 200 || out["state"] != "paid" {
				t.Errorf("afterwards it is %d %v, %v", status, out, err)
			}
		})
	}
	w.books(9)
}

// books compares ledger, issuer and phone after so many sales.
func (w *town) books(sales int) {
	w.Helper()
	_, ledger := w.control("GET", "ledger", "")
	rows := ledger["orders"].([]any)
	for _, row := range rows {
		if o := row.(map[string]any); o["captured"] != 1280.0 || o["kind"] != "voucher" {
			w.Errorf("an order is %v", o)
		}
	}
	_, office := w.control("GET", "issuers", "")
	issued := office["issuers"].([]any)[0].(map[string]any)["vouchers"].([]any)[0].(map[string]any)
	if len(rows) != sales || issued["drawn"] != float64(sales*1280) {
		w.Errorf("%d orders, and the issuer says %v", len(rows), issued)
	}
}

// page fetches a page of the sandbox's.
func (w *town) page(path string) string {
	w.Helper()
	r, err := http.NewRequestWithContext(w.Context(), http.MethodGet, w.cloud.ControlURL()+path, nil)
	if err != nil {
		w.Fatal(err)
	}
	_, out, err := send(r)
	text, _ := out["text"].(string)
	if err != nil || text == "" {
		w.Fatalf("%s answers %v, %v", path, out, err)
	}
	return text
}

// The phone's page offers everything that the control calls do, in both languages,
// and the sandbox's page has a button for what the office does.
func TestPagesOfTheIssuer(t *testing.T) {
	w := openTown(t)
	id := w.phone()
	manual, err := os.ReadFile("../CONTROL.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range voucher.Attacks {
		if !strings.Contains(string(manual), "`"+string(a)+"`") {
			t.Errorf("CONTROL.md does not name the attack %s", a)
		}
	}
	for _, lang := range []string{"en", "zh"} {
		page := w.page("/phone/" + id + "?lang=" + lang)
		for _, a := range append([]voucher.Attack{""}, voucher.Attacks...) {
			if !regexp.MustCompile(`<option value="` + string(a) + `">[^<]{2,}</option>`).MatchString(page) {
				t.Errorf("in %s the phone does not offer the attack %q", lang, a)
			}
		}
		for _, part := range []string{`id="flight"`, `id="voucher"`, `id="es256"`, `data-gift="2000"`} {
			if !strings.Contains(page, part) {
				t.Errorf("in %s the phone lacks %s", lang, part)
			}
		}
	}
	_, office := w.control("GET", "issuers", "")
	issuer := office["issuers"].([]any)[0].(map[string]any)
	key := issuer["keys"].([]any)[0].(map[string]any)["id"].(string)
	one := issuer["vouchers"].([]any)[0].(map[string]any)["id"].(string)
	w.wantOn("/_sandbox/", "key set 1<", "signs now", "&#34;rotate&#34;", "&#34;revoke&#34;,&#34;key&#34;:&#34;"+key, "&#34;deny&#34;,&#34;voucher&#34;:&#34;"+one, "Roll back")
	w.control("POST", "issuers", `{"do":"deny","voucher":"`+one+`"}`)
	w.control("POST", "issuers", `{"do":"rotate"}`)
	w.control("POST", "issuers", `{"do":"revoke","key":"`+key+`"}`)
	w.control("POST", "issuers", `{"do":"publish","version":2}`)
	w.wantOn("/_sandbox/", "key set 2 instead of 5", "withdrawn", "&#34;allow&#34;,&#34;voucher&#34;:&#34;"+one)
}

func (w *town) wantOn(path string, texts ...string) {
	w.Helper()
	page := w.page(path)
	for _, text := range texts {
		if !strings.Contains(page, text) && !strings.Contains(page, strings.ReplaceAll(text, "&#34;", `"`)) {
			w.Errorf("%s does not say %s", path, text)
		}
	}
}

// A phone without a line reads no code that needs one, and pays nothing in secret.
func TestAFlyingPhoneNeedsALine(t *testing.T) {
	w := openTown(t)
	id := w.phone()
	if status, out := w.control("POST", "customers/"+id+"/scan", `{"qr":"https://qr.issuer.sandbox.example/1"}`); status != 200 || out["status"] != "no_line" {
		t.Errorf("%d %v", status, out)
	}
	if status, out := w.control("POST", "customers/"+id+"/carry", `{"es256":true}`); status != 422 || !strings.Contains(out["say"].(string), "flight mode") {
		t.Errorf("%d %v", status, out)
	}
	w.control("POST", "customers/"+id+"/carry", `{"flight":false}`)
	if status, out := w.control("POST", "customers/"+id+"/scan", `{"qr":"https://qr.issuer.sandbox.example/1"}`); status != 200 || out["status"] != "unknown" {
		t.Errorf("with a line: %d %v", status, out)
	}
	if status, out := w.control("POST", "customers/"+id+"/carry", `{"es256":true}`); status != 200 || out["es256"] != true || out["voucher"] != nil {
		t.Errorf("the other phone: %d %v", status, out)
	}
}

// A phone pays the shop's printed code with an amount that the shop wrote into it.
func TestAPhonePaysTheShopsOwnCode(t *testing.T) {
	w := openTown(t)
	_, made := w.control("POST", "customers", `{"wallet":"unionpay"}`)
	scan := "customers/" + made["id"].(string) + "/scan"
	if status, out := w.control("POST", scan, `{"qr":"`+w.acquirer.Wallet("unionpay").Printed()+`"}`); status != 200 || out["status"] != "unknown" {
		t.Errorf("without an amount: %d %v", status, out)
	}
	code := w.ownCode("12.80", orderNo(1)[12:])
	for range 2 {
		if status, out := w.control("POST", scan, `{"qr":"`+code+`"}`); status != 200 || out["status"] != "paid" {
			t.Errorf("%d %v", status, out)
		}
	}
	_, ledger := w.control("GET", "ledger", "")
	if rows := ledger["orders"].([]any); len(rows) != 1 || rows[0].(map[string]any)["captured"] != 1280.0 {
		t.Errorf("the ledger has %v", rows)
	}
}

// ownCode is the printed code of the shop with an amount and a reference, and with the
// checksum that belongs to it (CRC-16/CCITT-FALSE).
func (w *town) ownCode(amount, reference string) string {
	printed := w.acquirer.Wallet("unionpay").Printed()
	code := strings.Replace(printed[:len(printed)-8], "010211", "010212", 1) + fmt.Sprintf("54%02d%s6224%s%s6304", len(amount), amount, "0520", reference)
	crc := uint16(0xffff)
	for _, b := range []byte(code) {
		crc ^= uint16(b) << 8
		for range 8 {
			carry := crc&0x8000 != 0
			crc <<= 1
			if carry {
				crc ^= 0x1021
			}
		}
	}
	return code + fmt.Sprintf("%04X", crc)
}

// The office's calls, and what it says to those who ask for nonsense.
func TestTheOffice(t *testing.T) {
	w := openTown(t)
	id := w.phone()
	for _, test := range []struct {
		path, body string
		status     int
		says       string
	}{
		{"issuers", `{"do":"rotate"}`, 200, `"version":2`},
		{"issuers", `{"do":"revoke","key":"00"}`, 422, "no key with this id"},
		{"issuers", `{"do":"deny","voucher":"00"}`, 422, "no voucher with this id"},
		{"issuers", `{"do":"publish","version":99}`, 422, "no key set of this version"},
		{"issuers", `{"do":"publish","version":1}`, 200, `"published":1`},
		{"issuers", `{"do":"dance"}`, 422, "rotate, revoke"},
		{"issuers", `{"brand":"pix","do":"rotate"}`, 422, "issues nothing"},
		{"customers/" + id + "/carry", `{"attack":"magic"}`, 422, "no such attack"},
		{"customers/" + id + "/carry", `{"attack":"fork"}`, 200, `"attack":"fork"`},
		{"customers/" + id + "/voucher", `{"kind":"bearer","amount":5}`, 422, "end flight mode"},
		{"customers/" + id + "/voucher", `{}`, 200, `"code":"OV2:`},
		{"customers/nobody/voucher", `{}`, 404, "no customer"},
	} {
		status, out := w.control("POST", test.path, test.body)
		text, err := json.Marshal(out)
		if err != nil || status != test.status || !strings.Contains(string(text), test.says) {
			t.Errorf("%s %s answers %d %s", test.path, test.body, status, text)
		}
	}
	_, pix := w.control("POST", "customers", `{"wallet":"pix"}`)
	if status, out := w.control("POST", "customers/"+pix["id"].(string)+"/carry", `{"flight":true}`); status != 422 || out["code"] != "no_issuer" {
		t.Errorf("a phone of another wallet flies: %d %v", status, out)
	}
}

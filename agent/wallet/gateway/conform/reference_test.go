package conform

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet/emvqr"
	"tillwire/agent/wallet/gateway"
)

// kept is an order of the reference gateway.
type kept struct {
	mode, state, reason, txn, body string
	refunded                       int64
	refunds                        map[string]string // number: body
	sums                           map[string]int64
	busy                           bool
}

// reference is a gateway that keeps the contract, in memory, and breaks one
// sentence of it when a test says so.
type reference struct {
	t        testing.TB
	key      ed25519.PrivateKey // the gateway's
	shop     ed25519.PublicKey
	sabotage string

	mu     sync.Mutex
	orders map[string]*kept
	nonces map[string]bool
	codes  map[string]bool // true: not used yet
	ops    []map[string]any
	heads  map[string]int64
	count  int
}

type problem struct {
	status int
	code   string
}

var inputPattern = regexp.MustCompile(`^tillwire=(\(([^)]*)\);created=(\d+);keyid="([^"]*)";nonce="([^"]*)";tag="tillwire")$`)

// authentic checks a request's signature; the zero problem is none.
func (g *reference) authentic(r *http.Request, body []byte) problem {
	if r.Header.Get("Signature") == "" {
		return problem{401, "signature_missing"}
	}
	m := inputPattern.FindStringSubmatch(r.Header.Get("Signature-Input"))
	if m == nil {
		return problem{401, "signature_invalid"}
	}
	if m[4] != "terminal-1" && g.sabotage != "any key id" {
		return problem{401, "key_unknown"}
	}
	values := map[string]string{`"@method"`: r.Method, `"@authority"`: r.Host, `"@path"`: r.URL.EscapedPath(), `"@query"`: "?" + r.URL.RawQuery,
		`"content-digest"`: r.Header.Get("Content-Digest"), `"content-type"`: r.Header.Get("Content-Type"), `"tillwire-journal"`: r.Header.Get("Tillwire-Journal")}
	covered := strings.Fields(m[2])
	must := []string{`"@method"`, `"@authority"`, `"@path"`, `"@query"`}
	if len(body) > 0 {
		must = append(must, `"content-digest"`, `"content-type"`)
	}
	text := ""
	for _, id := range covered {
		text += id + ": " + values[id] + "\n"
	}
	for _, id := range must {
		if !slices.Contains(covered, id) && g.sabotage != "coverage" {
			return problem{401, "signature_invalid"}
		}
	}
	raw, err := base64.StdEncoding.DecodeString(strings.Trim(strings.TrimPrefix(r.Header.Get("Signature"), "tillwire="), ":"))
	if (err != nil || !ed25519.Verify(g.shop, []byte(text+`"@signature-params": `+m[1]), raw)) && g.sabotage != "any signature" {
		return problem{401, "signature_invalid"}
	}
	if len(body) > 0 && r.Header.Get("Content-Digest") != digest(body) && g.sabotage != "digest" {
		return problem{401, "signature_invalid"}
	}
	created, _ := strconv.ParseInt(m[3], 10, 64)
	if off := time.Since(time.Unix(created, 0)); off.Abs() >= 300*time.Second && g.sabotage != "clock" {
		return problem{401, "clock_skew"}
	}
	if g.nonces[m[5]] && g.sabotage != "nonce" {
		return problem{401, "nonce_reused"}
	}
	g.nonces[m[5]] = true
	return problem{}
}

func (g *reference) answer(w http.ResponseWriter, r *http.Request, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		g.t.Error(err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Digest", digest(body))
	request := strings.TrimPrefix(r.Header.Get("Signature"), "tillwire=")
	text := fmt.Sprintf("\"@status\": %d\n\"content-digest\": %s\n\"content-type\": application/json\n", status, h.Get("Content-Digest"))
	cover := `"@status" "content-digest" "content-type"`
	if request != "" && g.sabotage != "answers for no request" {
		text += `"signature";req;key="tillwire": ` + request + "\n"
		cover += ` "signature";req;key="tillwire"`
	}
	input := fmt.Sprintf(`(%s);created=%d;keyid="acquirer-1";tag="tillwire"`, cover, time.Now().Unix())
	if g.sabotage != "unsigned answers" {
		h.Set("Signature-Input", "tillwire="+input)
		h.Set("Signature", "tillwire=:"+base64.StdEncoding.EncodeToString(ed25519.Sign(g.key, []byte(text+`"@signature-params": `+input)))+":")
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func (g *reference) fail(w http.ResponseWriter, r *http.Request, p problem) {
	if slices.Contains([]string{"in_progress", "bill_not_ready"}, p.code) && g.sabotage != "no Retry-After" {
		w.Header().Set("Retry-After", "1")
	}
	g.answer(w, r, p.status, map[string]string{"code": p.code, "message": "reference"})
}

// serve is one host; the second of a lagging gateway tells yesterday's states.
func (g *reference) serve(host int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		g.mu.Lock()
		p := g.authentic(r, body)
		g.mu.Unlock()
		if p.code != "" && (g.sabotage != "unsigned requests" || p.code != "signature_missing") {
			g.fail(w, r, p)
			return
		}
		var in map[string]any
		merchant := r.URL.Query().Get("merchant")
		if len(body) > 0 {
			if json.Unmarshal(body, &in) != nil || in["brand"] == nil && g.sabotage != "members" {
				g.fail(w, r, problem{400, "invalid_request"})
				return
			}
			merchant = fmt.Sprint(in["merchant"])
		}
		if merchant != "M100" && g.sabotage != "any merchant" {
			g.fail(w, r, problem{403, "merchant_unknown"})
			return
		}
		parts := strings.Split(strings.TrimPrefix(r.URL.Path, gateway.Root+"/"), "/")
		switch {
		case parts[0] == "capabilities":
			g.answer(w, r, 200, g.capabilities())
		case parts[0] == "bills":
			g.bill(w, r, parts[1])
		case parts[0] == "operations":
			g.operations(w, r)
		case len(parts) == 2:
			g.query(w, r, parts[1], host)
		case len(parts) == 4:
			g.refund(w, r, parts[1], parts[3], body)
		default:
			g.act(w, r, parts[1], parts[2], in, string(body))
		}
	}
}

func (g *reference) capabilities() any {
	name := "promptpay"
	if g.sabotage == "no such brand" {
		name = "pix"
	}
	return map[string]any{"version": 1, "merchant": "M100", "max_age_s": 3600, "time_zone": "Asia/Bangkok", "test": true, "brands": []any{map[string]any{
		"brand": name, "title": "PromptPay", "currencies": []string{"THB"}, "modes": []string{"code", "show"},
		"payload": map[string]any{"kind": "emv", "profile": "promptpay"}, "refund": map[string]any{"partial": true}}}}
}

func (g *reference) show(no string, o *kept) map[string]any {
	v := map[string]any{"merchant": "M100", "brand": "promptpay", "order_no": no, "state": o.state}
	if o.mode != "" {
		var in struct {
			Amount money `json:"amount"`
		}
		if err := json.Unmarshal([]byte(o.body), &in); err != nil {
			g.t.Error(err)
		}
		v["mode"], v["amount"], v["txn"], v["reason"] = o.mode, in.Amount, o.txn, o.reason
		if o.state == "unpaid" {
			v["qr"] = g.qr(in.Amount.Value)
		}
	}
	return v
}

func (g *reference) qr(value int64) string {
	if g.sabotage == "another sum in the code" {
		value++
	}
	object := func(id, value string) emvqr.Object { return emvqr.Object{ID: id, Value: value} }
	text, err := emvqr.Encode(emvqr.Payload{Objects: []emvqr.Object{object("00", "01"), object("01", "12"),
		object("29", "0016A00000067701011101130066801111111"), object("53", "764"), object("54", agent.Money{Value: value, Currency: "THB"}.Decimal()), object("58", "TH")}})
	if err != nil {
		g.t.Error(err)
	}
	return text
}

func (g *reference) query(w http.ResponseWriter, r *http.Request, no string, host int) {
	g.mu.Lock()
	o := g.orders[no]
	var v map[string]any
	if o != nil {
		v = g.show(no, o)
		if host == 1 && g.sabotage == "a host that lags" {
			v["state"] = "pending"
		}
	}
	g.mu.Unlock()
	if v == nil {
		g.fail(w, r, problem{404, "order_not_found"})
		return
	}
	g.answer(w, r, 200, v)
}

// act charges, presents, reverses or closes; p is why not.
func (g *reference) act(w http.ResponseWriter, r *http.Request, no, what string, in map[string]any, body string) {
	g.mu.Lock()
	o := g.orders[no]
	p, after := g.decide(o, no, what, in, body)
	if after != nil && after.busy {
		// Somebody else's request for this number meets it here.
		g.mu.Unlock()
		for range 50 {
			runtime.Gosched()
		}
		g.mu.Lock()
		after.busy = false
	}
	var v map[string]any
	if p.code == "" {
		g.note(r, no, what, after.state)
		v = g.show(no, after)
	}
	g.mu.Unlock()
	if p.code != "" {
		g.fail(w, r, p)
		return
	}
	g.answer(w, r, 200, v)
}

func (g *reference) decide(o *kept, no, what string, in map[string]any, body string) (problem, *kept) {
	begin := func(o *kept) *kept {
		g.orders[no] = o
		return o
	}
	switch {
	case o != nil && o.busy && g.sabotage != "no single flight":
		return problem{409, "in_progress"}, nil
	case what == "reverse":
		return g.reverse(o, begin)
	case what == "close":
		return g.close(o, begin)
	case o != nil && o.mode == "" && g.sabotage != "forgotten tombstones":
		return problem{409, "order_" + o.state}, nil
	case o != nil && o.mode != "" && o.body != body && g.sabotage != "number used twice":
		return problem{409, "number_reused"}, nil
	case o != nil && o.mode != "" && g.sabotage != "no single flight" && g.sabotage != "charged again":
		return problem{}, o
	case what == "present":
		return problem{}, begin(&kept{mode: "show", state: "unpaid", body: body, busy: true})
	}
	return problem{}, begin(g.charge(fmt.Sprint(in["code"]), body))
}

func (g *reference) charge(code, body string) *kept {
	fresh, known := g.codes[code]
	o := &kept{mode: "code", state: "refused", reason: "code_invalid", body: body, refunds: map[string]string{}, sums: map[string]int64{}, busy: true}
	switch {
	case known && (fresh || g.sabotage == "charged again" || g.sabotage == "no single flight" || g.sabotage == "codes without end"):
		g.codes[code] = false
		g.count++
		o.state, o.reason, o.txn = "paid", "", fmt.Sprintf("TX%d", g.count)
	case known:
		o.reason = "code_used"
	}
	return o
}

func (g *reference) reverse(o *kept, begin func(*kept) *kept) (problem, *kept) {
	switch {
	case o == nil && g.sabotage == "no tombstones":
		return problem{404, "order_not_found"}, nil
	case o == nil:
		return problem{}, begin(&kept{state: "reversed"})
	case o.mode == "show" && g.sabotage != "any mode":
		return problem{409, "wrong_mode"}, nil
	case o.refunded > 0 && g.sabotage != "reversed beside refunds":
		return problem{409, "state_forbids"}, nil
	case g.sabotage != "a reversal that is only said":
		o.state = "reversed"
	default:
		return problem{}, &kept{mode: o.mode, body: o.body, state: "reversed"}
	}
	return problem{}, o
}

func (g *reference) close(o *kept, begin func(*kept) *kept) (problem, *kept) {
	switch {
	case o == nil && g.sabotage == "no tombstones":
		return problem{404, "order_not_found"}, nil
	case o == nil:
		return problem{}, begin(&kept{state: "closed"})
	case g.sabotage == "a close that is only said":
		return problem{}, &kept{mode: o.mode, body: o.body, state: "closed"}
	}
	o.state = "closed"
	return problem{}, o
}

func (g *reference) refund(w http.ResponseWriter, r *http.Request, no, refundNo string, body []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	o := g.orders[no]
	switch {
	case r.Method == http.MethodGet && (o == nil || o.refunds[refundNo] == ""):
		g.fail(w, r, problem{404, "refund_not_found"})
		return
	case o == nil:
		g.fail(w, r, problem{404, "order_not_found"})
		return
	case r.Method == http.MethodPost:
		var ask struct {
			Amount money `json:"amount"`
		}
		if err := json.Unmarshal(body, &ask); err != nil {
			g.t.Error(err)
		}
		var price struct {
			Amount money `json:"amount"`
		}
		if err := json.Unmarshal([]byte(o.body), &price); err != nil {
			g.t.Error(err)
		}
		before, known := o.refunds[refundNo]
		switch {
		case known && before != string(body) && g.sabotage != "refund number used twice":
			g.fail(w, r, problem{409, "number_reused"})
			return
		case known:
		case o.refunded+ask.Amount.Value > price.Amount.Value && g.sabotage != "refunds without end":
			g.fail(w, r, problem{422, "refund_exceeds"})
			return
		}
		if !known {
			o.refunded += ask.Amount.Value
			o.refunds[refundNo], o.sums[refundNo] = string(body), ask.Amount.Value
			g.note(r, no, "refund", "done")
		}
	}
	g.answer(w, r, 200, map[string]any{"merchant": "M100", "brand": "promptpay", "order_no": no, "refund_no": refundNo, "state": "done",
		"amount": money{o.sums[refundNo], "THB"}})
}

func (g *reference) bill(w http.ResponseWriter, r *http.Request, day string) {
	if day > time.Now().Format(time.DateOnly) && g.sabotage != "bills of tomorrow" {
		g.fail(w, r, problem{404, "bill_not_ready"})
		return
	}
	total := 1
	if g.sabotage == "half a bill" {
		total = 2
	}
	g.answer(w, r, 200, map[string]any{"merchant": "M100", "brand": "promptpay", "date": day, "time_zone": "Asia/Bangkok", "final": true, "total_lines": total,
		"sums":  []any{map[string]any{"kind": "payment", "currency": "THB", "count": 1, "value": 100}},
		"lines": []any{map[string]any{"kind": "payment", "order_no": "X", "txn": "T", "amount": money{100, "THB"}, "at": day + "T10:00:00+07:00"}}})
}

// note keeps an operation and the head of a journal; the caller holds the lock.
func (g *reference) note(r *http.Request, no, what, state string) {
	g.ops = append(g.ops, map[string]any{"at": "2026-01-01T00:00:00Z", "operation": what, "brand": "promptpay", "order_no": no, "state": state})
	if _, rest, ok := strings.Cut(r.Header.Get("Tillwire-Journal"), "seq="); ok {
		text, _, _ := strings.Cut(rest, ",")
		seq, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			g.t.Error(err)
		}
		if seq > g.heads[no[:6]] || g.sabotage == "the last head" {
			g.heads[no[:6]] = seq
		}
	}
}

func (g *reference) operations(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	terminal := r.URL.Query().Get("terminal")
	var own []map[string]any
	for _, o := range g.ops {
		if strings.HasPrefix(o["order_no"].(string), terminal) || g.sabotage == "other terminals' operations" {
			own = append(own, o)
		}
	}
	switch g.sabotage {
	case "operations newest first":
		slices.Reverse(own)
	case "operations forgotten":
		own = nil
	}
	at, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
	page := map[string]any{"merchant": "M100", "terminal": terminal, "heads": []any{map[string]any{"incarnation": "conform", "seq": g.heads[terminal], "hash": "AAA="}}}
	const size = 4
	page["operations"] = own[min(at, len(own)):min(at+size, len(own))]
	if at+size < len(own) {
		page["next"] = strconv.Itoa(at + size)
	}
	g.answer(w, r, 200, page)
}

// open starts the reference with two hosts.
func open(t testing.TB, sabotage string) (Options, *reference) {
	t.Helper()
	shop := ed25519.NewKeyFromSeed(bytes.Repeat([]byte("s"), 32))
	g := &reference{t: t, key: ed25519.NewKeyFromSeed(bytes.Repeat([]byte("a"), 32)), shop: shop.Public().(ed25519.PublicKey), sabotage: sabotage,
		orders: map[string]*kept{}, nonces: map[string]bool{}, codes: map[string]bool{"134567890123456781": true, "134567890123456782": true}, heads: map[string]int64{}}
	g.ops = append(g.ops, map[string]any{"at": "2026-01-01T00:00:00Z", "operation": "close", "brand": "promptpay", "order_no": "OTHER1" + strings.Repeat("0", 26), "state": "closed"})
	o := Options{Amount: agent.Money{Value: 2015, Currency: "THB"}, Codes: []string{"134567890123456781", "134567890123456782"},
		Brand: gateway.Brand{Name: "promptpay", Charges: true, Shows: true, Kind: gateway.KindEMV},
		Config: gateway.Config{Merchant: "M100", Signer: gateway.Signer{KeyID: "terminal-1", Key: shop},
			Acquirer: map[string]ed25519.PublicKey{"acquirer-1": g.key.Public().(ed25519.PublicKey)}}}
	for host := range 2 {
		s := httptest.NewServer(g.serve(host))
		t.Cleanup(s.Close)
		o.Config.Hosts = append(o.Config.Hosts, s.URL)
	}
	return o, g
}

package conform

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tillwire/agent/wallet/gateway"
)

// call is one request. The zero values of its last members are a request as the
// contract wants it.
type call struct {
	method string
	path   string
	body   any
	query  url.Values // instead of merchant and brand

	host    int
	signer  *gateway.Signer
	late    time.Duration // the signature is this much older than now
	nonce   string
	journal string
	bare    bool                                      // sign as if there were no body
	spoil   func(r *http.Request, body []byte) []byte // after signing; returns the body to send
}

// said is what an answer may hold.
type said struct {
	Code     string `json:"code"`
	Message  string `json:"message"`
	Merchant string `json:"merchant"`
	Brand    string `json:"brand"`
	OrderNo  string `json:"order_no"`
	RefundNo string `json:"refund_no"`
	State    string `json:"state"`
	Reason   string `json:"reason"`
	Txn      string `json:"txn"`
	QR       string `json:"qr"`
	Amount   *money `json:"amount"`
	Refunded int64  `json:"refunded"`
}

type money struct {
	Value    int64  `json:"value"`
	Currency string `json:"currency"`
}

// reply is a verified answer.
type reply struct {
	said
	status int
	header http.Header
	body   []byte
}

func (r reply) String() string {
	return fmt.Sprintf("%d %s%s", r.status, r.State, r.Code)
}

// ask sends a request and checks that the answer is signed for it, which holds for
// every answer of a gateway.
func (b *bench) ask(ctx context.Context, c call) (reply, error) {
	var body []byte
	if c.body != nil {
		var err error
		if body, err = json.Marshal(c.body); err != nil {
			return reply{}, err
		}
	} else if c.query == nil {
		c.query = url.Values{"merchant": {b.Config.Merchant}, "brand": {b.Brand.Name}}
	}
	target := strings.TrimSuffix(b.Config.Hosts[c.host], "/") + gateway.Root + c.path
	if len(c.query) > 0 {
		target += "?" + c.query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, c.method, target, nil)
	if err != nil {
		return reply{}, err
	}
	signature := b.sign(r, c, body)
	if c.spoil != nil {
		body = c.spoil(r, body)
	}
	if body != nil {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	answer, err := b.http.Do(r)
	if err != nil {
		return reply{}, fmt.Errorf("%s %s was not answered: %w", c.method, c.path, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		return reply{}, fmt.Errorf("%s %s was not answered whole: %w", c.method, c.path, err)
	}
	out := reply{status: answer.StatusCode, header: answer.Header, body: text}
	if r.Header.Get("Signature") != "" {
		if _, err := gateway.VerifyAnswer(b.Config.Acquirer, answer.StatusCode, answer.Header, text, signature); err != nil {
			return out, fmt.Errorf("%s %s: the answer %d: %w", c.method, c.path, answer.StatusCode, err)
		}
	}
	if err := json.Unmarshal(text, &out.said); err != nil {
		return out, fmt.Errorf("%s %s: the answer %d is not the JSON of the contract: %w", c.method, c.path, answer.StatusCode, err)
	}
	return out, nil
}

func (b *bench) sign(r *http.Request, c call, body []byte) string {
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.journal != "" {
		r.Header.Set("Tillwire-Journal", c.journal)
	}
	if c.nonce == "" {
		c.nonce = rand.Text()
	}
	signer := b.Config.Signer
	if c.signer != nil {
		signer = *c.signer
	}
	if c.bare {
		body = nil
	}
	return signer.Sign(r, body, b.Config.Clock.Now().Add(-c.late), c.nonce)
}

// The requests of the contract.

func (b *bench) named() map[string]any {
	return map[string]any{"merchant": b.Config.Merchant, "brand": b.Brand.Name}
}

func (b *bench) sale(no string) map[string]any {
	body := b.named()
	body["amount"] = money{b.Amount.Value, string(b.Amount.Currency)}
	body["short_ref"] = no[len(no)-20:]
	return body
}

func order(no string, rest ...string) string { return "/payments/" + no + strings.Join(rest, "") }

func (b *bench) charge(no, code string) call {
	body := b.sale(no)
	body["code"] = code
	return call{method: http.MethodPost, path: order(no, "/charge"), body: body}
}

func (b *bench) present(no string) call {
	body := b.sale(no)
	body["lifetime_s"] = 300
	return call{method: http.MethodPost, path: order(no, "/present"), body: body}
}

func (b *bench) undo(no, how string) call {
	return call{method: http.MethodPost, path: order(no, "/", how), body: b.named()}
}

func (b *bench) query(no string) call { return call{method: http.MethodGet, path: order(no)} }

func (b *bench) refund(no, refundNo string, amount int64) call {
	body := b.named()
	body["amount"] = money{amount, string(b.Amount.Currency)}
	return call{method: http.MethodPost, path: order(no, "/refunds/", refundNo), body: body}
}

// refused asks and wants an error answer.
func (b *bench) refused(ctx context.Context, c call, status int, codes ...string) error {
	r, err := b.ask(ctx, c)
	if err != nil {
		return err
	}
	if r.status != status || !slices.Contains(codes, r.Code) {
		return fmt.Errorf("%s %s was answered %s, want %d %s", c.method, c.path, r, status, strings.Join(codes, " or "))
	}
	return nil
}

// state asks and wants an order in one of the states.
func (b *bench) state(ctx context.Context, c call, no string, states ...string) (reply, error) {
	r, err := b.ask(ctx, c)
	if err != nil {
		return r, err
	}
	if r.status != http.StatusOK || !slices.Contains(states, r.State) {
		return r, fmt.Errorf("%s %s was answered %s, want %s", c.method, c.path, r, strings.Join(states, " or "))
	}
	if r.Merchant != b.Config.Merchant || r.Brand != b.Brand.Name || r.OrderNo != no {
		return r, fmt.Errorf("%s %s was answered for %q %q %q", c.method, c.path, r.Merchant, r.Brand, r.OrderNo)
	}
	return r, nil
}

// everywhere asks every host what an order is, because one that lags is one that
// forgets.
func (b *bench) everywhere(ctx context.Context, no string, states ...string) (r reply, err error) {
	for host := range b.Config.Hosts {
		c := b.query(no)
		c.host = host
		if r, err = b.state(ctx, c, no, states...); err != nil {
			return r, fmt.Errorf("host %s: %w", b.Config.Hosts[host], err)
		}
	}
	return r, nil
}

// patience tells whether an answer that says "later" says when.
func (r reply) patience() error {
	if n, err := strconv.Atoi(r.header.Get("Retry-After")); err != nil || n < 0 {
		return fmt.Errorf("%s has no Retry-After in seconds", r)
	}
	return nil
}

// together sends one request eight times at once. Every answer is the order or
// "in progress", and at least one is the order.
func (b *bench) together(ctx context.Context, c call, no string, states ...string) ([]reply, error) {
	type outcome struct {
		reply
		err error
	}
	const times = 8
	all := make(chan outcome, times)
	for range times {
		go func() {
			r, err := b.ask(ctx, c)
			all <- outcome{r, err}
		}()
	}
	var orders []reply
	var wrong error
	for range times {
		switch o := <-all; {
		case o.err != nil:
			wrong = o.err
		case o.status == http.StatusConflict && o.Code == "in_progress":
			if err := o.patience(); err != nil {
				wrong = err
			}
		case o.status == http.StatusOK && o.OrderNo == no && slices.Contains(states, o.State):
			orders = append(orders, o.reply)
		default:
			wrong = fmt.Errorf("one of eight at once was answered %s, want %s or 409 in_progress", o.reply, strings.Join(states, " or "))
		}
	}
	if wrong == nil && len(orders) == 0 {
		wrong = fmt.Errorf("eight at once are all in progress: nobody got through")
	}
	return orders, wrong
}

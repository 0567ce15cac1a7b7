package lab

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"tillwire/agent"
	"tillwire/agent/sandbox"
)

// Keys are the two pairs that a shop and its cloud sign with. Making them is slow,
// so a process makes them once and every shop uses them.
type Keys struct{ merchant, platform *rsa.PrivateKey }

// NewKeys makes a pair for the merchant and one for the platform.
func NewKeys() (Keys, error) {
	const bits = 2048 // WeChat Pay v3 and Alipay's RSA2
	var k Keys
	var err, other error
	k.merchant, err = rsa.GenerateKey(rand.Reader, bits)
	k.platform, other = rsa.GenerateKey(rand.Reader, bits)
	return k, errors.Join(err, other)
}

// source hands the platform's key to the first two who ask (the key and the
// certificate of the platform) and the merchant's to the others.
func (k Keys) source() func() (*rsa.PrivateKey, error) {
	asked := 0
	return func() (*rsa.PrivateKey, error) {
		asked++
		if asked <= 2 {
			return k.platform, nil
		}
		return k.merchant, nil
	}
}

// Arrival is a request that reached the cloud, before it is executed.
type Arrival struct {
	Wallet   string
	Op       sandbox.Operation
	OrderNo  string
	RefundNo string
}

// Meddling is what happens to one request between the shop and the cloud beyond
// the sandbox's own faults. The zero value lets it pass.
type Meddling struct {
	// Late executes the request only when this channel is closed, long after the shop
	// has stopped waiting; nobody hears the answer.
	Late <-chan struct{}
	// Silent swallows the request: it is never executed and nothing is answered.
	Silent bool
	// Stale answers with what was answered to an earlier request of the operation,
	// signature and all; the request itself is executed.
	Stale bool
	// Twice executes the request a second time, as a network does that delivered it
	// twice; the later answer is heard.
	Twice bool
	// Status answers with this status, unsigned; the request is not executed.
	Status int
	// Unwell executes the request and answers, signed, that the cloud's system failed:
	// its own word for "ask again, I do not know".
	Unwell bool
}

// Cloud is the sandbox of a lab shop with its ledger.
type Cloud struct {
	Ledger *sandbox.Ledger
	*sandbox.Cloud

	wallets map[string]sandbox.Wallet
}

// Wallet is the cloud of one of the shop's wallets, or nil.
func (c *Cloud) Wallet(name string) sandbox.Wallet { return c.wallets[name] }

// openCloud starts the sandbox. The folder keeps the ledger over restarts.
func openCloud(ctx context.Context, s *Shop, hosts map[string]string) (*Cloud, error) {
	o := s.opt
	wallets, err := o.chosen()
	if err != nil {
		return nil, err
	}
	ledger, err := sandbox.OpenLedger(ctx, ledgerFile(o.Dir), o.Clock.SystemClock)
	if err != nil {
		return nil, err
	}
	ledger.ForgetUnseen(o.Forgets)
	c := &Cloud{Ledger: ledger, wallets: map[string]sandbox.Wallet{}}
	options := sandbox.Options{Ledger: ledger, Clock: o.Clock.SystemClock, Log: slog.New(slog.DiscardHandler), Control: "127.0.0.1:0"}
	for _, w := range wallets {
		fake, err := w.cloud(ctx, o, ledger)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("the cloud of %s: %w", w.Name, err), ledger.Close())
		}
		c.wallets[w.Name] = fake
		options.Wallets = append(options.Wallets, sandbox.Open{Wallet: newTap(s, fake), Hosts: []string{cmp.Or(hosts[w.Name], "127.0.0.1:0")}})
	}
	if o.Network != nil {
		options.Listen = o.Network.Listen
	}
	if c.Cloud, err = sandbox.Start(ctx, options); err != nil {
		return nil, errors.Join(err, ledger.Close())
	}
	return c, nil
}

// close ends the cloud as a whole.
func (c *Cloud) close() error { return errors.Join(c.Cloud.Close(), c.Ledger.Close()) }

// tap stands between the cloud's front and its wallet: it shows each request to
// the oracle and lets the campaign meddle with it.
type tap struct {
	sandbox.Wallet
	shop *Shop

	last map[sandbox.Operation]given // under the shop's mutex
}

// sniffing is the tap of a wallet whose operations may stand in the body.
type sniffing struct {
	*tap
	sandbox.Sniffer
}

func newTap(s *Shop, w sandbox.Wallet) sandbox.Wallet {
	t := &tap{Wallet: w, shop: s, last: map[sandbox.Operation]given{}}
	if sniffer, ok := w.(sandbox.Sniffer); ok {
		return sniffing{t, sniffer}
	}
	return t
}

// Answer implements sandbox.Wallet.
func (t *tap) Answer(ctx context.Context, c sandbox.Call) sandbox.Answer {
	a := t.arrival(c)
	t.shop.arrived(ctx, a)
	m := t.shop.meddle(a)
	switch {
	case m.Late != nil:
		request := c.Request.Clone(context.WithoutCancel(ctx))
		t.shop.errands.Go(func() {
			<-m.Late
			t.shop.arrived(request.Context(), a)
			t.Wallet.Answer(request.Context(), sandbox.Call{Request: request, Body: c.Body, Again: true})
		})
		return unheard(c)
	case m.Silent:
		return unheard(c)
	case m.Status != 0:
		return sandbox.Answer{Status: m.Status, Header: http.Header{}}
	}
	answer := t.Wallet.Answer(ctx, c)
	if m.Twice {
		c.Again = true
		answer = t.Wallet.Answer(ctx, c)
	}
	if m.Unwell {
		// The cloud finds its ledger out of reach and says so, in its own words.
		gone, leave := context.WithCancel(context.WithoutCancel(ctx))
		leave()
		c.Again = true
		answer = t.Wallet.Answer(gone, c)
	}
	t.shop.at(Point{Place: "executed", What: string(a.Op)})
	t.shop.mu.Lock()
	defer t.shop.mu.Unlock()
	before, any := t.last[a.Op]
	t.last[a.Op] = given{a.OrderNo, answer}
	if m.Stale && any && t.shop.seen.lie(a, before) {
		return before.answer
	}
	return answer
}

// given is an answer and whom it was about.
type given struct {
	orderNo string
	answer  sandbox.Answer
}

// lie notes that a request is answered with what another was told, and reports
// whether it may be. An order is not told another's refusal beside another's
// acknowledgement: nobody can know better than two answers that agree. The shop's mutex is held.
func (e *evidence) lie(a Arrival, g given) bool {
	if e.lied[a.OrderNo] || refuses(g.answer) && len(e.lies[a.OrderNo]) > 0 {
		return false
	}
	switch {
	case refuses(g.answer):
		e.lied[a.OrderNo] = true
	case a.Op == sandbox.OpPresent && a.OrderNo != g.orderNo:
		e.mixed[a.OrderNo] = true
	}
	e.lies[a.OrderNo] = append(e.lies[a.OrderNo], fmt.Sprintf("%s was told what %s was: %d", a.Op, g.orderNo, g.answer.Status))
	return true
}

// refuses reports whether an answer is a no. It is the only one that says nothing of
// the order it is about, so that a terminal has to believe it of another: by status
// (WeChat Pay v3), or by a code of four hundred and something thousand (Alipay).
func refuses(a sandbox.Answer) bool {
	return a.Status/100 == 4 || bytes.Contains(a.Body, []byte(`"code":"4`))
}

// unheard keeps a client waiting until it hangs up. Its own context tells: the one
// of the call may outlast it under a fault of the sandbox.
func unheard(c sandbox.Call) sandbox.Answer {
	<-c.Request.Context().Done()
	return sandbox.Answer{Status: http.StatusInternalServerError, Header: http.Header{}}
}

// arrival reads what a request is about.
func (t *tap) arrival(c sandbox.Call) Arrival {
	op, orderNo := t.Classify(c.Request)
	if sniffer, ok := t.Wallet.(sandbox.Sniffer); ok && op == sandbox.OpOther {
		op, orderNo = sniffer.Sniff(c.Request, c.Body)
	}
	if orderNo == "" {
		orderNo = t.OrderNo(c.Body)
	}
	a := Arrival{Wallet: t.Name(), Op: op, OrderNo: orderNo}
	if op == sandbox.OpRefund {
		a.RefundNo = refundNumber(orderNo, append([]byte(c.Request.URL.Path+"\n"), c.Body...))
	}
	return a
}

// Customer makes a phone of the shop's first wallet and returns its id. The balance
// is in minor units.
func (s *Shop) Customer(ctx context.Context, b sandbox.Behaviour, balance int64) (string, error) {
	return s.CustomerOf(ctx, s.opt.Wallets[0], b, balance)
}

// CustomerOf is Customer for one of the shop's wallets.
func (s *Shop) CustomerOf(ctx context.Context, wallet string, b sandbox.Behaviour, balance int64) (string, error) {
	w, _ := WalletNamed(wallet)
	c, err := s.Cloud().Ledger.AddCustomer(ctx, sandbox.Customer{Wallet: wallet, Name: "a customer", Balance: balance, Currency: string(w.Currency), Behaviour: b})
	return c.ID, err
}

// Code is a fresh code on a customer's phone.
func (s *Shop) Code(ctx context.Context, customer string) (agent.PayCode, error) {
	cloud := s.Cloud()
	issued, err := cloud.Ledger.IssueCode(ctx, customer, func(wallet string) (string, error) { return cloud.Wallet(wallet).PayCode() })
	if err != nil {
		return agent.PayCode{}, fmt.Errorf("a code for customer %s: %w", customer, err)
	}
	s.mu.Lock()
	s.seen.codes.add(issued.Code)
	s.mu.Unlock()
	return agent.NewPayCode(issued.Code), nil
}

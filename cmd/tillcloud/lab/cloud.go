package lab

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	cloudwechat "tillwire/agent/sandbox/wechat"
)

// Keys are the two pairs that a shop and its cloud sign with. Making them is slow,
// so a process makes them once and every shop uses them.
type Keys struct{ merchant, platform *rsa.PrivateKey }

// NewKeys makes a pair for the merchant and one for the platform.
func NewKeys() (Keys, error) {
	const bits = 2048 // WeChat Pay v3
	var k Keys
	var err, other error
	k.merchant, err = rsa.GenerateKey(rand.Reader, bits)
	k.platform, other = rsa.GenerateKey(rand.Reader, bits)
	return k, errors.Join(err, other)
}

// source hands the platform's key to the first two who ask (the key and the
// certificate of the platform) and the merchant's to the others.
func (k Keys) source() cloudwechat.KeySource {
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
}

// Cloud is the sandbox of a lab shop with its ledger.
type Cloud struct {
	Ledger *sandbox.Ledger
	Wechat *cloudwechat.Wallet
	*sandbox.Cloud
}

// openCloud starts the sandbox. The folder keeps the ledger over restarts.
func openCloud(ctx context.Context, o Options, host string, tap *tap) (*Cloud, error) {
	ledger, err := sandbox.OpenLedger(ctx, ledgerFile(o.Dir), o.Clock.SystemClock)
	if err != nil {
		return nil, err
	}
	c := &Cloud{Ledger: ledger}
	if c.Wechat, err = cloudwechat.New(ctx, cloudwechat.Options{Ledger: ledger, Clock: o.Clock.SystemClock, Keys: o.Keys.source()}); err != nil {
		return nil, errors.Join(err, ledger.Close())
	}
	tap.Wallet = c.Wechat
	options := sandbox.Options{Ledger: ledger, Clock: o.Clock.SystemClock, Log: slog.New(slog.DiscardHandler), Control: "127.0.0.1:0",
		Wallets: []sandbox.Open{{Wallet: tap, Hosts: []string{host}}}}
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

	last map[sandbox.Operation]sandbox.Answer // under the shop's mutex
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
	t.shop.at(Point{Place: "executed", What: string(a.Op)})
	t.shop.mu.Lock()
	defer t.shop.mu.Unlock()
	before, any := t.last[a.Op]
	t.last[a.Op] = answer
	if m.Stale && any {
		t.shop.seen.lied[a.OrderNo] = true
		return before
	}
	return answer
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
	if orderNo == "" {
		orderNo = t.OrderNo(c.Body)
	}
	var body struct {
		RefundNo string `json:"out_refund_no"`
	}
	if op == sandbox.OpRefund && json.Unmarshal(c.Body, &body) != nil {
		body.RefundNo = ""
	}
	return Arrival{Op: op, OrderNo: orderNo, RefundNo: body.RefundNo}
}

// Customer makes a phone and returns its id. The balance is in minor units.
func (s *Shop) Customer(ctx context.Context, b sandbox.Behaviour, balance int64) (string, error) {
	c, err := s.Cloud().Ledger.AddCustomer(ctx, sandbox.Customer{Wallet: cloudwechat.Name, Name: "a customer", Balance: balance, Behaviour: b})
	return c.ID, err
}

// Code is a fresh code on a customer's phone.
func (s *Shop) Code(ctx context.Context, customer string) (agent.PayCode, error) {
	cloud := s.Cloud()
	issued, err := cloud.Ledger.IssueCode(ctx, customer, func(string) (string, error) { return cloud.Wechat.PayCode() })
	if err != nil {
		return agent.PayCode{}, fmt.Errorf("a code for customer %s: %w", customer, err)
	}
	s.mu.Lock()
	s.codes = append(s.codes, issued.Code)
	s.mu.Unlock()
	return agent.NewPayCode(issued.Code), nil
}

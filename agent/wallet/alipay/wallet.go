package alipay

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

// gateway is the one address of the classic gateway. The charset stands in the
// query, too, because it is needed to read the form.
const gateway = "/gateway.do?charset=utf-8"

// Wallet is Alipay as one application uses it. It is safe for concurrent use.
type Wallet struct {
	c     Config
	cloud *wallet.Transport
	sign  *signer
	keys  keys
}

// A Wallet offers everything a counter can ask of one.
var (
	_ agent.Wallet    = (*Wallet)(nil)
	_ agent.Charger   = (*Wallet)(nil)
	_ agent.Preparer  = (*Wallet)(nil)
	_ agent.Presenter = (*Wallet)(nil)
	_ agent.Reverser  = (*Wallet)(nil)
	_ agent.Closer    = (*Wallet)(nil)
	_ agent.Refunder  = (*Wallet)(nil)
	_ agent.Biller    = (*Wallet)(nil)
)

// New checks the configuration and prepares the wallet; it sends nothing. The
// error is an agent.Error of class Invalid that says what to correct.
func New(c Config) (*Wallet, error) {
	c.complete()
	if err := c.check(); err != nil {
		return nil, err
	}
	loaded, err := loadKeys(&c)
	if err != nil {
		return nil, c.wrong(err)
	}
	w := &Wallet{c: c, keys: loaded, sign: &signer{key: loaded.app, clock: c.Clock}}
	w.cloud, err = wallet.NewTransport(wallet.Options{Wallet: c.Name, Hosts: c.Hosts, Timers: c.Timers, Clock: c.Clock, Log: c.Log,
		TLS: c.TLS, Dial: c.Dial, Agent: c.UserAgent, Observe: c.Observe})
	if err != nil {
		return nil, c.wrong(err)
	}
	return w, nil
}

// Info implements agent.Wallet.
func (w *Wallet) Info() agent.WalletInfo {
	return agent.WalletInfo{Name: w.c.Name, Protocol: "alipay", Test: w.c.test(), Hosts: w.cloud.Hosts(), Currency: []agent.Currency{"CNY"}}
}

// Reach connects to a host and hangs up; see wallet.Transport.
func (w *Wallet) Reach(ctx context.Context) error { return w.cloud.Reach(ctx) }

// CloseIdle drops the connections that are kept for the next request.
func (w *Wallet) CloseIdle() { w.cloud.CloseIdle() }

// request is one operation before it is signed.
type request struct {
	op     agent.Operation
	method string // of the gateway, "alipay.trade.pay"
	biz    any    // biz_content
	notify bool   // the notify_url goes with it
	once   bool
	early  *prepared                         // nil: signed as it goes
	read   func(content []byte) agent.Answer // sees verified answers only
}

// do sends a request and believes its answer only if Alipay signed it. The HTTP
// status says nothing: the gateway answers 200 to everything.
func (w *Wallet) do(ctx context.Context, r request) agent.Answer {
	p, err := w.params(r)
	var body []byte
	if err == nil {
		body, err = w.sign.body(p, r.early)
	}
	if err != nil {
		return agent.Answer{Verdict: agent.NotDelivered, Reason: agent.ReasonSetup, Err: err}
	}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded;charset=utf-8"}}
	return w.cloud.Do(ctx, wallet.Call{Op: r.op, Method: http.MethodPost, Target: gateway, Body: body, Header: header, Once: r.once,
		Read: func(reply wallet.Reply) agent.Answer {
			e, err := unwrap(r.method, reply.Body)
			if err == nil {
				err = w.keys.verify(e)
			}
			if errors.Is(err, ErrUnknownKey) {
				w.c.Log.Error("Alipay signs with a certificate that is not configured: download alipayCertPublicKey again", "wallet", w.c.Name)
			}
			if err != nil {
				return wallet.Unverified(fmt.Errorf("%s: HTTP %d: %w", r.op, reply.Status, err))
			}
			return r.read(e.content)
		}})
}

// params are the parameters of a request, without its time and signature.
func (w *Wallet) params(r request) (params, error) {
	biz, err := wallet.Encode(r.biz)
	if err != nil {
		return nil, err
	}
	p := params{"app_id": w.c.AppID, "method": r.method, "format": "JSON", "charset": "utf-8", "sign_type": "RSA2", "version": "1.0",
		"app_auth_token": w.c.AppAuthToken, "app_cert_sn": w.keys.appSN, "alipay_root_cert_sn": w.keys.rootSN, "biz_content": string(biz)}
	if r.notify {
		p["notify_url"] = w.c.NotifyURL
	}
	return p, nil
}

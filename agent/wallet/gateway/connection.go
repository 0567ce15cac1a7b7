package gateway

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

// Root is where the protocol lives on every host.
const Root = "/tillwire/v1"

// Config is one connection to a gateway: its hosts, one merchant and one pair of
// keys. Any number of brands share it.
type Config struct {
	Name     string   // for messages and logs; empty: "gateway"
	Hosts    []string // scheme and host
	Merchant string   // the merchant's number at the gateway
	Signer   Signer
	Acquirer map[string]ed25519.PublicKey // keys the gateway signs with, by their ids
	Live     bool                         // money moves there; otherwise every screen says TEST

	Description string                     // what the payer reads, up to 64 characters
	StoreID     string                     // the shop's own number for the store, up to 32
	Schemes     func(code string) []string // names the national scheme of an EMV code; nil: not checked
	Timers      agent.Timers               // zero: agent.DefaultTimers("gateway")
	LifeMargin  time.Duration              // a shown order lives this much longer than its code is shown; zero: 3 min
	Clock       agent.Clock                // nil: the machine's
	Log         *slog.Logger               // nil: none
	TLS         *tls.Config                // nil: the system's trust
	Dial        wallet.Dial                // nil: TCP
	UserAgent   string                     // empty: "tillwire"
	Observe     func(wallet.Exchange)      // metrics; may be nil
	ClockSkew   func(offset time.Duration) // how far the gateway's clock is ahead of ours; may be nil
	// Kept is what Keep was last given, by an earlier run; nil when there is nothing. A
	// terminal that starts without a line still knows what its gateway can do.
	Kept []byte
	Keep func(capabilities []byte) // of every verified answer; may be nil
}

// Connection carries the requests of all brands of one merchant. It is safe for
// concurrent use.
type Connection struct {
	c     Config
	cloud *wallet.Transport

	asking chan struct{} // holds one while capabilities are fetched
	mu     sync.Mutex
	can    *Capabilities // the last that were told
	until  time.Duration // Clock.Mono until which they hold
}

var (
	merchantPattern = regexp.MustCompile(`^[0-9A-Za-z_-]{1,32}$`)
	brandPattern    = regexp.MustCompile(`^[a-z0-9_-]{1,32}$`)
	keyIDPattern    = regexp.MustCompile(`^[ !#-\[\]-~]{1,128}$`)
)

// Connect checks the configuration and prepares the connection; it sends nothing.
// The error is an agent.Error of class Invalid that says what to correct.
func Connect(c Config) (*Connection, error) {
	c.complete()
	if err := c.check(); err != nil {
		return nil, c.wrong(err)
	}
	cloud, err := wallet.NewTransport(wallet.Options{Wallet: c.Name, Hosts: c.Hosts, Timers: c.Timers, Clock: c.Clock, Log: c.Log,
		TLS: c.TLS, Dial: c.Dial, Agent: c.UserAgent, Observe: c.Observe, RequestID: "Request-Id"})
	if err != nil {
		return nil, c.wrong(err)
	}
	made := &Connection{c: c, cloud: cloud, asking: make(chan struct{}, 1)}
	if can, err := readCapabilities(c.Kept, c.Merchant); err == nil {
		made.can = can // and already run out, so that it is asked for anew
	}
	return made, nil
}

func (c *Config) complete() {
	c.Name = cmp.Or(c.Name, "gateway")
	if c.Timers.Pay == 0 {
		c.Timers = agent.DefaultTimers("gateway")
	}
	c.LifeMargin = cmp.Or(c.LifeMargin, 3*time.Minute)
	if c.Clock == nil {
		c.Clock = agent.NewSystemClock()
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.ClockSkew == nil {
		c.ClockSkew = func(time.Duration) {}
	}
}

// check returns everything that is wrong, each with what to do.
func (c *Config) check() error {
	var wrong wallet.Complaints
	ask := wrong.If
	ask(!merchantPattern.MatchString(c.Merchant), "merchant_id is missing or not 1 to 32 letters, digits, - or _: the acquirer gives it")
	ask(!keyIDPattern.MatchString(c.Signer.KeyID), "signing_key_id is missing or holds quotes: it is the name under which the acquirer filed this shop's public key")
	ask(len(c.Signer.Key) != ed25519.PrivateKeySize, "signing_key is missing: name the file of this shop's Ed25519 key (openssl genpkey -algorithm ed25519)")
	ask(len(c.Acquirer) == 0, "acquirer_key is missing: name the file of the acquirer's Ed25519 public key, and acquirer_key_id")
	for id, key := range c.Acquirer {
		ask(!keyIDPattern.MatchString(id), "acquirer_key_id is missing or holds quotes: the acquirer names it with its key")
		ask(len(key) != ed25519.PublicKeySize, "acquirer_key %s is no Ed25519 public key", id)
		ask(c.Signer.owns(key), "acquirer_key %s is the shop's own public key: ask the acquirer for theirs", id)
	}
	for _, h := range c.Hosts {
		u, err := url.Parse(h)
		ask(c.Live && (err != nil || u.Scheme != "https"), "host %q must begin with https:// where live is true", h)
	}
	ask(len([]rune(c.Description)) > 64, "shop's name is longer than 64 characters")
	return errors.Join(wrong...)
}

func (c *Config) wrong(err error) error {
	return wallet.Misconfigured("gateway", c.Name, err)
}

// Reach connects to a host and hangs up; see wallet.Transport.
func (c *Connection) Reach(ctx context.Context) error { return c.cloud.Reach(ctx) }

// CloseIdle drops the connections that are kept for the next request.
func (c *Connection) CloseIdle() { c.cloud.CloseIdle() }

// request is one operation before it is signed.
type request struct {
	wallet string // as configured, for logs and metrics
	op     agent.Operation
	method string
	path   string // below Root
	query  url.Values
	body   any // nil for none
	once   bool
	read   func(status int, body []byte) agent.Answer // sees verified answers only
}

// do sends a request and believes its answer only if the gateway signed it for
// this very request.
func (c *Connection) do(ctx context.Context, r request) agent.Answer {
	var signature string // of the try whose answer is read
	call := wallet.Call{Wallet: r.wallet, Op: r.op, Method: r.method, Target: Root + r.path, Once: r.once}
	if len(r.query) > 0 {
		call.Target += "?" + r.query.Encode()
	}
	if r.body != nil {
		text, err := wallet.Encode(r.body)
		if err != nil {
			return agent.Answer{Verdict: agent.NotDelivered, Reason: agent.ReasonSetup, Err: err}
		}
		call.Body = text
	}
	call.Sign = func(q *http.Request, body []byte) error {
		signature = c.c.Signer.Sign(q, body, c.c.Clock.Now(), rand.Text())
		return nil
	}
	call.Read = func(reply wallet.Reply) agent.Answer {
		at, err := VerifyAnswer(c.c.Acquirer, reply.Status, reply.Header, reply.Body, signature)
		if err != nil {
			c.suspectClock(reply)
			return wallet.Unverified(fmt.Errorf("%s: HTTP %d: %w", r.op, reply.Status, err))
		}
		c.c.ClockSkew(at.Sub(c.c.Clock.Now()))
		return r.read(reply.Status, reply.Body)
	}
	return c.cloud.Do(ctx, call)
}

// suspectClock reports an error of our clock that may be why the answer is no
// better; an unsigned Date proves nothing, so small differences are left alone.
func (c *Connection) suspectClock(r wallet.Reply) {
	const tolerated = 5 * time.Minute // the contract's window for requests
	if date, err := http.ParseTime(r.Header.Get("Date")); err == nil {
		if off := date.Sub(c.c.Clock.Now()); off.Abs() >= tolerated {
			c.c.ClockSkew(off)
		}
	}
}

// word keeps of the gateway's word what may stand in a log and on a screen.
func word(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return -1
	}, text[:min(len(text), 64)])
}

package wallet

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"tillwire/agent"
)

// Options say how a wallet's cloud is reached.
type Options struct {
	Wallet    string         // brand, for logs and metrics
	Hosts     []string       // base addresses in order of preference: scheme and host, nothing else
	Timers    agent.Timers   // Connect and Pay count here; zero: the defaults
	Clock     agent.Clock    // nil: the machine's
	Log       *slog.Logger   // nil: none
	TLS       *tls.Config    // nil: the system's trust, TLS 1.2 or newer
	Dial      Dial           // nil: TCP
	Agent     string         // User-Agent; empty: "tillwire"
	Sign      Signer         // nil: nothing is added
	Observe   func(Exchange) // nil: nobody watches; called after each exchange, must not block
	RequestID string         // header of the answer that names the request at the wallet, for the log
}

// Dial opens a connection to a host, as net.Dialer does. A simulation has one in
// memory.
type Dial func(ctx context.Context, network, addr string) (net.Conn, error)

// Signer adds what proves the sender to a request whose body is exactly the
// given bytes. It runs again for each host: nonce, time and signature change,
// the body never does.
type Signer func(r *http.Request, body []byte) error

// Exchange is one request to one host, for metrics and traces. It has no bodies.
type Exchange struct {
	Wallet    string
	Op        agent.Operation
	Host      string // without scheme
	Status    int    // HTTP; 0 when no answer came
	Took      time.Duration
	Verdict   agent.Verdict
	Reason    agent.Reason // ours, beside Verdict
	Code      string       // the wallet's own word
	RequestID string       // the wallet's name for the request
	Written   bool         // a byte of the request may have left
	Err       error        // the transport's
}

// Class is the status class for metric labels: "2xx" to "5xx", or "none".
func (e Exchange) Class() string {
	if e.Status < 100 || e.Status > 599 {
		return "none"
	}
	return string(rune('0'+e.Status/100)) + "xx"
}

// Call is one operation towards a wallet's cloud.
type Call struct {
	Wallet string // brand, for logs and metrics, where several share a transport; empty: the transport's
	Op     agent.Operation
	Method string
	Target string // path and query as they go over the wire
	Body   []byte // sent as it is; nil for none
	Header http.Header
	Sign   Signer // nil: the transport's
	// Once marks a request that must not be executed twice: another host gets it
	// only while no byte of it has left. Any other is repeated on the next host.
	Once bool
	// Read judges an answer that came back whole. It is not called without one.
	Read func(Reply) agent.Answer
}

// Reply is a complete answer.
type Reply struct {
	Host   string
	Status int
	Header http.Header
	Body   []byte
}

// Transport carries one wallet's requests to its hosts. It follows no redirect,
// uses no proxy, never repeats a request behind the caller's back and proves
// what did not leave. It is safe for concurrent use.
type Transport struct {
	o      Options
	hosts  []*host
	dialer *dialer
	http   *http.Transport
}

// NewTransport checks the hosts and prepares, but opens no connection.
func NewTransport(o Options) (*Transport, error) {
	if len(o.Hosts) == 0 {
		return nil, errors.New("no host: give at least one address such as https://pay.example.com")
	}
	o.Agent = cmp.Or(o.Agent, "tillwire")
	if o.Timers.Connect == 0 || o.Timers.Pay == 0 {
		o.Timers = agent.DefaultTimers("")
	}
	if o.Clock == nil {
		o.Clock = agent.NewSystemClock()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.TLS == nil {
		o.TLS = &tls.Config{}
	}
	o.TLS = o.TLS.Clone()
	o.TLS.MinVersion = max(o.TLS.MinVersion, tls.VersionTLS12)
	o.TLS.NextProtos = []string{"http/1.1"}
	if o.TLS.ClientSessionCache == nil {
		o.TLS.ClientSessionCache = tls.NewLRUClientSessionCache(8)
	}
	d := newDialer(o.Timers.Connect, o.TLS, o.Dial)
	t := &Transport{o: o, dialer: d, http: &http.Transport{
		DialContext: d.plain, DialTLSContext: d.secure,
		// Signatures cover the raw body, so nothing may unpack it on the way.
		DisableCompression:     true,
		MaxIdleConnsPerHost:    128,
		MaxResponseHeaderBytes: 64 << 10,
		// Shorter than the keep-alive of any wallet's front (60 s and more): a
		// request on a connection that the other side has just closed would be in
		// doubt for no reason.
		IdleConnTimeout: 30 * time.Second,
	}}
	for _, text := range o.Hosts {
		base, err := parseHost(text)
		if err != nil {
			return nil, err
		}
		t.hosts = append(t.hosts, newHost(base))
	}
	return t, nil
}

func parseHost(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("host %q is not an address: %w", text, err)
	case u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		return nil, fmt.Errorf("host %q must begin with https:// and a name", text)
	case strings.TrimSuffix(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil || u.Fragment != "":
		return nil, fmt.Errorf("host %q must be scheme and name only, without path, query or user", text)
	}
	u.Path = ""
	return u, nil
}

// Hosts are the base addresses, the preferred first.
func (t *Transport) Hosts() []string {
	var list []string
	for _, h := range t.hosts {
		list = append(list, h.base.String())
	}
	return list
}

// CloseIdle drops the connections that are kept for the next request.
func (t *Transport) CloseIdle() { t.http.CloseIdleConnections() }

// Reach connects to the hosts, TLS included, and hangs up: nothing is asked of the
// wallet. One that takes the connection is enough; an error means that none did. All are
// tried at once, because a host that swallows what is sent to it must not take the time
// of the others. It tells a line that is down from one that is up; only an answer tells
// whether the wallet works.
func (t *Transport) Reach(ctx context.Context) error {
	ctx, done := context.WithCancel(ctx)
	defer done()
	ended := make(chan error, len(t.hosts))
	for _, h := range t.hosts {
		go func() { ended <- t.touch(ctx, h) }()
	}
	var errs []error
	for range t.hosts {
		err := <-ended
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return fmt.Errorf("reach %s: %w", t.o.Wallet, errors.Join(errs...))
}

func (t *Transport) touch(ctx context.Context, h *host) error {
	open, port := t.dialer.secure, "443"
	if h.base.Scheme == "http" {
		open, port = t.dialer.plain, "80"
	}
	c, err := open(ctx, "tcp", net.JoinHostPort(h.base.Hostname(), cmp.Or(h.base.Port(), port)))
	if err != nil {
		return err
	}
	return c.Close()
}

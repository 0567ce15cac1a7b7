package mqtt

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"tillwire/agent"
	"tillwire/agent/fleet"
)

// Options are what a link is made with. Broker, TID and Clock are required.
type Options struct {
	TID fleet.TID
	// Broker is "mqtts://host:port", or "mqtt://127.0.0.1:port" on this machine alone:
	// nothing leaves it unencrypted. Servers of one cluster stand behind each other with
	// commas between them; one that is lost is left for another.
	Broker string
	// TLS answers the configuration of the next connection, so that a renewed
	// certificate is used without a restart. Required with mqtts.
	TLS func() (*tls.Config, error)
	// Password answers the password of the next connection; nil: the certificate says
	// who we are.
	Password func() (string, error)
	// Spread is how long at most the terminal waits after a connection was lost, so
	// that a fleet does not come back in one moment. nil: 30 s.
	Spread func() time.Duration
	Clock  agent.Clock
	Log    *slog.Logger // nil: none

	// Dial opens the way to the broker; nil: the network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Draw answers a random time from 0 up to but not including its argument; nil:
	// the system's dice.
	Draw func(time.Duration) time.Duration
}

// The settings of a connection. A keepalive of 45 s stays below the 60 s after
// which common routers forget a connection, and finds a dead one within a minute.
const (
	keepAlive      = 45 * time.Second
	pingTimeout    = 15 * time.Second
	connectTimeout = 20 * time.Second
	writeTimeout   = 15 * time.Second
	inFlight       = 16
	quiesceMS      = 250
)

// How often the broker is tried, each wait drawn anew below the bound; and how
// long a connection must have lasted for the next failure to be the first again.
const (
	firstWait   = time.Second
	longestWait = 2 * time.Minute
	firstDrop   = 5 * time.Second
	steadyAfter = time.Minute
	spread      = 30 * time.Second
)

var (
	errMixed  = errors.New("the servers of one broker are all reached with TLS, or all without")
	errScheme = errors.New(`the broker's address begins with "mqtts://", or with "mqtt://" and an address of this machine`)
	errPort   = errors.New("the broker's address has no port; 8883 is usual")
	errTLS    = errors.New("a broker behind TLS needs the fleet's own authority")
)

// ParseBrokers checks a broker's address, or those of the servers of a cluster with
// commas between them. All have the scheme of the first.
func ParseBrokers(text string) (list []*url.URL, err error) {
	for one := range strings.SplitSeq(text, ",") {
		u, err := parseBroker(strings.TrimSpace(one))
		if err != nil {
			return nil, err
		}
		if list = append(list, u); u.Scheme != list[0].Scheme {
			return nil, errMixed
		}
	}
	return list, nil
}

func parseBroker(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" {
		return nil, errScheme
	}
	if u.Port() == "" {
		return nil, errPort
	}
	ip := net.ParseIP(u.Hostname())
	local := ip != nil && ip.IsLoopback()
	if u.Scheme != "mqtts" && (u.Scheme != "mqtt" || !local) {
		return nil, errScheme
	}
	return u, nil
}

func (o Options) check() (Options, *servers, error) {
	list, err := ParseBrokers(o.Broker)
	if err != nil {
		return o, nil, err
	}
	if list[0].Scheme == "mqtts" && o.TLS == nil {
		return o, nil, errTLS
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	if o.Spread == nil {
		o.Spread = func() time.Duration { return spread }
	}
	if o.Draw == nil {
		o.Draw = func(most time.Duration) time.Duration { return time.Duration(rand.Int64N(int64(max(most, 1)))) }
	}
	return o, newServers(list), nil
}

// Files names what TLS is made of. The pool holds the fleet's own authority and
// nothing else: no public one can stand in for the broker.
type Files struct {
	CA         string // PEM
	Cert, Key  string // PEM; both empty: no client certificate
	ServerName string // empty: the host of the address
}

// Config reads the files and makes the configuration of one connection.
func (f Files) Config() (*tls.Config, error) {
	text, err := os.ReadFile(f.CA)
	if err != nil {
		return nil, fmt.Errorf("read the fleet's authority: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate", f.CA)
	}
	c := &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: pool, ServerName: f.ServerName}
	if f.Cert == "" && f.Key == "" {
		return c, nil
	}
	pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		return nil, fmt.Errorf("read the terminal's certificate and key: %w", err)
	}
	c.Certificates = []tls.Certificate{pair}
	return c, nil
}

package jetstream

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/url"
	"regexp"
	"strings"
	"time"

	"tillwire/agent"
)

// Options are what an ear is made with. Servers and Clock are required.
type Options struct {
	// Servers are those of the cluster, "tls://host:4222" with commas between them, or
	// "nats://127.0.0.1:4222" on this machine alone.
	Servers string
	// TLS answers the configuration of the next connection. Required with tls.
	TLS func() (*tls.Config, error)
	// User and Password are for servers that ask for a password; the certificate says
	// who we are where they do not.
	User     string
	Password func() (string, error)
	// Stream is where the servers keep what terminals say until it is taken; empty:
	// "POS_UP". It is made where there is none, and one that is there is left as it is.
	Stream string
	// Replicas is how many servers keep it; 0: as many as are named, and at most three.
	Replicas int
	Clock    agent.Clock
	Log      *slog.Logger // nil: none

	// Draw answers a random time from 0 up to but not including its argument; nil:
	// the system's dice.
	Draw func(time.Duration) time.Duration
}

// usualStream is the stream's name when nobody says.
const usualStream = "POS_UP"

// usualReplicas bears the loss of one server.
const usualReplicas = 3

var streamName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

var (
	errScheme   = errors.New(`a NATS server's address begins with "tls://", or with "nats://" and an address of this machine`)
	errPort     = errors.New("a NATS server's address has no port; 4222 is usual")
	errMixed    = errors.New("the servers of one cluster are all reached with TLS, or all without")
	errTLS      = errors.New("servers behind TLS need the fleet's own authority")
	errStream   = errors.New("a stream's name takes letters, digits, - and _")
	errReplicas = errors.New("a stream is kept by 1 to 5 servers")
)

// ParseServers checks the addresses of a cluster.
func ParseServers(text string) (list []*url.URL, err error) {
	for one := range strings.SplitSeq(text, ",") {
		u, err := url.Parse(strings.TrimSpace(one))
		if err != nil || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" {
			return nil, errScheme
		}
		if u.Port() == "" {
			return nil, errPort
		}
		ip := net.ParseIP(u.Hostname())
		if local := ip != nil && ip.IsLoopback(); u.Scheme != "tls" && (u.Scheme != "nats" || !local) {
			return nil, errScheme
		}
		if list = append(list, u); u.Scheme != list[0].Scheme {
			return nil, errMixed
		}
	}
	return list, nil
}

func (o Options) check() (Options, error) {
	list, err := ParseServers(o.Servers)
	if err != nil {
		return o, err
	}
	if list[0].Scheme == "tls" && o.TLS == nil {
		return o, errTLS
	}
	if o.Stream == "" {
		o.Stream = usualStream
	}
	if !streamName.MatchString(o.Stream) {
		return o, errStream
	}
	if o.Replicas == 0 {
		o.Replicas = min(len(list), usualReplicas)
	}
	if o.Replicas < 1 || o.Replicas > 5 {
		return o, errReplicas
	}
	var names []string
	for _, u := range list {
		names = append(names, u.String())
	}
	o.Servers = strings.Join(names, ",")
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Draw == nil {
		o.Draw = func(most time.Duration) time.Duration { return time.Duration(rand.Int64N(int64(max(most, 1)))) }
	}
	return o, nil
}

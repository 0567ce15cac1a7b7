package mqtt

import (
	"crypto/tls"
	"io"
	"net"
	"sync"
	"testing"

	paho "github.com/eclipse/paho.mqtt.golang"

	"tillwire/agent/fleet"
)

// rawOptions are the library's own defaults, for showing what it does by itself.
func (b *broker) rawOptions(name string, addr string) *paho.ClientOptions {
	b.t.Helper()
	config, err := b.pki.issue(b.t, name).Config()
	if err != nil {
		b.t.Fatal(err)
	}
	config.ServerName = "localhost"
	return paho.NewClientOptions().AddBroker("ssl://" + addr).SetClientID(name).SetTLSConfig(config).SetProtocolVersion(4)
}

func connectRaw(t *testing.T, o *paho.ClientOptions) paho.Client {
	t.Helper()
	c := paho.NewClient(o)
	if token := c.Connect(); !token.WaitTimeout(patience) || token.Error() != nil {
		t.Fatalf("connect: %v", token.Error())
	}
	t.Cleanup(func() { c.Disconnect(50) })
	return c
}

// spy is the fleet's service as the broker sees it: it hears everything up and
// may send everything down.
type spy struct {
	t      *testing.T
	client paho.Client
	mu     sync.Mutex
	heard  []heard
}

type heard struct {
	id      fleet.TID
	channel fleet.Channel
	payload string
	retain  bool
}

func (b *broker) spy() *spy {
	b.t.Helper()
	s := &spy{t: b.t}
	o := b.rawOptions(service, b.addr).SetOrderMatters(true)
	o.SetOnConnectHandler(func(c paho.Client) {
		c.Subscribe(fleet.Uplink(), 1, func(_ paho.Client, m paho.Message) {
			id, channel, _ := fleet.ParseTopic(m.Topic())
			s.mu.Lock()
			defer s.mu.Unlock()
			s.heard = append(s.heard, heard{id, channel, string(m.Payload()), m.Retained()})
		})
	})
	s.client = connectRaw(b.t, o)
	return s
}

// on lists what was heard of a terminal on a channel.
func (s *spy) on(id fleet.TID, c fleet.Channel) (payloads []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.heard {
		if h.id == id && h.channel == c {
			payloads = append(payloads, h.payload)
		}
	}
	return payloads
}

func (s *spy) send(id fleet.TID, c fleet.Channel, payload string, retain bool) {
	s.t.Helper()
	if token := s.client.Publish(id.Topic(c), 1, retain, payload); !token.WaitTimeout(patience) || token.Error() != nil {
		s.t.Fatalf("send down: %v", token.Error())
	}
}

// proxy stands between a client and the broker, for cutting and for losing
// what the broker answers.
type proxy struct {
	listener net.Listener
	target   string

	mu    sync.Mutex
	conns []net.Conn
	deaf  bool // what the broker says is lost
	count int  // of connections
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, target: target}
	go p.serve()
	t.Cleanup(func() { _ = l.Close(); p.cut() })
	return p
}

func (p *proxy) addr() string { return p.listener.Addr().String() }

func (p *proxy) serve() {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = near.Close()
			continue
		}
		p.mu.Lock()
		p.conns, p.count = append(p.conns, near, far), p.count+1
		p.mu.Unlock()
		go func() { _, _ = io.Copy(far, near); _ = far.Close() }()
		go func() { _, _ = io.Copy(lossy{p, near}, far); _ = near.Close() }()
	}
}

// lossy swallows what the broker says while the proxy is deaf.
type lossy struct {
	p  *proxy
	to io.Writer
}

// Write implements io.Writer.
func (l lossy) Write(b []byte) (int, error) {
	l.p.mu.Lock()
	deaf := l.p.deaf
	l.p.mu.Unlock()
	if deaf {
		return len(b), nil
	}
	return l.to.Write(b)
}

func (p *proxy) setDeaf(deaf bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deaf = deaf
}

func (p *proxy) connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count
}

// cut ends every connection at once.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}

// tlsOf is how a terminal's link is told its certificate.
func tlsOf(f Files) func() (*tls.Config, error) {
	return func() (*tls.Config, error) {
		c, err := f.Config()
		if err == nil {
			c.ServerName = "localhost"
		}
		return c, err
	}
}

package mqtt

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"tillwire/agent"
	"tillwire/agent/fleet"
	"tillwire/agent/fleet/brokertest"
)

// desk is an office at a broker, and what it has heard.
type desk struct {
	*Office
	line  *cable
	end   func()
	mu    sync.Mutex
	heard []string
	keep  bool // nothing is acknowledged
	up    bool
	err   error
}

// desk opens an office with a certificate of its own name.
func (b *broker) desk(name, share string) *desk {
	b.t.Helper()
	return b.deskAt(name, share, b.addr)
}

// deskAt is desk over another way to the broker.
func (b *broker) deskAt(name, share, addr string) *desk {
	b.t.Helper()
	d := &desk{line: &cable{}}
	o := Options{Broker: "mqtts://" + addr}
	o.Clock, o.TLS, o.Draw, o.Dial = agent.NewSystemClock(), tlsOf(b.pki.issue(b.t, name)), atOnce, d.line.dial
	var err error
	d.Office, err = NewOffice(OfficeOptions{User: name, Share: share, Options: o})
	if err != nil {
		b.t.Fatal(err)
	}
	d.open(b.t)
	return d
}

func (d *desk) open(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = d.Run(ctx, d.hear, d.state)
	}()
	d.end = func() { cancel(); <-ended }
	t.Cleanup(func() { d.end() })
}

// cable is what a killed process's connections hang on: it goes with all of them.
type cable struct {
	mu    sync.Mutex
	gone  bool
	conns []net.Conn
}

var errKilled = errors.New("killed")

func (c *cable) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return nil, errors.Join(errKilled, conn.Close())
	}
	c.conns = append(c.conns, conn)
	return conn, nil
}

// kill ends an office without a word to the broker.
func (d *desk) kill() {
	d.line.mu.Lock()
	d.line.gone = true
	for _, conn := range d.line.conns {
		_ = conn.Close() // gone either way
	}
	d.line.mu.Unlock()
	d.end()
}

func (d *desk) hear(m fleet.Heard) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.heard = append(d.heard, fmt.Sprintf("%s %s %s", m.TID, m.Channel, m.Payload))
	if !d.keep {
		m.Ack()
	}
}

func (d *desk) state(up bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.up, d.err = up, err
}

func (d *desk) is() (up bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.up, d.err
}

// count is how many messages it heard that hold a text.
func (d *desk) count(text string) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, h := range d.heard {
		if strings.Contains(h, text) {
			n++
		}
	}
	return n
}

// withOffices lets several services in, each under a name of its own.
func withOffices(t *testing.T) *broker {
	t.Helper()
	b := newBroker(t)
	b.stop()
	b.write("acl", brokertest.ACL(service, "fleet-server-1", "fleet-server-2"))
	b.start()
	return b
}

// terminalAt is a terminal that is connected.
func (b *broker) terminalAt(id fleet.TID) *Link {
	b.t.Helper()
	s := &recorder{}
	l, _ := run(b.t, b.options(id, b.addr), s)
	connected(b.t, s, 1)
	return l
}

func say(t *testing.T, l *Link, c fleet.Channel, text string) {
	t.Helper()
	if err := l.Publish(context.Background(), fleet.Message{Channel: c, Payload: []byte(text)}); err != nil {
		t.Fatal(err)
	}
}

func TestTwoOfficesShareTheMessages(t *testing.T) {
	b := withOffices(t)
	one, two := b.desk("fleet-server-1", "fleet"), b.desk("fleet-server-2", "fleet")
	for _, d := range []*desk{one, two} {
		eventually(t, "a connection", func() bool { up, _ := d.is(); return up })
	}
	l := b.terminalAt(terminal)
	const most = 40
	for n := range most {
		say(t, l, fleet.UpHello, fmt.Sprintf(`{"n":%03d}`, n))
	}
	eventually(t, "every message at one of them", func() bool { return one.count("up/hello")+two.count("up/hello") >= most })
	for n := range most {
		text := fmt.Sprintf(`{"n":%03d}`, n)
		if got := one.count(text) + two.count(text); got != 1 {
			t.Errorf("message %d came %d times", n, got)
		}
	}
	if one.count("up/hello") == 0 || two.count("up/hello") == 0 {
		t.Errorf("one of them had all the work: %d and %d", one.count("up/hello"), two.count("up/hello"))
	}
}

// TestAnOfficeThatIsGoneIsDealtNothing: brokers deal the messages of a share to its
// members that are away, too. The one that was killed must not be a member any more.
func TestAnOfficeThatIsGoneIsDealtNothing(t *testing.T) {
	b := withOffices(t)
	one, two := b.desk("fleet-server-1", "fleet"), b.desk("fleet-server-2", "fleet")
	for _, d := range []*desk{one, two} {
		eventually(t, "a connection", func() bool { up, _ := d.is(); return up })
	}
	two.kill()
	// Whoever comes under its name ends the connection at the broker, if that has not
	// noticed yet, and is told whether a session was left.
	late := connectRaw(t, b.rawOptions("fleet-server-2", b.addr).SetCleanSession(false).SetAutoReconnect(false))
	late.Disconnect(50)
	l := b.terminalAt(terminal)
	const most = 40
	for n := range most {
		say(t, l, fleet.UpHello, fmt.Sprintf(`{"n":%03d}`, n))
	}
	eventually(t, "every message at the one that is left", func() bool { return one.count("up/hello") == most })
}

// TestAnOfficeThatComesBackAsksForWhatItMissed: its session has ended, and what is
// retained came while it was away.
func TestAnOfficeThatComesBackAsksForWhatItMissed(t *testing.T) {
	b := withOffices(t)
	p := newProxy(t, b.addr)
	d := b.deskAt("fleet-server-1", "fleet", p.addr())
	eventually(t, "a connection", func() bool { up, _ := d.is(); return up })
	l := b.terminalAt(terminal)
	say(t, l, fleet.UpState, `{"v":1,"rev":1}`)
	eventually(t, "the state", func() bool { return d.count(`"rev":1`) == 1 })
	p.cut()
	say(t, l, fleet.UpState, `{"v":1,"rev":2}`)
	eventually(t, "the state of meanwhile", func() bool { return d.count(`"rev":2`) > 0 })
}

func TestAnOfficeThatStartsHearsWhatTheBrokerKeeps(t *testing.T) {
	b := withOffices(t)
	l := b.terminalAt(terminal)
	say(t, l, fleet.UpPresence, `{"v":1,"state":"online","sess":1}`)
	say(t, l, fleet.UpState, `{"v":1,"rev":1}`)
	say(t, l, fleet.UpConfig, `{"v":1,"rev":7}`)
	d := b.desk("fleet-server-1", "fleet")
	for _, text := range []string{"online", `"rev":1`, `"rev":7`} {
		eventually(t, text, func() bool { return d.count(text) > 0 })
	}
}

// One that is alone keeps its session.
func TestWhatAnOfficeDidNotAcknowledgeComesAgain(t *testing.T) {
	b := withOffices(t)
	d := b.desk("fleet-server-1", "")
	d.mu.Lock()
	d.keep = true
	d.mu.Unlock()
	eventually(t, "a connection", func() bool { up, _ := d.is(); return up })
	l := b.terminalAt(terminal)
	say(t, l, fleet.UpCommand, `{"n":1}`)
	eventually(t, "the message", func() bool { return d.count(`{"n":1}`) == 1 })
	d.end() // killed before it was stored
	say(t, l, fleet.UpCommand, `{"n":2}`)
	d.mu.Lock()
	d.keep = false
	d.mu.Unlock()
	d.open(t)
	eventually(t, "both messages", func() bool { return d.count(`{"n":1}`) == 2 && d.count(`{"n":2}`) == 1 })
}

func TestAnOfficeSpeaksToOneTerminal(t *testing.T) {
	b := withOffices(t)
	d := b.desk("fleet-server-1", "")
	eventually(t, "a connection", func() bool { up, _ := d.is(); return up })
	if err := d.Publish(context.Background(), terminal, fleet.Message{Channel: fleet.DownConfig, Payload: []byte(`{"kept":1}`)}); err != nil {
		t.Fatal(err)
	}
	s := &recorder{}
	run(t, b.options(terminal, b.addr), s)
	eventually(t, "what was kept for it", func() bool { _, _, got := s.counts(); return got == 1 })
	s.mu.Lock()
	first := s.got[0].Received
	s.mu.Unlock()
	if !first.Retained || string(first.Payload) != `{"kept":1}` {
		t.Errorf("it got %+v", first)
	}
	if err := d.Publish(context.Background(), terminal, fleet.Message{Channel: fleet.DownAck, Payload: make([]byte, fleet.MaxMessage+1)}); !errors.Is(err, fleet.ErrTooLarge) {
		t.Errorf("a message that is too large: %v", err)
	}
	b.stop()
	eventually(t, "the loss", func() bool { up, _ := d.is(); return !up })
	if err := d.Publish(context.Background(), terminal, fleet.Message{Channel: fleet.DownAck, Payload: []byte("{}")}); !errors.Is(err, fleet.ErrOffline) {
		t.Errorf("without a broker: %v", err)
	}
}

// revoke writes the list of revoked certificates: those in the files.
func (b *broker) revoke(number int64, files ...Files) {
	b.t.Helper()
	list := &x509.RevocationList{Number: big.NewInt(number), ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(time.Hour)}
	for _, f := range files {
		pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
		if err != nil {
			b.t.Fatal(err)
		}
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: pair.Leaf.SerialNumber, RevocationTime: time.Now()})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, b.pki.cert, b.pki.key)
	if err != nil {
		b.t.Fatal(err)
	}
	writePEM(b.t, filepath.Join(b.dir, "revoked.crl"), "X509 CRL", der)
}

// comesIn reports whether somebody with a certificate is let in now.
func (b *broker) comesIn(name string, f Files) bool {
	b.t.Helper()
	config, err := f.Config()
	if err != nil {
		b.t.Fatal(err)
	}
	config.ServerName = "localhost"
	c := paho.NewClient(paho.NewClientOptions().AddBroker("ssl://" + b.addr).SetClientID(name).SetTLSConfig(config).SetProtocolVersion(4).SetAutoReconnect(false).SetConnectRetry(false))
	token := c.Connect()
	if !token.WaitTimeout(patience) {
		b.t.Fatal("neither let in nor refused")
	}
	if token.Error() == nil {
		c.Disconnect(0)
	}
	return token.Error() == nil
}

// TestARevokedCertificateIsShutOut is what `tillfleet enrol revoke` tells an operator
// to do at mosquitto, and what comes of it.
func TestARevokedCertificateIsShutOut(t *testing.T) {
	b := newBroker(t)
	b.stop()
	text, err := os.ReadFile(filepath.Join(b.dir, "mosquitto.conf"))
	if err != nil {
		t.Fatal(err)
	}
	b.write("mosquitto.conf", string(text)+"\ncrlfile "+filepath.Join(b.dir, "revoked.crl")+"\n")
	b.revoke(1)
	b.start()
	const probe = "t-0003-probe"
	stolen, good, revoked := b.pki.issue(t, string(terminal)), b.pki.issue(t, string(other)), b.pki.issue(t, probe)
	s := &recorder{}
	o := b.options(terminal, b.addr)
	o.TLS = tlsOf(stolen)
	l, _ := run(t, o, s)
	connected(t, s, 1)
	b.revoke(2, stolen, revoked)
	if !b.comesIn(string(other), good) {
		t.Fatal("one that is not in the list is refused")
	}
	if err := b.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the list is read with a reload", func() bool { return !b.comesIn(probe, revoked) })
	if err := l.Publish(context.Background(), hb("x")); err != nil {
		t.Errorf("the broker now ends the session that runs: say so in the command's text: %v", err)
	}
	b.stop()
	b.start()
	eventually(t, "its session is gone", func() bool { _, down, _ := s.counts(); return down > 0 })
	if b.comesIn(string(terminal), stolen) || !b.comesIn(string(other), good) {
		t.Error("after a restart the revoked one is let in, or the other is not")
	}
}

package mqtt

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/brokertest"
	"tillwire/agent/logtest"
)

const (
	terminal fleet.TID = "t-0001-corner"
	other    fleet.TID = "t-0002-market"
	patience           = 60 * time.Second
)

// eventually looks until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	brokertest.Eventually(t, patience, what, holds)
}

// authority signs certificates; its files are PEM in dir.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	a.key = newKey(t)
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	writePEM(t, a.ca(), "CERTIFICATE", der)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func writePEM(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (a *authority) ca() string { return filepath.Join(a.dir, "ca.pem") }

// issue writes NAME.pem and NAME.key; hosts make it a server's.
func (a *authority) issue(t *testing.T, name string, hosts ...string) Files {
	t.Helper()
	f := Files{CA: a.ca(), Cert: filepath.Join(a.dir, name+".pem"), Key: filepath.Join(a.dir, name+".key")}
	key := newKey(t)
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	for _, h := range hosts {
		tmpl.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		if ip := net.ParseIP(h); ip != nil {
			tmpl.IPAddresses = append(tmpl.IPAddresses, ip)
		} else {
			tmpl.DNSNames = append(tmpl.DNSNames, h)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, f.Cert, "CERTIFICATE", der)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, f.Key, "PRIVATE KEY", pkcs8)
	return f
}

// service is the name under which the fleet's own service connects.
const service = "fleet-server"

// broker is Debian's mosquitto with mutual TLS and the access list of a fleet.
type broker struct {
	t    *testing.T
	pki  *authority
	addr string
	dir  string
	log  *logtest.Log
	cmd  *exec.Cmd
}

func newBroker(t *testing.T) *broker {
	t.Helper()
	ports, err := brokertest.Ports(1)
	if err != nil {
		t.Fatal(err)
	}
	b := &broker{t: t, pki: newAuthority(t, "Fleet of a test"), addr: net.JoinHostPort("127.0.0.1", ports[0]), dir: t.TempDir(), log: &logtest.Log{}}
	server := b.pki.issue(t, "broker", "localhost", "127.0.0.1")
	_, port, _ := net.SplitHostPort(b.addr)
	config := brokertest.Mosquitto{Port: port, CA: b.pki.ca(), Cert: server.Cert, Key: server.Key, ACL: filepath.Join(b.dir, "acl"), Dir: b.dir,
		More: []string{"autosave_on_changes true", "autosave_interval 1", "log_type all"}}.Conf()
	b.write("mosquitto.conf", config)
	b.write("acl", brokertest.ACL(service))
	b.start()
	t.Cleanup(b.stop)
	return b
}

func (b *broker) write(name, text string) {
	if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

func (b *broker) start() {
	b.t.Helper()
	program, err := brokertest.Program("mosquitto")
	if err != nil {
		b.t.Fatal(err)
	}
	b.cmd = exec.Command(program, "-c", filepath.Join(b.dir, "mosquitto.conf"))
	b.cmd.Stderr, b.cmd.Stdout = b.log, b.log
	if err := b.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	eventually(b.t, "the broker listens", func() bool {
		conn, err := net.Dial("tcp", b.addr)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	})
}

// stop ends the broker as a service manager does; it saves its sessions.
func (b *broker) stop() {
	if b.cmd == nil {
		return
	}
	ended := make(chan struct{})
	go func() {
		_ = b.cmd.Wait() // its exit status says nothing that is asked here
		close(ended)
	}()
	// mosquitto listens before its loop begins, which forgets what it was told until then.
	again := time.NewTicker(time.Second)
	defer again.Stop()
	for over := false; !over; {
		_ = b.cmd.Process.Signal(os.Interrupt) // an error says that it has ended
		select {
		case <-ended:
			over = true
		case <-again.C:
		}
	}
	b.cmd = nil
	if b.t.Failed() {
		b.t.Logf("the broker's log:\n%s", tail(b.log.String(), 40))
	}
}

func tail(text string, lines int) string {
	all := strings.Split(text, "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

func (b *broker) url() string { return "mqtts://" + b.addr }

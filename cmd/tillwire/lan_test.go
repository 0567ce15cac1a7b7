package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/cmd/cli"
)

// lanPort is where the agent said last that it lets the shop's network in.
func (r *running) lanPort() (port int) {
	for line := range strings.Lines(r.said()) {
		var entry struct {
			Comp string
			Port int
		}
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Comp == "lan" && entry.Port != 0 {
			port = entry.Port
		}
	}
	return port
}

// TestTheShopsNetworkIsLetInWhileTheOwnerWantsIt, by a certificate that stays the same, and
// nobody who is not paired sees more than the way to be.
func TestTheShopsNetworkIsLetInWhileTheOwnerWantsIt(t *testing.T) {
	file := equipped(t, strings.Replace(sound, `listen = "127.0.0.1:0"`, "listen = \"127.0.0.1:0\"\nlan = \"127.0.0.1:0\"", 1))
	owned(t, file)
	r := started(t, file)
	r.ready()
	const opened, shut = "the pages are open to paired devices", "the pages are shut to the shop's network"
	turn := func(value, says string, times int) {
		t.Helper()
		if set := invoke(t, "", "settings", "set", "--config", file, "lan.access", value); set.code != cli.Fine {
			t.Fatalf("%+v", set)
		}
		r.waits(says, func() bool { return strings.Count(r.said(), says) == times })
	}
	if strings.Contains(r.said(), opened) {
		t.Error("the network is let in although nobody wanted it")
	}
	turn("true", opened, 1)
	address := net.JoinHostPort("127.0.0.1", fmt.Sprint(r.lanPort()))
	first := presented(t, address)
	if err := first.VerifyHostname("127.0.0.1"); err != nil {
		t.Error(err)
	}
	believed := x509.NewCertPool()
	believed.AddCert(first)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: believed}, DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Get("https://" + address + "/register")
	if err != nil {
		t.Fatal(err)
	}
	if res.Body.Close() != nil || res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/pair" {
		t.Errorf("the register is answered with %d %s", res.StatusCode, res.Header.Get("Location"))
	}
	turn("false", shut, 1)
	if res, err := client.Get("https://" + address + "/pair"); err == nil {
		t.Errorf("the door was shut and answers %d, %v", res.StatusCode, res.Body.Close())
	}
	turn("true", opened, 2)
	if again := presented(t, net.JoinHostPort("127.0.0.1", fmt.Sprint(r.lanPort()))); !bytes.Equal(again.Raw, first.Raw) {
		t.Error("the certificate is another one now")
	}
}

// presented is the certificate that a server shows.
func presented(t *testing.T, address string) *x509.Certificate {
	t.Helper()
	conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0]
}

// turnedClock is a clock whose day is set.
type turnedClock struct {
	agent.Clock
	at time.Time
}

func (c *turnedClock) Now() time.Time { return c.at }

func TestTheNetworksCertificateIsRenewedBeforeItsEnd(t *testing.T) {
	clock := &turnedClock{agent.NewSystemClock(), time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)}
	file := filepath.Join(t.TempDir(), lanKeyFile)
	made := func(at string) *x509.Certificate {
		t.Helper()
		c := &lanCert{file: file, hosts: []string{"till.shop.example", "10.9.8.7"}, clock: clock}
		if err := c.readyFor(net.ParseIP(at)); err != nil {
			t.Fatal(err)
		}
		if pairs := strings.Count(c.print(), ":"); pairs != 31 {
			t.Errorf("the fingerprint is %s", c.print())
		}
		return c.made.Leaf
	}
	first := made("192.168.7.5")
	for _, name := range []string{"192.168.7.5", "till.shop.example", "10.9.8.7"} {
		if err := first.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	if same := made("192.168.7.5"); !same.Equal(first) {
		t.Error("another start made another certificate")
	}
	moved := made("192.168.7.6")
	if moved.Equal(first) || moved.VerifyHostname("192.168.7.6") != nil || moved.VerifyHostname("192.168.7.5") != nil {
		t.Error("an address that came later is not in the certificate, or took the place of another")
	}
	clock.at = moved.NotAfter.Add(-lanCertLate + time.Hour)
	if late := made("192.168.7.6"); late.Equal(moved) || !late.NotAfter.After(moved.NotAfter) {
		t.Error("a certificate that is about to end is not renewed")
	}
	write(t, file, "no certificate", 0o600)
	c := &lanCert{file: file, clock: clock}
	if err := c.ready(); err == nil || !strings.Contains(err.Error(), "remove "+file) {
		t.Errorf("a file that is none: %v", err)
	}
}

package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/fleet"
	"tillwire/agent/fleet/enrol"
	"tillwire/agent/fleet/service/desk"
	"tillwire/cmd/cli"
)

// revokedIn counts what a list names.
func revokedIn(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatalf("no list: %q", text)
	}
	crl, err := x509.ParseRevocationList(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return len(crl.RevokedCertificateEntries)
}

// TestTheServiceWritesWhatIsRevoked: also what another service on the same database
// has revoked, and nothing as long as nothing has changed.
func TestTheServiceWritesWhatIsRevoked(t *testing.T) {
	dir, store := t.TempDir(), fleet.NewMemory()
	if err := desk.MakeAuthority(dir, "Fleet of a test", time.Now()); err != nil {
		t.Fatal(err)
	}
	open := func() *desk.Authority {
		ca, err := desk.OpenAuthority(dir, store, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		return ca
	}
	other := open()
	key, err := enrol.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	request, err := key.Request()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Issue(t.Context(), shopTID, request); err != nil {
		t.Fatal(err)
	}
	list := &revokedList{ca: open(), path: filepath.Join(dir, "revoked.crl")}
	revoked := func() int {
		t.Helper()
		if err := list.write(t.Context()); err != nil {
			t.Fatal(err)
		}
		return revokedIn(t, list.path)
	}
	if n := revoked(); n != 0 {
		t.Errorf("%d are revoked", n)
	}
	if err := other.Revoke(t.Context(), shopTID); err != nil {
		t.Fatal(err)
	}
	if n := revoked(); n != 1 {
		t.Errorf("%d are revoked, want the one of the other service", n)
	}
	before, err := os.Stat(list.path)
	if err != nil {
		t.Fatal(err)
	}
	if n := revoked(); n != 1 {
		t.Errorf("%d are revoked", n)
	}
	if after, err := os.Stat(list.path); err != nil || !os.SameFile(before, after) {
		t.Errorf("the same list was written again: %v", err)
	}
	if err := os.Remove(list.path); err != nil {
		t.Fatal(err)
	}
	if n := revoked(); n != 1 {
		t.Errorf("somebody moved the file away, and %d are revoked", n)
	}
	list.path, list.written = filepath.Join(dir, "no folder", "revoked.crl"), nil
	if err := list.write(t.Context()); err == nil {
		t.Error("a list that could not be written was")
	}
}

// TestTheOperatorOnlySaysWhatIsToBeDone: the data folder is the service's alone.
func TestTheOperatorOnlySaysWhatIsToBeDone(t *testing.T) {
	asked := ""
	socket := filepath.Join(t.TempDir(), "s.sock")
	l, err := listenSocket(socket)
	if err != nil {
		t.Fatal(err)
	}
	server, served := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked += r.Method + " " + r.URL.Path + "\n"
		_, _ = w.Write([]byte(`{"claim":"c","words":"one two three four","tid":"corner-shop-1"}`))
	})}, make(chan struct{})
	go func() { defer close(served); _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close(); <-served })
	dir := t.TempDir()
	run := func(nats string, args ...string) string {
		t.Helper()
		file := filepath.Join(dir, "tillfleet.toml")
		text := "name = \"office.test\"\ndata = \"data\"\n[broker]\naddress = \"mqtt://127.0.0.1:1\"\nuser = \"fleet-server\"\n" + nats + "[keys]\nonline = \"online.key\"\nset = \"keys.json\"\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var o, e bytes.Buffer
		a := &app{stdin: strings.NewReader(""), stdout: &o, stderr: &e, env: func(string) string { return "" }, clock: agent.NewSystemClock()}
		if code := a.execute(t.Context(), append(args, "--config", file, "--socket", socket)); code != cli.Fine {
			t.Fatalf("%v: exit %d, %s", args, code, e.String())
		}
		return o.String()
	}
	const cluster = "nats = \"nats://127.0.0.1:2\"\n"
	contains(t, run("", "enrol", "revoke", "corner-shop-1"), "certificates are withdrawn", filepath.Join(dir, "data", "revoked.crl"), "restart mosquitto")
	contains(t, run(cluster, "enrol", "revoke", "corner-shop-1"), "tillfleet enrol nats", "reload the servers")
	contains(t, run("", "enrol", "7KQM-2WXA", "--yes", "--replace"), "is in the fleet", "The certificates of the machine before are withdrawn", "restart mosquitto")
	contains(t, run(cluster, "enrol", "7KQM-2WXA", "--yes", "--replace"), "NATS reads no list of revoked certificates", "another name")
	if text := run("", "enrol", "7KQM-2WXA", "--yes"); strings.Contains(text, "withdrawn") {
		t.Errorf("nobody was replaced: %s", text)
	}
	if _, err := os.Stat(filepath.Join(dir, "data")); err == nil {
		t.Error("the operator's own process has written into the service's folder")
	}
	if n := strings.Count(asked, "POST /certificates/corner-shop-1/revoke\n"); n != 2 {
		t.Errorf("asked:\n%s", asked)
	}
}

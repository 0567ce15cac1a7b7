package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/logtest"
	"tillwire/cmd/cli"
)

// patience is how long anything that happens in real time may take before it counts as
// lost. A machine that is busy with other tests is slow, and no test is about speed.
const patience = 3 * time.Minute

const tillToken = "0123456789abcdef0123456789abcdef"

// keyPair makes one RSA key for all tests of this package: making it is slow.
var keyPair = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

var otherPair = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func privatePEM(t *testing.T, key *rsa.PrivateKey) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func publicPEM(t *testing.T, key *rsa.PrivateKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// equipped writes a configuration with all its secrets in place.
func equipped(t *testing.T, text string) string {
	t.Helper()
	file := configured(t, text)
	dir := filepath.Join(filepath.Dir(file), "secrets")
	write(t, filepath.Join(dir, "till-1.token"), tillToken+"\n", 0o600)
	write(t, filepath.Join(dir, "merchant.pem"), privatePEM(t, keyPair()), 0o600)
	write(t, filepath.Join(dir, "platform.pem"), publicPEM(t, otherPair()), 0o644)
	return file
}

// running is an agent in this process.
type running struct {
	t      *testing.T
	base   string
	stop   context.CancelFunc
	done   chan int
	log    logtest.Log
	stdout logtest.Log
}

// started runs the agent until it listens; the test's end stops it.
func started(t *testing.T, file string) *running {
	t.Helper()
	return startedAs(t, file, func(*app) {})
}

// startedAs runs it with something of the world changed.
func startedAs(t *testing.T, file string, change func(*app)) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{t: t, stop: cancel, done: make(chan int, 1)}
	read, written := io.Pipe()
	a := &app{stdin: strings.NewReader(""), stdout: &r.stdout, stderr: written, env: func(string) string { return "" },
		clock: agent.NewSystemClock(), retry: 20 * time.Millisecond}
	change(a)
	go func() {
		r.done <- a.execute(ctx, []string{"run", "--config", file})
		_ = written.Close()
	}()
	address := make(chan string, 1)
	go r.follow(read, address)
	t.Cleanup(func() { r.ended() })
	select {
	case addr := <-address:
		r.base = "http://" + addr
	case code := <-r.done:
		r.done <- code
		t.Fatalf("the agent ended with %d: %s", code, r.said())
	case <-time.After(patience):
		t.Fatal("the agent does not listen")
	}
	return r
}

// follow keeps the log and finds the address in it.
func (r *running) follow(from io.Reader, address chan<- string) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		_, _ = fmt.Fprintln(&r.log, lines.Text()) // in memory
		var entry struct{ Msg, Addr string }
		if json.Unmarshal(lines.Bytes(), &entry) == nil && entry.Msg == "listening" {
			address <- entry.Addr
		}
	}
}

func (r *running) said() string { return r.log.String() + r.stdout.String() }

// ended stops the agent and returns its exit code.
func (r *running) ended() int {
	r.stop()
	select {
	case code := <-r.done:
		r.done <- code
		return code
	case <-time.After(patience):
		r.t.Fatalf("the agent does not stop: %s", r.said())
		return -1
	}
}

// call sends one request with the till's token.
func (r *running) call(method, path, body string) (int, map[string]any) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.base+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+tillToken)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	answer := map[string]any{"text": string(text)}
	_ = json.Unmarshal(text, &answer) // pages are not JSON
	return res.StatusCode, answer
}

// waits polls until ok holds.
func (r *running) waits(what string, ok func() bool) {
	r.t.Helper()
	for end := time.After(patience); !ok(); {
		select {
		case <-end:
			r.t.Fatalf("%s does not happen: %s", what, r.said())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (r *running) ready() {
	r.t.Helper()
	r.waits("/readyz 200", func() bool { code, _ := r.call("GET", "/readyz", ""); return code == http.StatusOK })
}

// owned gives a stopped agent an owner, without whom it is not set up.
func owned(t *testing.T, file string) {
	t.Helper()
	if r := invoke(t, "a long enough password\n", "people", "set", "--config", file, "--role", "owner", "--name", "Olga"); r.code != cli.Fine {
		t.Fatalf("people set: %+v", r)
	}
}

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"tillwire/agent"
)

// TestMain lets the test program play both parts of the demo: linked under the
// name tillcloud it is this command, under the name tillwire it is an agent
// that has just enough of one. So supervision is tested on real processes.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "tillcloud":
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		code := run(ctx, os.Args[1:], streams{os.Stdout, os.Stderr, agent.NewSystemClock()})
		stop()
		os.Exit(code)
	case "tillwire":
		if err := fakeAgent(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

type fakeShop struct {
	mu    sync.Mutex
	scans map[string][]string
	ready map[string]bool
	token string
}

func setting(config, name string) []string {
	var list []string
	for _, m := range regexp.MustCompile(`(?m)^`+name+` = "([^"]*)"`).FindAllStringSubmatch(config, -1) {
		list = append(list, m[1])
	}
	return list
}

func fakeAgent(args []string) error {
	i := slices.Index(args, "--config")
	b, err := os.ReadFile(args[i+1])
	if err != nil {
		return err
	}
	config := string(b)
	data := setting(config, "data")[0]
	lock, err := os.OpenFile(filepath.Join(data, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("another agent is running: %w", err)
	}
	switch args[0] {
	case "people":
		return fakePeople(data, args)
	case "settings":
		return noteLine(filepath.Join(data, "settings"), strings.Join(args[4:], " ")+"\n")
	}
	token, err := os.ReadFile(setting(config, "file")[0])
	if err != nil {
		return err
	}
	shop := &fakeShop{scans: map[string][]string{}, ready: map[string]bool{}, token: strings.TrimSpace(string(token))}
	for i, path := range setting(config, "path") {
		go shop.listen(fmt.Sprint(i+1), path)
	}
	listener, err := net.Listen("tcp", setting(config, "listen")[0])
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go attendFleet(ctx, config)
	server := &http.Server{Handler: shop}
	go func() { <-ctx.Done(); server.Close() }()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func fakePeople(data string, args []string) error {
	secret, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return noteLine(filepath.Join(data, "people"), strings.Join(args[4:], " ")+" "+secret)
}

// noteLine keeps what the agent was told, for the tests.
func noteLine(path, line string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(line)
	return errors.Join(err, f.Close())
}

// listen opens the scanner as a serial library does, exclusive lock included,
// which a killed agent leaves behind.
func (s *fakeShop) listen(lane, path string) {
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		fmt.Fprintln(os.Stderr, "scanner:", err)
		return
	}
	if err := unix.IoctlSetInt(int(f.Fd()), unix.TIOCEXCL, 0); err != nil {
		fmt.Fprintln(os.Stderr, "scanner:", err)
		return
	}
	s.mu.Lock()
	s.ready[lane] = true
	s.mu.Unlock()
	reader := bufio.NewReader(f)
	for {
		text, err := reader.ReadString('\r')
		if err != nil {
			return
		}
		s.mu.Lock()
		s.scans[lane] = append(s.scans[lane], text)
		s.mu.Unlock()
	}
}

func (s *fakeShop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case r.URL.Path == "/register":
		fmt.Fprint(w, "<!doctype html>")
	case r.Header.Get("Authorization") != "Bearer "+s.token:
		w.WriteHeader(http.StatusUnauthorized)
	case r.URL.Path == "/api/v1/status":
		type device struct {
			Kind  string `json:"kind"`
			Lane  string `json:"lane"`
			State string `json:"state"`
		}
		list := []device{{"display", "1", "ready"}}
		for _, lane := range []string{"1", "2"} {
			state := "opening"
			if s.ready[lane] {
				state = "ready"
			}
			list = append(list, device{"scanner", lane, state})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"devices": list})
	case r.URL.Path == "/api/v1/scans":
		_ = json.NewEncoder(w).Encode(s.scans)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

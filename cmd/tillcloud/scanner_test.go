package main

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"tillwire/agent"
)

func openLine(t *testing.T) (line *scanLine, agentPath, scanPath string) {
	t.Helper()
	dir := t.TempDir()
	agentPath, scanPath = filepath.Join(dir, "dev", "lane-1"), filepath.Join(dir, "lane-1-scanner")
	line, err := openScanLine(agent.NewSystemClock(), agentPath, scanPath)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := line.close(); err != nil {
			t.Error(err)
		}
	})
	return line, agentPath, scanPath
}

func openTTY(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func write(t *testing.T, path, text string) {
	t.Helper()
	f := openTTY(t, path)
	if _, err := io.WriteString(f, text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func readSome(t *testing.T, f *os.File, want string) {
	t.Helper()
	if err := f.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(want))
	if n, err := io.ReadFull(f, got); err != nil || string(got) != want {
		t.Fatalf("read %q (%v), want %q", got[:n], err, want)
	}
}

func TestBytesPassUnchanged(t *testing.T) {
	_, agentPath, scanPath := openLine(t)
	tty := openTTY(t, agentPath)
	defer tty.Close()
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for range 3 { // writers come and go
		write(t, scanPath, string(every))
		readSome(t, tty, string(every))
	}
}

// Whatever is written while no agent listens must not be read by the next one:
// an old payment code would be charged for a sale that is over.
func TestBytesWithoutAnAgentAreLost(t *testing.T) {
	line, agentPath, scanPath := openLine(t)
	write(t, scanPath, "before any agent\r")
	lost(t, line, 17)
	tty := openTTY(t, agentPath)
	write(t, scanPath, "one\r")
	readSome(t, tty, "one\r")
	if err := tty.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, scanPath, "between two agents\r")
	lost(t, line, 36)
	if err := line.renew(); err != nil {
		t.Fatal(err)
	}
	write(t, scanPath, "before the second opens\r")
	lost(t, line, 60)
	tty = openTTY(t, agentPath)
	defer tty.Close()
	write(t, scanPath, "two\r")
	readSome(t, tty, "two\r")
}

// lost waits until so many bytes in all have been thrown away.
func lost(t *testing.T, line *scanLine, bytes int) {
	t.Helper()
	deadline := time.After(patience)
	for line.lost.Load() < int64(bytes) {
		select {
		case <-deadline:
			t.Fatalf("%d bytes were lost, want %d", line.lost.Load(), bytes)
		case <-time.After(time.Millisecond):
		}
	}
}

func TestWhatTheAgentSendsDoesNotBlockIt(t *testing.T) {
	_, agentPath, _ := openLine(t)
	tty := openTTY(t, agentPath)
	defer tty.Close()
	if err := tty.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := tty.Write(make([]byte, 256<<10)); err != nil {
		t.Errorf("the agent's own bytes pile up: %v", err)
	}
}

func TestThePhoneCanBeHeldToTheScanner(t *testing.T) {
	line, agentPath, _ := openLine(t)
	tty := openTTY(t, agentPath)
	defer tty.Close()
	if err := line.scan("134567890123456789"); err != nil {
		t.Fatal(err)
	}
	readSome(t, tty, "134567890123456789\r")
}

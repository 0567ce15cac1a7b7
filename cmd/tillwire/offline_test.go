package main

import (
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/logtest"
	"tillwire/agent/settings"
)

// sellsOffline lets a stopped shop accept as much without a line as anybody may, by the
// store itself: the command refuses that while nobody watches the line.
func sellsOffline(t *testing.T, file string, more ...agent.Change) {
	t.Helper()
	c, faults, err := readConfig(file)
	if err != nil {
		t.Fatal(err, faults)
	}
	a := &app{stderr: io.Discard, env: func(string) string { return "" }, clock: agent.NewSystemClock()}
	store, err := a.openOwnStore(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	changes := append([]agent.Change{{Key: settings.RideThrough, Value: "0s"}, {Key: settings.OfflineOn, Value: "true"}, {Key: settings.OfflineCaps, Value: "CNY 200 500 5000 5000"},
		{Key: settings.OfflineWay + "sight", Value: "true"}, {Key: settings.OfflineWay + "bearer", Value: "true"}}, more...)
	for i := range changes {
		changes[i].By, changes[i].At = commandLine, time.Now()
	}
	if err := store.SaveSettings(t.Context(), changes); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

// listens keeps everything that the agent tells over its event stream.
func (r *running) listens() (heard func() string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), "GET", r.base+"/api/v1/events", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+tillToken)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = res.Body.Close() })
	var text logtest.Log
	go func() {
		_, _ = io.Copy(&text, res.Body) // ends with the agent
	}()
	return text.String
}

// TestAPaymentCodeScannedWithoutALineIsNowhere: it is in no file of the data folder, no
// log, no answer and no event, whatever the owner lets be accepted; and the cashier
// reads why.
func TestAPaymentCodeScannedWithoutALineIsNowhere(t *testing.T) {
	for wallet, code := range map[string]string{"wechat": "134567890123456789", "alipay": "287654321098765432"} {
		t.Run(wallet, func(t *testing.T) {
			file := equipped(t, sound)
			if wallet == "alipay" {
				file, _, _ = alipayShop(t, byKey)
			}
			owned(t, file)
			sellsOffline(t, file, agent.Change{Key: settings.LogLevel, Value: "debug"})
			r := started(t, file)
			r.ready()
			heard := r.listens()
			r.waits("the line's end", func() bool {
				_, status := r.call("GET", "/api/v1/status", "")
				return status["line"].(map[string]any)["state"] == "down"
			})
			var said strings.Builder
			for n, mode := range []string{"scan", "any"} {
				_, opened := r.call("POST", "/api/v1/payments", `{"request_id":"`+mode+`","lane":"1","amount":{"value":1280,"currency":"CNY"},"reference":"","mode":"`+mode+`"}`)
				id, _ := opened["id"].(string)
				if n == 1 {
					// A sale that somebody took offline keeps such a code no better.
					if status, answer := r.call("POST", "/api/v1/payments/"+id+"/offline", `{}`); status != http.StatusAccepted {
						t.Fatalf("offline: %d %v", status, answer)
					}
				}
				_, answer := r.call("POST", "/api/v1/lanes/1/scan", `{"text":"`+code+`"}`)
				say, _ := answer["say"].(string)
				payment, _ := answer["payment"].(map[string]any)
				if answer["accepted"] != false || !strings.Contains(say, "no connection") || payment["status"] != "not_sent" || payment["final"] != true {
					t.Errorf("%s: the cashier reads %q: %v", mode, say, answer)
				}
				said.WriteString(answer["text"].(string))
				_, read := r.call("GET", "/api/v1/payments/"+id, "")
				said.WriteString(read["text"].(string))
				r.waits("the event", func() bool { return strings.Contains(heard(), `"status":"not_sent"`) && strings.Count(heard(), id) > 1 })
			}
			r.ended()
			nowhere(t, filepath.Dir(file), code, map[string]string{"the log": r.said(), "an answer": said.String(), "an event": heard()})
		})
	}
}

// nowhere searches every file below a folder, and what was said, byte by byte for a code
// and for the part of it that follows the wallet's prefix.
func nowhere(t *testing.T, folder, code string, said map[string]string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if said[path] = string(text); strings.HasPrefix(filepath.Base(path), "agent.db") {
			files++
		}
		return err
	})
	if err != nil || files == 0 {
		t.Fatalf("%d files of the store were searched: %v", files, err)
	}
	for where, text := range said {
		if strings.Contains(text, code) || strings.Contains(text, code[4:]) {
			t.Errorf("the code is in %s", where)
		}
	}
}

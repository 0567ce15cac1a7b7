package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet"
	"tillwire/offline/journaltest"
)

func TestALogLineHasTheAgreedKeysAndNoCode(t *testing.T) {
	var b bytes.Buffer
	level := new(slog.LevelVar)
	log := newLog(&b, level, "DEMO01")
	log.Debug("not yet")
	level.Set(slog.LevelDebug)
	log.Debug("scan", "comp", "checkout", "code", "x", "secret", agent.NewPayCode("134567890123456789"), "struct", struct{ C agent.PayCode }{agent.NewPayCode("134567890123456789")})
	var entry map[string]any
	if err := json.Unmarshal(b.Bytes(), &entry); err != nil {
		t.Fatalf("%v: %s", err, b.String())
	}
	if entry["tid"] != "DEMO01" || entry["msg"] != "scan" || entry["level"] != "DEBUG" || entry["time"] == nil {
		t.Errorf("got %v", entry)
	}
	if strings.Contains(b.String(), "1345678") {
		t.Errorf("the code is in it: %s", b.String())
	}
}

// The service manager hears READY once the agent runs, and a sign of life only
// as long as the agent answers.
func TestTheServiceManagerHears(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	heard := func() string {
		buf := make([]byte, 256)
		if err := l.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		n, err := l.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return string(buf[:n])
	}
	env := map[string]string{"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "30000"}
	s := newSystemd(func(k string) string { return env[k] }, slog.New(slog.DiscardHandler))
	s.ready("selling")
	if got := heard(); got != "READY=1\nSTATUS=selling" {
		t.Errorf("heard %q", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	answers := make(chan bool, 3)
	answers <- false
	answers <- true
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.watch(ctx, agent.NewSystemClock(), func(context.Context) bool {
			select {
			case a := <-answers:
				return a
			default:
				return false
			}
		})
	}()
	if got := heard(); got != "WATCHDOG=1" {
		t.Errorf("heard %q", got)
	}
	cancel()
	<-done
	s.stopping()
	if got := heard(); !strings.HasPrefix(got, "STOPPING=1") {
		t.Errorf("heard %q", got)
	}
}

func TestWithoutAServiceManagerNothingIsSaid(t *testing.T) {
	s := newSystemd(func(string) string { return "" }, slog.New(slog.DiscardHandler))
	s.ready("selling")
	s.watch(t.Context(), agent.NewSystemClock(), func(context.Context) bool { t.Error("asked"); return true })
}

func TestAWrongClockIsAProblemUntilItIsRight(t *testing.T) {
	c := &clockWatch{clock: agent.NewSystemClock()}
	for _, step := range []struct {
		off  time.Duration
		want string
	}{
		{30 * time.Second, ""},
		{10 * time.Minute, "10m0s behind the cloud of wechat"},
		{-2 * time.Hour, "2h0m0s ahead of the cloud of wechat"},
		{time.Second, ""},
	} {
		c.set("the cloud of wechat", step.off)
		got := fmt.Sprint(c.problems())
		if step.want == "" && got != "[]" || !strings.Contains(got, step.want) {
			t.Errorf("%v: %s", step.off, got)
		}
	}
}

// Nobody having said anything is not the same as an offset of nought: retention
// waits for somebody who has seen the clock to be right.
func TestOnlyAWalletConfirmsTheClock(t *testing.T) {
	clock := journaltest.NewClock()
	c := &clockWatch{clock: clock}
	for _, step := range []struct {
		name string
		do   func()
		want bool
	}{
		{"nobody has said anything", func() {}, false},
		{"a wallet found it right", func() { c.set("wechat", time.Second) }, true},
		{"a day goes by", func() { clock.Advance(24 * time.Hour) }, true},
		{"it is turned on", func() { clock.Jump(time.Hour) }, false},
		{"a wallet finds it wrong", func() { c.set("wechat", -time.Hour) }, false},
		{"it is turned back", func() { clock.Jump(-time.Hour) }, false},
		{"a wallet finds it right", func() { c.set("wechat", 0) }, true},
	} {
		if step.do(); c.confirmed() != step.want {
			t.Errorf("%s: confirmed is %v", step.name, !step.want)
		}
	}
}

// TestATimeServiceIsBelievedUntilTheClockIsTurned: it says that it has set the clock,
// and not that nobody has set it since.
func TestATimeServiceIsBelievedUntilTheClockIsTurned(t *testing.T) {
	clock, set := journaltest.NewClock(), false
	c := newClockWatch(clock, func() bool { return set })
	for _, step := range []struct {
		name string
		do   func()
		want bool
	}{
		{"it has not set it", func() {}, false},
		{"it has", func() { set = true }, true},
		{"a day goes by", func() { clock.Advance(24 * time.Hour) }, true},
		{"a wallet finds it wrong", func() { c.set("wechat", time.Hour) }, false},
		{"a wallet finds it right", func() { c.set("wechat", 0) }, true},
		{"it is turned", func() { clock.Jump(-365 * 24 * time.Hour) }, false},
		{"a wallet finds it right", func() { c.set("wechat", 0) }, true},
	} {
		if step.do(); c.synced() != step.want {
			t.Errorf("%s: synced is %v", step.name, !step.want)
		}
	}
	if newClockWatch(clock, nil).synced() {
		t.Error("a machine without a time service is believed")
	}
}

func TestAProblemKnowsSinceWhen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStanding(agent.NewSystemClock())
		first := s.problem(true, "disk", agent.Problem{What: "full"})[0].Since
		time.AfterFunc(time.Minute, func() {})
		<-time.After(time.Minute)
		if again := s.problem(true, "disk", agent.Problem{What: "full"})[0].Since; !again.Equal(first) {
			t.Errorf("a standing problem began at %v and at %v", first, again)
		}
		if over := s.problem(false, "disk", agent.Problem{}); over != nil {
			t.Errorf("it is over: %v", over)
		}
		if later := s.problem(true, "disk", agent.Problem{What: "full"})[0].Since; !later.After(first) {
			t.Errorf("the next one began at %v", later)
		}
	})
}

func TestDevicesAndLinesThatDoNotWorkAreProblems(t *testing.T) {
	devices := deviceProblems(func() []agent.DeviceStatus {
		return []agent.DeviceStatus{
			{Kind: agent.KindScanner, Lane: "1", State: agent.DeviceReady},
			{Kind: agent.KindScanner, Lane: "2", State: agent.DeviceAbsent, Reason: "nothing is plugged in at /dev/x"},
			{Kind: agent.KindDisplay, Lane: "2", State: agent.DeviceDisabled},
		}
	})
	if len(devices) != 1 || !strings.Contains(devices[0].What, "scanner of lane 2 does not work: nothing is plugged in at /dev/x.") || devices[0].Do == "" {
		t.Errorf("got %v", devices)
	}
	lines := lineProblems(func() agent.Line {
		return agent.Line{Wallets: map[string]agent.WalletLine{"wechat": {State: agent.LineDown}, "alipay": {State: agent.LineOnline}}}
	})
	if len(lines) != 1 || !strings.Contains(lines[0].What, "wechat") {
		t.Errorf("got %v", lines)
	}
}

func TestWhatIsGivenUpOrWaitsForLongIsAProblem(t *testing.T) {
	for _, c := range []struct {
		name  string
		queue agent.QueueInfo
		want  []string
	}{
		{"all is well", agent.QueueInfo{Entries: 3, Oldest: 24 * time.Hour}, nil},
		{"given up", agent.QueueInfo{Entries: 3, Dead: 2}, []string{"on 2 of what"}},
		{"old", agent.QueueInfo{Entries: 3, Oldest: 25 * time.Hour}, []string{"waited for 25 hours"}},
		{"both", agent.QueueInfo{Entries: 3, Oldest: 49 * time.Hour, Dead: 1}, []string{"on 1 of what", "waited for 49 hours"}},
	} {
		list := queueProblems(newStanding(agent.NewSystemClock()), c.queue)
		if len(list) != len(c.want) {
			t.Fatalf("%s: %v", c.name, list)
		}
		for i, want := range c.want {
			if !strings.Contains(list[i].What, want) || !strings.Contains(list[i].Do, "Unfinished") || !strings.Contains(list[i].Do, "payments show") {
				t.Errorf("%s: %+v", c.name, list[i])
			}
		}
	}
}

// A scanner's reads and its errors are told apart.
func TestAScannersErrorsAreCountedApart(t *testing.T) {
	m := newMetrics()
	m.registry.MustRegister(newDeviceCollector(func() []agent.DeviceStatus {
		return []agent.DeviceStatus{{ID: "1.scanner", Kind: agent.KindScanner, Counters: map[string]uint64{"scan": 7, "duplicate": 1, "overflow": 2, "losses": 3}}}
	}))
	m.wrote(1, 4*time.Millisecond)
	text := scraped(t, m)
	for _, want := range []string{
		`tillwire_scanner_reads_total{device="1.scanner",result="scan"} 7`,
		`tillwire_scanner_reads_total{device="1.scanner",result="duplicate"} 1`,
		`tillwire_scanner_errors_total{device="1.scanner",result="overflow"} 2`,
		`tillwire_scanner_errors_total{device="1.scanner",result="losses"} 3`,
		`tillwire_sqlite_write_duration_seconds_bucket{le="0.005"} 1`,
		`tillwire_panics_recovered_total{component="replay"} 0`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("/metrics lacks %s:\n%s", want, text)
		}
	}
}

// A payment is counted once, at its end, however many commits follow; one whose
// beginning this run has not seen is not counted.
func TestAPaymentIsCountedOnceAtItsEnd(t *testing.T) {
	m := newMetrics()
	p := agent.Payment{ID: "1", Status: agent.Status{State: agent.Sending, Wallet: "wechat"}}
	m.committed(p)
	p.Status.State = agent.Paid
	m.committed(p)
	m.committed(p)
	p.Status.Refunds = []agent.Refund{{No: "R", State: agent.RefundRequested}}
	m.committed(p)
	p.Status.Refunds[0].State = agent.RefundDone
	m.committed(p)
	m.committed(p)
	m.committed(agent.Payment{ID: "2", Status: agent.Status{State: agent.Declined, Wallet: "wechat"}})
	m.exchange(wallet.Exchange{Wallet: "wechat", Op: agent.OpPay, Status: 200, Verdict: agent.Approved, Took: time.Second}, time.Unix(1_800_000_000, 0))
	text := scraped(t, m)
	for _, want := range []string{
		`tillwire_payments_total{mode="scan",result="paid",wallet="wechat"} 1`,
		`tillwire_refunds_total{result="done",wallet="wechat"} 1`,
		`tillwire_cloud_requests_total{code="2xx",route="wechat.pay"} 1`,
		`tillwire_cloud_last_success_timestamp_seconds 1.8e+09`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("/metrics lacks %s:\n%s", want, text)
		}
	}
	if strings.Contains(text, "declined") {
		t.Errorf("an end without a beginning was counted:\n%s", text)
	}
}

// scraped is what Prometheus would read.
func scraped(t *testing.T, m *metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("/metrics answers %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

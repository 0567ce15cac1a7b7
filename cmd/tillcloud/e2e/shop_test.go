package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"tillwire/cmd/tillcloud/real"
)

// bins is the folder of the programs under test: TILLWIRE_BIN, or built here.
var bins string

func TestMain(m *testing.M) {
	// Shops mostly wait, so more of them run side by side than there are processors.
	flag.Parse()
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "tillwire-e2e")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		if bins, err = real.Programs(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// ready is the ready file of `tillcloud demo`.
type ready struct {
	Register, Owner, API, Token, Phone, Sandbox, Config string
	CashierPIN                                          string `json:"cashier_pin"`
	ManagerPIN                                          string `json:"manager_pin"`
	OwnerPassword                                       string `json:"owner_password"`
	DataDir                                             string `json:"data_dir"`
	AgentPID                                            int    `json:"agent_pid"`
	CloudPID                                            int    `json:"cloud_pid"`
	Lanes                                               []struct{ ID, Scanner, Display string }
	Fleet                                               struct{ Config, Page string }
}

// shop is a running demo shop.
type shop struct {
	ready
	t       *testing.T
	dir     string
	cmd     *exec.Cmd
	out     bytes.Buffer
	exited  chan struct{}
	request atomic.Int64
	run     string

	mu       sync.Mutex
	canaries []string // every payment code that was made; none may be found on disk
}

func openShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{t: t, dir: t.TempDir(), run: strconv.FormatInt(time.Now().UnixNano(), 36)}
	s.start()
	t.Cleanup(s.stop)
	return s
}

func (s *shop) readyFile() string { return filepath.Join(s.dir, "ready.json") }

// start opens the shop, or opens it again on the same data.
func (s *shop) start() {
	s.t.Helper()
	_ = os.Remove(s.readyFile())
	s.cmd = exec.Command(filepath.Join(bins, "tillcloud"), "demo", "--ready-file", s.readyFile(), "--data-dir", filepath.Join(s.dir, "shop"), "--ports", "auto")
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.out
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.exited = make(chan struct{})
	go func() { _ = s.cmd.Wait(); close(s.exited) }()
	if !until(func() bool { return s.reread() == nil }) {
		s.stop()
		s.t.Fatalf("the shop did not open within %s:\n%s", patience, s.out.String())
	}
}

// reread takes in the ready file as it is now.
func (s *shop) reread() error {
	text, err := os.ReadFile(s.readyFile())
	if err != nil {
		return err
	}
	return json.Unmarshal(text, &s.ready)
}

func (s *shop) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(patience):
		// Where they hang is in their own words.
		_ = syscall.Kill(s.AgentPID, syscall.SIGQUIT)
		_ = s.cmd.Process.Signal(syscall.SIGQUIT)
		s.t.Errorf("the shop did not close within %s of SIGTERM", patience)
		<-s.exited
		s.t.Logf("the cloud said (end):\n%s", tail(s.out.Bytes(), 8000))
	}
	if s.t.Failed() {
		log, _ := os.ReadFile(filepath.Join(s.dir, "shop", "log", "tillwire.log"))
		s.t.Logf("agent log (end):\n%s", tail(log, 12000))
	}
}

func tail(text []byte, n int) []byte { return text[max(0, len(text)-n):] }

// patience is how long anything may take before it counts as lost. Sixteen shops of four
// programs and a browser run on two processors here: no test is about how soon.
const patience = 3 * time.Minute

// until waits for what must come.
func until(done func() bool) bool { return within(patience, done) }

// within polls every 50 ms. These tests watch real programs in real time.
func within(limit time.Duration, done func() bool) bool {
	deadline := time.Now().Add(limit)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if done() {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
		<-tick.C
	}
}

type object = real.Object

// call sends one request and decodes the JSON answer.
func (s *shop) call(method, url, token string, body any) (int, object, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return real.Call(ctx, http.DefaultClient, method, url, token, body)
}

func (s *shop) api(method, path string, body any) (int, object) {
	s.t.Helper()
	var status int
	var out object
	var err error
	// The agent may just be starting again; a till would ask again, too.
	if !until(func() bool {
		status, out, err = s.call(method, s.API+path, s.Token, body)
		return err == nil && status != http.StatusServiceUnavailable
	}) {
		s.t.Errorf("%s %s: %d %v %v", method, path, status, out, err)
	}
	return status, out
}

func (s *shop) sandbox(method, path string, body any) object {
	s.t.Helper()
	status, out, err := s.call(method, s.Sandbox+path, "", body)
	if err != nil || status >= 300 {
		s.t.Errorf("sandbox %s %s: %d %v %v", method, path, status, out, err)
	}
	return out
}

// customer makes a phone with plenty of money.
func (s *shop) customer(behaviour string) string {
	s.t.Helper()
	id := s.sandbox("POST", "/customers", object{"wallet": "wechat", "balance": 100_000_00, "behaviour": behaviour})["id"]
	return fmt.Sprint(id)
}

func (s *shop) paycode(customer string) string {
	s.t.Helper()
	code := fmt.Sprint(s.sandbox("POST", "/customers/"+customer+"/paycode", nil)["code"])
	s.mu.Lock()
	defer s.mu.Unlock()
	s.canaries = append(s.canaries, code)
	return code
}

// scan writes to the far end of the lane's serial line.
func (s *shop) scan(lane int, text string) {
	s.t.Helper()
	f, err := os.OpenFile(s.Lanes[lane].Scanner, os.O_WRONLY, 0)
	if err != nil {
		s.t.Errorf("scan: %v", err)
		return
	}
	defer f.Close()
	if _, err := f.WriteString(text + "\r"); err != nil {
		s.t.Errorf("scan: %v", err)
	}
}

// open asks for a payment of value fen.
func (s *shop) open(lane int, value int64, mode string) object {
	s.t.Helper()
	body := object{"request_id": s.run + "-" + strconv.FormatInt(s.request.Add(1), 10), "lane": s.Lanes[lane].ID,
		"amount": object{"value": value, "currency": "CNY"}, "reference": "e2e", "mode": mode}
	status, p := s.api("POST", "/payments", body)
	if status != http.StatusCreated && status != http.StatusOK {
		s.t.Errorf("open a payment: %d %v", status, p)
	}
	return p
}

func (s *shop) payment(p object) object {
	s.t.Helper()
	_, now := s.api("GET", fmt.Sprintf("/payments/%v", p["id"]), nil)
	return now
}

// reaches waits until the payment has one of the states.
func (s *shop) reaches(p object, states ...string) object {
	s.t.Helper()
	var now object
	if !until(func() bool {
		now = s.payment(p)
		for _, want := range states {
			if now["status"] == want {
				return true
			}
		}
		return false
	}) {
		s.t.Errorf("payment %v is %v after %s, want %v; facts %v", p["order_no"], now["status"], patience, states, now["facts"])
	}
	return now
}

// settled waits until the payment and its refunds are final.
func (s *shop) settled(p object) object {
	s.t.Helper()
	var now object
	if !until(func() bool {
		now = s.payment(p)
		return now["final"] == true && refundsFinal(now)
	}) {
		s.t.Errorf("payment %v is %v after %s; facts %v", p["order_no"], now["status"], patience, now["facts"])
	}
	return now
}

func refundsFinal(p object) bool {
	list, _ := p["refunds"].([]any)
	for _, r := range list {
		if r.(object)["final"] != true {
			return false
		}
	}
	return true
}

func (s *shop) ledger() map[string]object {
	s.t.Helper()
	rows := map[string]object{}
	list, _ := s.sandbox("GET", "/ledger", nil)["orders"].([]any)
	for _, row := range list {
		o := row.(object)
		rows[fmt.Sprint(o["order_no"])] = o
	}
	return rows
}

func num(v any) int64 {
	f, _ := v.(float64)
	return int64(f)
}

// kept is what the shop keeps of a ledger row.
func kept(row object) int64 {
	if row == nil || row["reversed"] == true {
		return 0
	}
	return num(row["captured"]) - num(row["refunded"])
}

// books holds every payment of the agent against the ledger, by the export that a
// bookkeeper would use.
func (s *shop) books() {
	s.t.Helper()
	out, err := exec.Command(filepath.Join(bins, "tillwire"), "payments", "export", "--config", s.Config, "--json").Output()
	if err != nil {
		s.t.Errorf("payments export: %v %s", err, stderr(err))
		return
	}
	var rows []struct {
		OrderNo                    string `json:"order_no"`
		Status                     string
		Amount, Captured, Refunded int64
		Reversed                   bool
	}
	if err := decodeRows(out, &rows); err != nil {
		s.t.Errorf("payments export: %v", err)
		return
	}
	ledger := s.ledger()
	for _, r := range rows {
		ours := int64(0)
		if r.Status == "paid" || r.Status == "refunded" {
			ours = r.Captured - r.Refunded
		}
		if theirs := kept(ledger[r.OrderNo]); ours != theirs {
			s.t.Errorf("order %s is %s here with %d kept; the ledger keeps %d: %v", r.OrderNo, r.Status, ours, theirs, ledger[r.OrderNo])
		}
		if c := num(ledger[r.OrderNo]["captured"]); c > r.Amount {
			s.t.Errorf("order %s asked for %d and took %d", r.OrderNo, r.Amount, c)
		}
		delete(ledger, r.OrderNo)
	}
	for no, row := range ledger {
		if kept(row) != 0 {
			s.t.Errorf("the ledger keeps %d for order %s, which the agent does not know", kept(row), no)
		}
	}
}

// decodeRows reads a JSON array, an object with one array, or one object a line.
func decodeRows(text []byte, rows any) error {
	if err := json.Unmarshal(text, rows); err == nil {
		return nil
	}
	var wrapped map[string]json.RawMessage
	if err := json.Unmarshal(text, &wrapped); err == nil {
		return json.Unmarshal(wrapped["payments"], rows)
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return json.Unmarshal([]byte("["+string(bytes.Join(lines, []byte(",")))+"]"), rows)
}

func stderr(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return string(exit.Stderr)
	}
	return ""
}

package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tillwire/agent/fleet"
	"tillwire/cmd/cli"
)

// sale asks for a payment as a till does.
func (r *running) sale(request string) (int, map[string]any) {
	r.t.Helper()
	return r.call(http.MethodPost, "/api/v1/payments", `{"request_id":"`+request+`","lane":"1","amount":{"value":1280,"currency":"CNY"},"reference":"","mode":"scan"}`)
}

// TestALockFromAfarStopsNewSalesOnly goes the whole road: two signatures, the
// register, a restart, and the way back.
func TestALockFromAfarStopsNewSalesOnly(t *testing.T) {
	o := openHeadOffice(t)
	file := equipped(t, inFleet(o.addr))
	owned(t, file)
	r := started(t, file)
	r.ready()
	within(t, "the hello", func() bool { return latest[fleet.Hello](o, fleet.UpHello).Sess > 0 })
	code, begun := r.sale("begun before the lock")
	if code != http.StatusCreated {
		t.Fatalf("a sale: %d %v", code, begun)
	}
	o.approvers()
	o.dangerous("terminal.lock", `{"reason":"stolen on Friday"}`)
	within(t, "the lock", func() bool { return o.result("terminal.lock") != "" })
	if code, no := r.sale("after the lock"); code != http.StatusConflict || no["code"] != "terminal_locked" || !strings.Contains(no["say"].(string), "stolen on Friday") {
		t.Errorf("a new sale on a locked terminal: %d %v", code, no)
	}
	id := begun["id"].(string)
	if code, again := r.sale("begun before the lock"); code != http.StatusOK || again["id"] != id || again["final"] != false {
		t.Errorf("the sale that had begun: %d %v", code, again)
	}
	if code, ended := r.call(http.MethodPost, "/api/v1/payments/"+id+"/cancel", ""); code != http.StatusAccepted || ended["status"] != "not_sent" {
		t.Errorf("it cannot be ended as ever: %d %v", code, ended)
	}
	within(t, "the office sees it", func() bool { return !latest[fleet.Report](o, fleet.UpState).Selling })
	r.ended()
	if r := invoke(t, "", "check", "--no-network", "--config", file); r.code != cli.Found || !strings.Contains(r.stdout, "locked this terminal (stolen on Friday)") {
		t.Errorf("check: %d %s", r.code, r.stdout)
	}

	r = started(t, file)
	r.ready()
	if code, no := r.sale("after a restart"); code != http.StatusConflict || no["code"] != "terminal_locked" {
		t.Errorf("after a restart: %d %v", code, no)
	}
}

func TestAnUnlockOpensTheTerminalAgain(t *testing.T) {
	o := openHeadOffice(t)
	file := equipped(t, inFleet(o.addr))
	owned(t, file)
	c, _, err := readConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	mark := filepath.Join(c.Terminal.Data, lockedFile)
	if err := os.WriteFile(mark, []byte("half a mar"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := started(t, file)
	r.ready()
	if code, no := r.sale("under a mark that cannot be read"); code != http.StatusConflict || no["code"] != "terminal_locked" {
		t.Errorf("a mark that cannot be read: %d %v", code, no)
	}
	within(t, "the hello", func() bool { return latest[fleet.Hello](o, fleet.UpHello).Sess > 0 })
	o.approvers()
	o.dangerous("terminal.unlock", "")
	within(t, "the unlock", func() bool { return o.result("terminal.unlock") != "" })
	if code, p := r.sale("unlocked"); code != http.StatusCreated {
		t.Errorf("unlocked: %d %v", code, p)
	}
	if _, err := os.Lstat(mark); !os.IsNotExist(err) {
		t.Errorf("the mark is still there: %v", err)
	}
}

package main

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tillwire/agent/fleet"
	"tillwire/cmd/cli"
)

// approvers lets two people of the office sign dangerous commands.
func (o *headOffice) approvers() {
	o.t.Helper()
	from, until := fleet.At(time.Now().Add(-time.Hour)), fleet.At(time.Now().Add(time.Hour))
	key := func(use fleet.Use, name string) fleet.Key {
		return fleet.NewKey(use, fleetKey(name).Public().(ed25519.PublicKey), from, until)
	}
	o.send(fleet.DownKeys, fleet.TypeKeys, fleet.KeySet{Version: 2, Iat: from, Exp: until, Roots: []string{fleetRoot()},
		Keys: []fleet.Key{key(fleet.Online, "online"), key(fleet.Approver, "anna"), key(fleet.Approver, "boris")}}, fleetKey("root"))
}

// dangerous sends a command that two approvers signed.
func (o *headOffice) dangerous(name, args string) {
	o.t.Helper()
	c := fleet.Command{Claims: o.claims(), Name: name, Args: json.RawMessage(args), Class: fleet.Dangerous, Nonce: latest[fleet.Hello](o, fleet.UpHello).Nonce,
		Actor: "ops@fleet.example", ReplyBy: fleet.At(time.Now().Add(time.Hour))}
	raw, err := fleet.Seal(fleet.TypeCommand, c, fleetKey("anna"), fleetKey("boris"))
	if err == nil {
		err = o.broker.Publish(fleetTID.Topic(fleet.DownCommand), raw, false, 1)
	}
	if err != nil {
		o.t.Fatal(err)
	}
}

// ackAll acknowledges everything that was heard.
func (o *headOffice) ackAll() {
	o.t.Helper()
	marks := map[fleet.Stream]fleet.AckMark{}
	o.mu.Lock()
	for _, s := range fleet.Streams() {
		for _, raw := range o.heard[s.Channel()] {
			var b fleet.Batch
			if err := json.Unmarshal(raw, &b); err != nil {
				o.t.Error(err)
			}
			if b.Stream == s && b.Last >= marks[s].Upto {
				marks[s] = fleet.AckMark{Stream: s, Epoch: b.Epoch, Upto: b.Last}
			}
		}
	}
	o.mu.Unlock()
	ack := fleet.Ack{Claims: o.claims(), T: fleet.At(time.Now()), Acks: []fleet.AckMark{}}
	for _, m := range marks {
		ack.Acks = append(ack.Acks, m)
	}
	o.send(fleet.DownAck, fleet.TypeAck, ack, fleetKey("online"))
}

// result is what a command of a name came to, "" as long as it has not.
func (o *headOffice) result(name string) string {
	_, rest, found := strings.Cut(o.events(fleet.Commands), `"name":"`+name+`","status":"SUCCEEDED"`)
	if !found {
		return ""
	}
	return rest
}

// TestAFieldEngineerLooks is what an office asks when a shop calls.
func TestAFieldEngineerLooks(t *testing.T) {
	o := openHeadOffice(t)
	started(t, equipped(t, inFleet(o.addr)))
	within(t, "the hello", func() bool { return latest[fleet.Hello](o, fleet.UpHello).Sess > 0 })
	o.command("log.tail", `{"level":"info","max_kb":5}`)
	within(t, "the log", func() bool {
		return strings.Contains(o.result("log.tail"), `\"msg\":\"`) || strings.Contains(o.result("log.tail"), `"msg":"`)
	})
	o.command("scanner.test", `{}`)
	within(t, "the scanners", func() bool { return strings.Contains(o.result("scanner.test"), `"id":"1.scanner"`) })
	o.command("scanner.test", `{"lane":"99"}`)
	within(t, "a lane that is not there", func() bool { return strings.Contains(o.events(fleet.Commands), "There is no such scanner.") })
}

// TestAWipedTerminalSellsNothing is the rest of assertion 44: everything is told,
// then the keys are gone, and what was sold is still in the journal.
func TestAWipedTerminalSellsNothing(t *testing.T) {
	o := openHeadOffice(t)
	file := equipped(t, inFleet(o.addr))
	owned(t, file)
	r := started(t, file)
	r.ready()
	c, _, err := readConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	before := c.secrets()
	if len(before) < 4 {
		t.Fatalf("the terminal's secrets: %q", before)
	}
	within(t, "the hello", func() bool { return latest[fleet.Hello](o, fleet.UpHello).Sess > 0 })
	o.approvers()
	o.dangerous("terminal.wipe", `{"reason":"stolen on Friday"}`)
	within(t, "the command taken", func() bool { return strings.Contains(o.events(fleet.Commands), `"terminal.wipe","status":"ACCEPTED"`) })
	within(t, "the wipe, once all is told", func() bool { o.ackAll(); return o.result("terminal.wipe") != "" })
	r.waits("out of service", func() bool {
		code, _ := r.call(http.MethodGet, "/readyz", "")
		return code == http.StatusServiceUnavailable
	})
	for _, name := range before {
		if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
	if found, err := filepath.Glob(filepath.Join(c.Terminal.Data, "*.db")); err != nil || len(found) == 0 {
		t.Errorf("the journal is gone: %q, %v", found, err)
	}
	r.ended()
	if r := invoke(t, "", "check", "--no-network", "--config", file); r.code != cli.Found || !strings.Contains(r.stdout, "stolen on Friday") {
		t.Errorf("check: %d %s", r.code, r.stdout)
	}
	again := started(t, file)
	if code, _ := again.call(http.MethodPost, "/api/v1/payments", `{}`); code != http.StatusServiceUnavailable {
		t.Errorf("a payment after the restart: %d", code)
	}
}

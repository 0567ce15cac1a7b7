package main

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tillwire/agent"
	"tillwire/agent/fleet"
)

// TestAMachineIsRestartedFromAfar goes the whole road: the command waits for the
// customer at the counter, the system is asked once, and whoever asks again soon is
// refused.
func TestAMachineIsRestartedFromAfar(t *testing.T) {
	o := openHeadOffice(t)
	file := equipped(t, inFleet(o.addr))
	owned(t, file)
	asked := make(chan struct{}, 2)
	r := startedAs(t, file, func(a *app) {
		a.reboot = func(context.Context) error { asked <- struct{}{}; return nil }
	})
	r.ready()
	within(t, "the hello", func() bool {
		return slices.Contains(latest[fleet.Hello](o, fleet.UpHello).Caps, "cmd:device.reboot/1")
	})
	code, sale := r.sale("a customer is here")
	if code != http.StatusCreated {
		t.Fatalf("a sale: %d %v", code, sale)
	}
	o.command("device.reboot", "")
	within(t, "the wait", func() bool { return strings.Contains(o.events(fleet.Commands), `"device.reboot","status":"DEFERRED"`) })
	if len(asked) != 0 {
		t.Error("the machine is restarted with a payment open")
	}
	if code, ended := r.call(http.MethodPost, "/api/v1/payments/"+sale["id"].(string)+"/cancel", ""); code != http.StatusAccepted {
		t.Fatalf("the sale's end: %d %v", code, ended)
	}
	within(t, "the result", func() bool { return strings.Contains(o.result("device.reboot"), `"rebooting":true`) })
	o.command("device.reboot", "")
	within(t, "the refusal of another one", func() bool { return strings.Contains(o.events(fleet.Alerts), string(fleet.RefusedRate)) })
	if len(asked) != 1 {
		t.Errorf("the system was asked %d times", len(asked))
	}
}

// TestWhatTheSystemSaysAgainstARestart is told with what somebody can do about it.
func TestWhatTheSystemSaysAgainstARestart(t *testing.T) {
	service := func(string) string { return "/run/systemd/notify" }
	byHand := func(string) string { return "" }
	const ignored = "Failed to set wall message, ignoring: Interactive authentication required."
	for name, c := range map[string]struct {
		env   func(string) string
		lines []string // of systemctl; nil: there is none
		class agent.Class
		says  string
	}{
		"run by hand":   {byHand, []string{"never asked"}, agent.Conflict, "does not run as a service of systemd"},
		"no systemd":    {service, nil, agent.Unavailable, "no systemctl"},
		"asleep":        {service, []string{"System has not been booted with systemd as init system (PID 1). Can't operate.", "Failed to connect to bus: Host is down"}, agent.Unavailable, "systemd does not answer"},
		"not allowed":   {service, []string{ignored, "Failed to reboot system via logind: Interactive authentication required."}, agent.Forbidden, "polkitd"},
		"on its way":    {service, []string{ignored, "Call to Reboot failed: There's already a shutdown or sleep operation in progress"}, agent.Unavailable, "already a shutdown"},
		"not a word":    {service, []string{}, agent.Unavailable, "exit status 1"},
		"only ignoring": {service, []string{ignored}, agent.Unavailable, "exit status 1"},
	} {
		t.Run(name, func(t *testing.T) {
			program := filepath.Join(t.TempDir(), "systemctl")
			if c.lines != nil {
				write(t, program, "#!/bin/sh\ncat >&2 <<'EOF'\n"+strings.Join(append(c.lines, "EOF"), "\n")+"\nexit 1\n", 0o755)
			}
			err := rebooter(c.env, program)(t.Context())
			var e *agent.Error
			if !errors.As(err, &e) || e.Class != c.class || !strings.Contains(e.Say.English, c.says) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestASystemThatAgreesIsAskedWithoutQuestions(t *testing.T) {
	dir := t.TempDir()
	asked := filepath.Join(dir, "asked")
	program := write(t, filepath.Join(dir, "systemctl"), "#!/bin/sh\necho \"$@\" > "+asked+"\n", 0o755)
	if err := rebooter(func(string) string { return "/run/systemd/notify" }, program)(t.Context()); err != nil {
		t.Fatal(err)
	}
	if words, err := os.ReadFile(asked); err != nil || string(words) != "--no-ask-password --no-wall reboot\n" {
		t.Errorf("asked with %q, %v", words, err)
	}
}

// TestEveryCommandOfTheCatalogueIsDone: what the contract lists, a counter with every
// device does.
func TestEveryCommandOfTheCatalogueIsDone(t *testing.T) {
	d := &agentd{config: config{Fleet: fleetConfig{Broker: "x", Office: "x", CA: "x", Certificate: "x", Key: "x"}},
		printing: &printing{printers: []shopPrinter{{}}}, fleet: newFleetSide(func(context.Context) error { return nil })}
	d.fleet.boards["1"] = &board{}
	done := d.fleetHandlers()
	own := []string{"ping", "state.refresh", "metrics.snapshot", "config.reapply"} // of the fleet's agent itself
	for _, e := range fleet.Catalogue() {
		if done[e.Name] == nil && !slices.Contains(own, e.Name) {
			t.Errorf("nobody does %s", e.Name)
		}
	}
}

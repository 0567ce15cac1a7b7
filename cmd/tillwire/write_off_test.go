package main

import (
	"io"
	"strings"
	"testing"

	"tillwire/agent"
	"tillwire/cmd/cli"
	"tillwire/offline"
	"tillwire/offline/replay"
)

// ownStore opens the store of a stopped agent; the test closes it.
func ownStore(t *testing.T, file string) *offline.Store {
	t.Helper()
	c, _, err := readConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	a := &app{stderr: io.Discard, env: func(string) string { return "" }, clock: agent.NewSystemClock()}
	store, err := a.openOwnStore(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// TestALossIsWrittenOffAtTheMachine: where nobody has the owner's page at hand.
func TestALossIsWrittenOffAtTheMachine(t *testing.T) {
	file := equipped(t, sound)
	owned(t, file)
	store := ownStore(t, file)
	p := acceptedOnSight(t, store)
	p, err := store.Record(t.Context(), p.ID, p.Version, agent.Fact{Kind: agent.FactForwardStarted, Op: agent.OpQuery})
	if err == nil {
		err = store.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	writeOff := func(id, why string) result {
		return invoke(t, "", "payments", "write-off", "--config", file, "--why", why, id)
	}
	if r := writeOff(p.OrderNo, "the wallet is gone"); r.code != cli.Found || !strings.Contains(r.stderr, "Start it") {
		t.Errorf("without an agent: %+v", r)
	}
	r := started(t, file)
	r.ready()
	if got := writeOff(p.OrderNo, " "); got.code != cli.Usage || !strings.Contains(got.stderr, "--why") {
		t.Errorf("for no reason: %+v", got)
	}
	if got := writeOff(p.OrderNo[:20], "the wallet is gone"); got.code != cli.Usage || !strings.Contains(got.stderr, p.OrderNo) {
		t.Errorf("by a part of the number: %+v", got)
	}
	// While a try is on its way it is refused; the next moment it is not.
	r.waits("the loss", func() bool { return writeOff(p.OrderNo, "the wallet is gone").code == cli.Fine })
	if got := writeOff(p.OrderNo, "again"); got.code != cli.Fine {
		t.Errorf("again: %+v", got)
	}
	story := invoke(t, "", "payments", "show", "--config", file, p.OrderNo).stdout
	for _, want := range []string{"offline_rejected", "the wallet is gone", "written_off", commandLine} {
		if !strings.Contains(story, want) {
			t.Errorf("the story does not say %q:\n%s", want, story)
		}
	}
	r.ended()
	store = ownStore(t, file)
	defer store.Close()
	acts, err := store.Audits(t.Context(), 0, 50)
	n := 0
	for _, a := range acts {
		if a.Action == "offline_write_off" && a.Object == string(p.ID) && a.Actor == commandLine && strings.Contains(a.Detail, "the wallet is gone") {
			n++
		}
	}
	if n != 1 || err != nil {
		t.Errorf("%d acts in the audit trail, %v", n, err)
	}
}

// TestForwardNowBringsBackWhatWasGivenUp, and says how much that was.
func TestForwardNowBringsBackWhatWasGivenUp(t *testing.T) {
	file := configured(t, sound)
	store := ownStore(t, file)
	defer store.Close()
	p := acceptedOnSight(t, store)
	d := &agentd{store: store, replayer: replay.New(replay.Options{Outbox: store, Clock: agent.NewSystemClock()})}
	lease := func() []agent.Task {
		tasks, err := store.Lease(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		return tasks
	}
	tasks := lease()
	if len(tasks) != 1 || tasks[0].Payment != p.ID {
		t.Fatalf("due: %+v", tasks)
	}
	if err := store.Bury(t.Context(), tasks[0], "it panicked"); err != nil {
		t.Fatal(err)
	}
	queue, err := store.Queue(t.Context())
	if err != nil || len(queue) != 1 || !queue[0].Dead || len(lease()) != 0 {
		t.Fatalf("given up: %+v, %v", queue, err)
	}
	for _, want := range []int{1, 0} {
		if revived, err := d.forwardNow(t.Context()); revived != want || err != nil {
			t.Fatalf("brought back %d, %v; want %d", revived, err, want)
		}
	}
	if tasks := lease(); len(tasks) != 1 || tasks[0].Payment != p.ID || tasks[0].Tries != 2 {
		t.Errorf("due afterwards: %+v", tasks)
	}
}

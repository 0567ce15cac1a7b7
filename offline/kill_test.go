package offline_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/offline"
	"tillwire/offline/journaltest"
)

// TestMain lets the test binary be the agent that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("TILLWIRE_TEST_VICTIM"); dir != "" {
		os.Exit(victim(dir))
	}
	os.Exit(m.Run())
}

// victim takes payments on four lanes until it is killed, and prints every commit
// that was answered.
func victim(dir string) int {
	s, err := offline.Open(context.Background(), options(dir, agent.NewSystemClock()))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var mu sync.Mutex
	say := func(p agent.Payment) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Printf("%s %d %s\n", p.ID, p.Version, p.Status.State)
	}
	var wg sync.WaitGroup
	for lane := range 4 {
		wg.Go(func() {
			for {
				p, err := s.Open(context.Background(), journaltest.Sale(rand.IntN(1e18), fmt.Sprint(lane, " ", rand.Int())), opened, sent(rand.Int()))
				for _, f := range []agent.Fact{inDoubt, approved} {
					if err == nil {
						say(p)
						p, err = s.Record(context.Background(), p.ID, p.Version, f)
					}
				}
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					return
				}
				say(p)
			}
		})
	}
	wg.Wait()
	return 1
}

// TestKillingTheAgentLosesNothingThatWasAnswered kills it in the middle, again and
// again on one folder.
func TestKillingTheAgentLosesNothingThatWasAnswered(t *testing.T) {
	dir := t.TempDir()
	answered := map[agent.PaymentID]int64{}
	for round := range 8 {
		run(t, dir, 20+round*37, answered)
		clean(t, dir)
	}
	s, err := offline.Open(t.Context(), options(dir, agent.NewSystemClock()))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for id, version := range answered {
		p, err := s.Payment(t.Context(), id)
		if err != nil || p.Version < version {
			t.Fatalf("payment %s was answered at version %d; on record is %d, %v", id, version, p.Version, err)
		}
	}
	clean(t, dir)
}

// run starts the victim, reads its answers and kills it after some of them.
func run(t *testing.T, dir string, answers int, into map[agent.PaymentID]int64) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "TILLWIRE_TEST_VICTIM="+dir)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	guard := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer guard.Stop()
	lines := bufio.NewScanner(out)
	read := 0
	for lines.Scan() {
		var id agent.PaymentID
		var version int64
		var state string
		if n, _ := fmt.Sscan(lines.Text(), &id, &version, &state); n == 3 {
			into[id] = max(into[id], version)
			read++
		}
		if read == answers {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || read < answers || complaint.Len() > 0 {
		t.Fatalf("after %d answers: %v %s", read, err, complaint.String())
	}
}

package e2e

import (
	"bytes"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"
)

// TestE2EKill kills the agent ten times while thirty payments run on two lanes,
// and the whole cloud five times. Afterwards both books agree.
func TestE2EKill(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 1))

	var wg sync.WaitGroup
	var mu sync.Mutex // held while the shop is closed, so that tills meet an agent
	var all []object
	killed := make(chan struct{}) // closed when every kill is done; trade goes on until then
	for lane := range 2 {
		wg.Go(func() {
			for i := 0; i < 15 || !closed(killed); i++ {
				p := s.trade(lane, i, &mu)
				mu.Lock()
				all = append(all, p)
				mu.Unlock()
			}
		})
	}
	for n := range 15 {
		pause(time.Duration(300+dice.IntN(1500)) * time.Millisecond)
		mu.Lock()
		if n%3 == 2 {
			_ = syscall.Kill(s.CloudPID, syscall.SIGKILL)
			<-s.exited
			s.start()
		} else if s.reread() == nil {
			_ = syscall.Kill(s.AgentPID, syscall.SIGKILL)
		}
		mu.Unlock()
	}
	close(killed)
	wg.Wait()
	for _, p := range all {
		s.settled(p)
	}
	t.Logf("%d payments", len(all))
	s.books()
	s.verify()
	s.noCodesOnDisk()
}

func closed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// trade takes one payment as a patient cashier would while the power fails.
func (s *shop) trade(lane, i int, mu *sync.Mutex) object {
	locked := func(do func()) { mu.Lock(); defer mu.Unlock(); do() }
	var p object
	locked(func() {
		p = s.open(lane, int64(100+i), "scan")
		phone := s.customer([]string{"approve", "approve", "slow"}[i%3])
		s.scan(lane, s.paycode(phone))
	})
	for range 400 {
		var now object
		locked(func() { now = s.payment(p) })
		if now["final"] == true || now["status"] == "reversing" {
			return p
		}
		if now["status"] == "created" {
			locked(func() { s.cancel(p) }) // the scan met a dead agent
			return p
		}
		pause(100 * time.Millisecond)
	}
	locked(func() { s.cancel(p) })
	return p
}

// TestE2ETampering changes one byte inside a recorded fact by hand; the check must
// name the row.
func TestE2ETampering(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	p := s.open(0, 1280, "scan")
	s.scan(0, s.paycode(s.customer("approve")))
	s.reaches(p, "paid")
	s.verify()
	s.stop()

	row := tamper(t, filepath.Join(s.DataDir))
	out, err := exec.Command(filepath.Join(bins, "tillwire"), "journal", "verify", "--config", s.Config).CombinedOutput()
	var exit *exec.ExitError
	if !asExit(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("journal verify of a changed journal: %v\n%s", err, out)
	}
	if !strings.Contains(string(out), fmt.Sprint(row)) {
		t.Errorf("journal verify does not name row %d:\n%s", row, out)
	}
	s.start()
}

func asExit(err error, exit **exec.ExitError) bool {
	e, ok := err.(*exec.ExitError)
	*exit = e
	return ok
}

// tamper flips one bit of one byte of a fact, past the database's own guards.
func tamper(t *testing.T, dir string) int64 {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(dir, "*.db"))
	if len(files) == 0 {
		t.Fatalf("no database in %s", dir)
	}
	db, err := sql.Open("sqlite3", files[0])
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	triggers, err := db.Query(`SELECT name FROM sqlite_master WHERE type = 'trigger'`)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for triggers.Next() {
		var name string
		if err := triggers.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	triggers.Close()
	for _, name := range names {
		if _, err := db.Exec(`DROP TRIGGER "` + name + `"`); err != nil {
			t.Fatal(err)
		}
	}
	var seq int64
	var ev []byte
	if err := db.QueryRow(`SELECT seq, ev FROM journal WHERE pay IS NOT NULL ORDER BY seq LIMIT 1 OFFSET 1`).Scan(&seq, &ev); err != nil {
		t.Fatal(err)
	}
	changed := bytes.Clone(ev)
	changed[len(changed)/2] ^= 1
	if _, err := db.Exec(`UPDATE journal SET ev = ? WHERE seq = ?`, changed, seq); err != nil {
		t.Fatal(err)
	}
	return seq
}

package scanner

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tillwire/agent"
	"tillwire/drivers"
)

// storm is how many payments the storm makes. A long one, from this folder:
// go test -run Storm -args -storm 10000
var storm = flag.Int("storm", 600, "payments of the storm over all registers")

// register is a lane's scanner on a pseudo-terminal in a socket, with a careless
// customer before it.
type register struct {
	id     string
	number int // of the lane; no code is shown at two of them
	link   string
	encode func(code string) string
	device *device
	sup    *drivers.Supervisor
	random *rand.Rand
	scans  chan agent.Scan

	master *os.File
	mu     sync.Mutex
	state  agent.DeviceState
	moved  chan struct{}
	pulls  int
}

// openTerminal opens a pseudo-terminal whose master stands in Go's poller: Close
// then pulls it out at once, even while somebody reads, and reads have deadlines.
func openTerminal() (master *os.File, slave string, err error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, "", fmt.Errorf("this test needs pseudo-terminals: %w", err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	err = errors.Join(err, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	return os.NewFile(uintptr(fd), "master"), fmt.Sprintf("/dev/pts/%d", number), err
}

var errStorm = errors.New("the storm")

// await waits for a state of the device.
func (r *register) await(want agent.DeviceState) error {
	for end := time.After(patience); ; {
		r.mu.Lock()
		state := r.state
		r.mu.Unlock()
		if state == want {
			return nil
		}
		select {
		case <-r.moved:
		case <-end:
			return fmt.Errorf("%w: %s is %s, never %s", errStorm, r.id, state, want)
		}
	}
}

func (r *register) plug() error {
	master, name, err := openTerminal()
	if err != nil {
		return err
	}
	if err := os.Symlink(name, r.link); err != nil {
		return err
	}
	r.master = master
	go func() { // what the agent says is not understood, but taken
		buf := make([]byte, 256)
		for {
			if _, err := master.Read(buf); err != nil {
				return
			}
		}
	}()
	r.sup.Hint()
	return r.await(agent.DeviceReady)
}

func (r *register) pull() error {
	r.pulls++
	err := errors.Join(os.Remove(r.link), r.master.Close())
	r.master = nil
	r.sup.Hint()
	return errors.Join(err, r.await(agent.DeviceAbsent))
}

// code is what the customer of a payment shows: one of this register's own, so that a scan
// which reaches another one is another code.
func (r *register) code(payment int) string { return fmt.Sprintf("28%d%015d", r.number, payment) }

// pay makes one payment: the customer shows the code until it was taken, and
// the cable goes whenever it likes.
func (r *register) pay(code string) error {
	r.device.Listen(true)
	defer r.device.Listen(false)
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if r.master == nil {
			if err := r.plug(); err != nil {
				return err
			}
		}
		sent := r.encode(code)
		dice := r.random.IntN(12)
		switch dice {
		case 0: // pulled in the middle of the code
			sent = sent[:1+r.random.IntN(len(sent)-1)]
		case 1: // noise on the cable
			sent = "\x00\x00" + sent
		}
		if _, err := r.master.WriteString(sent); err != nil {
			return err
		}
		if dice <= 2 && dice != 1 {
			if err := r.pull(); err != nil {
				return err
			}
		}
		taken, err := r.taken(code)
		if taken || err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: %s never takes the code", errStorm, r.id)
}

// taken waits for the code; another payment's is the failure this test is for.
func (r *register) taken(code string) (bool, error) {
	if r.master == nil { // it came before the cable went, or never will
		select {
		case s := <-r.scans:
			return r.takes(s, code)
		default:
			return false, nil
		}
	}
	select {
	case s := <-r.scans:
		return r.takes(s, code)
	case <-time.After(patience):
		return false, fmt.Errorf("%w: %s lost a whole code", errStorm, r.id)
	}
}

func (r *register) takes(s agent.Scan, code string) (bool, error) {
	if s.Lane != r.id || s.Device != r.id {
		return false, fmt.Errorf("%w: %s takes what %s of lane %s read", errStorm, r.id, s.Device, s.Lane)
	}
	if s.Text.Reveal() != code {
		return false, fmt.Errorf("%w: %s takes %s for the payment of %s", errStorm, r.id, s.Text.Reveal(), code)
	}
	r.device.Answer(true)
	return true, nil
}

// Three registers take payments while their cables are pulled at random, in the
// middle of codes too: every code arrives at its own payment and at no other,
// whole, and nothing is left open in the end.
func TestAStormOfPullsGivesNoScanToTheWrongPayment(t *testing.T) {
	encoders := map[string]func(string) string{
		"ssi": func(code string) string {
			return string(ssiSeal(append([]byte{byte(5 + len(code)), ssiDecodeData, ssiDecoder, 0, 0x1c}, code...)))
		},
		"honeywell-dechdr": func(code string) string {
			return fmt.Sprintf("\x16\xfe%c\x00\x00\x00\rMSGGET%04dsQ1\x1d%s\r", rune(len(code)+15), len(code)+1, code)
		},
		"line": func(code string) string { return code + "\r" },
	}
	clock, log, dir := agent.NewSystemClock(), slog.New(slog.DiscardHandler), t.TempDir()
	registers := map[string]*register{}
	sup := drivers.NewSupervisor(drivers.Options{Clock: clock, Log: log, Claims: drivers.NewClaims(filepath.Join(dir, "locks")),
		Changed: func(s agent.DeviceStatus) {
			r := registers[s.ID]
			r.mu.Lock()
			defer r.mu.Unlock()
			r.state = s.State
			select {
			case r.moved <- struct{}{}:
			default:
			}
		}})
	// Whose a scan is, only the scan itself says, as at a counter.
	sink := func(s agent.Scan) {
		if r := registers[s.Lane]; r != nil {
			r.scans <- s
			return
		}
		t.Errorf("a scan of lane %q", s.Lane)
	}
	for driver, encode := range encoders {
		r := &register{id: driver, number: len(registers) + 1, link: filepath.Join(dir, driver), encode: encode, sup: sup, scans: make(chan agent.Scan, 64),
			moved: make(chan struct{}, 1), random: rand.New(rand.NewPCG(7, uint64(len(driver))))}
		registers[r.id] = r
		unit := drivers.Registry(Specs()).Build(
			drivers.Config{ID: r.id, Lane: driver, Kind: agent.KindScanner, Driver: driver, Path: r.link, Keys: map[string]any{"open_grace": 0}},
			drivers.Env{Clock: clock, Log: log, Sink: sink})
		if unit.Err != nil {
			t.Fatal(unit.Err)
		}
		r.device = unit.Device.(*device)
		r.device.stale = patience // this machine may be busy; the codes are watched one by one
		sup.Add(unit)
	}
	descriptors, goroutines := openDescriptors(t), runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- sup.Run(ctx) }()
	runStorm(t, registers)
	cancel()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	for end := time.After(patience); openDescriptors(t) > descriptors || runtime.NumGoroutine() > goroutines; {
		select {
		case <-end:
			t.Fatalf("%d descriptors, were %d; %d goroutines, were %d", openDescriptors(t), descriptors, runtime.NumGoroutine(), goroutines)
		default:
			runtime.Gosched()
		}
	}
}

// runStorm lets every register take its share of the payments.
func runStorm(t *testing.T, registers map[string]*register) {
	t.Helper()
	var all sync.WaitGroup
	for _, r := range registers {
		all.Go(func() {
			for i := range *storm / len(registers) {
				if err := r.pay(r.code(i)); err != nil {
					t.Errorf("payment %d: %v", i, err)
					break
				}
			}
			if r.master != nil {
				if err := r.pull(); err != nil {
					t.Error(err)
				}
			}
			t.Logf("%s: pulled out %d times", r.id, r.pulls)
		})
	}
	all.Wait()
}

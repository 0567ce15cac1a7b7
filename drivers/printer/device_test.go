package printer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
	"tillwire/drivers"
	"tillwire/drivers/printer/printertest"
)

// bench is a printer on a pipe under a supervisor, in a bubble of its own time.
type bench struct {
	t       *testing.T
	machine *printertest.Machine
	device  *device
	sup     *drivers.Supervisor
	stop    func()

	mu   sync.Mutex
	line net.Conn // the printer's end
	away bool
	ends []string
}

// newBench starts a device with the keys. It must be called in a bubble.
func newBench(t *testing.T, m *printertest.Machine, profile string, keys map[string]any) *bench {
	t.Helper()
	b := &bench{t: t, machine: m}
	clock, log := agent.NewSystemClock(), slog.New(slog.DiscardHandler)
	config := drivers.Config{ID: "printer.counter", Kind: agent.KindPrinter, Driver: profile, Keys: map[string]any{"address": "printer"}}
	for k, v := range keys {
		config.Keys[k] = v
	}
	unit := drivers.Registry(Specs()).Build(config, drivers.Env{Clock: clock, Log: log})
	if unit.Err != nil {
		t.Fatal(unit.Err)
	}
	b.device = unit.Device.(*device)
	b.device.lasting = true
	b.device.open = b.open
	b.sup = drivers.NewSupervisor(drivers.Options{Clock: clock, Log: log})
	b.sup.Add(unit)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.sup.Run(ctx) }()
	b.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		b.device.Abandon()
	}
	synctest.Wait()
	return b
}

func (b *bench) open(context.Context) (conn, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.away {
		return nil, os.ErrNotExist
	}
	near, far := net.Pipe()
	b.line = far
	go b.machine.Serve(far)
	return near, nil
}

// unplug cuts the line; plug lets it be opened again.
func (b *bench) unplug() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.away = true
	_ = b.line.Close()
}

func (b *bench) plug() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.away = false
}

// print queues a slip that says text and notes its end as "text: end".
func (b *bench) print(text string) {
	b.t.Helper()
	slip := agent.Slip{Mark: "REPRINT", Lines: []agent.SlipLine{{Kind: agent.SlipNote, Text: text}}}
	for i := range 9 {
		slip.Lines = append(slip.Lines, agent.SlipLine{Kind: agent.SlipNote, Text: fmt.Sprint("line ", i+2)})
	}
	err := b.device.Print(agent.PrintJob{Slip: slip, Done: func(end agent.PrintEnd) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.ends = append(b.ends, text+": "+string(end))
	}})
	if err != nil {
		b.t.Fatal(err)
	}
}

func pass(d time.Duration) { <-time.After(d) }

// papers are the sheets in short: their first text, with REPRINT before it if marked,
// and how many lines there are.
func (b *bench) papers() (list []string) {
	for _, s := range b.machine.Sheets() {
		var words []string
		for _, line := range s.Lines {
			if line = strings.TrimSpace(line); line == "REPRINT" || line != "" && !strings.HasPrefix(line, "line ") {
				words = append(words, line)
			}
		}
		list = append(list, fmt.Sprint(strings.Join(words, " "), " ", len(s.Lines)))
	}
	return list
}

func (b *bench) want(papers, ends []string) {
	b.t.Helper()
	synctest.Wait()
	if got := b.papers(); !slices.Equal(got, papers) {
		b.t.Errorf("papers %q, want %q", got, papers)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Equal(b.ends, ends) {
		b.t.Errorf("ends %q, want %q", b.ends, ends)
	}
	if p := b.machine.Problems(); len(p) > 0 {
		b.t.Errorf("the printer stumbled over %q", p)
	}
}

func (b *bench) state(state agent.DeviceState, reason string) {
	b.t.Helper()
	synctest.Wait()
	if s := b.sup.Status()[0]; s.State != state || !strings.Contains(s.Reason, reason) {
		b.t.Errorf("the printer is %s (%s), want %s and something about %q", s.State, s.Reason, state, reason)
	}
}

func TestPrintersKeepTheContract(t *testing.T) {
	for profile, proves := range map[string]bool{"epson-tm-tcp": true, "cn-gb18030": false} {
		t.Run(profile, func(t *testing.T) {
			printertest.Run(t, func(t *testing.T) printertest.Rig {
				m := printertest.New()
				b := newBench(t, m, profile, nil)
				return printertest.Rig{Printer: b.device, Machine: m, Proves: proves, Cut: b.unplug, Mend: b.plug, Stop: b.stop}
			})
		})
	}
}

func TestSlipsComeOutInOrderAndAreProved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, printertest.New(), "epson-tm-tcp", nil)
		defer b.stop()
		b.state(agent.DeviceReady, "")
		b.print("one")
		b.print("two")
		pass(3 * time.Second)
		b.want([]string{"one 10", "two 10"}, []string{"one: completed", "two: completed"})
		if b.machine.Pulses() != 0 {
			t.Error("the drawer was opened")
		}
		opened := ""
		_ = b.device.Print(agent.PrintJob{Drawer: true, Done: func(end agent.PrintEnd) { opened = string(end) }})
		pass(time.Second)
		if b.machine.Pulses() != 1 || opened != "accepted" || len(b.papers()) != 2 {
			t.Errorf("%d pulses, end %q, papers %q", b.machine.Pulses(), opened, b.papers())
		}
	})
}

// Where no drawer hangs nothing was opened, and nobody says that it was; a sale's slip
// comes out all the same.
func TestAPrinterWithoutADrawerSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, printertest.New(), "epson-tm-tcp", map[string]any{"drawer": "none"})
		defer b.stop()
		err := b.device.Print(agent.PrintJob{Drawer: true, Done: func(agent.PrintEnd) { t.Error("a refused job was ended") }})
		var known *agent.Error
		if !errors.As(err, &known) || known.Say.ID != "error.no_drawer" || b.device.Drawer() {
			t.Errorf("answered %v", err)
		}
		ends := []agent.PrintEnd{}
		slip := agent.Slip{Lines: []agent.SlipLine{{Kind: agent.SlipNote, Text: "one"}}}
		if err := b.device.Print(agent.PrintJob{Slip: slip, Drawer: true, Done: func(end agent.PrintEnd) { ends = append(ends, end) }}); err != nil {
			t.Error(err)
		}
		pass(time.Minute)
		synctest.Wait()
		if !slices.Equal(ends, []agent.PrintEnd{agent.PrintCompleted}) || b.machine.Pulses() != 0 || len(b.papers()) != 1 {
			t.Errorf("ends %v, %d pulses, papers %q", ends, b.machine.Pulses(), b.papers())
		}
	})
}

func TestPaperThatRunsOutWithinASlipHoldsItUntilThereIsMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := printertest.New()
		b := newBench(t, m, "epson-tm-tcp", nil)
		defer b.stop()
		m.Roll(4)
		b.print("one")
		b.print("two")
		pass(time.Hour)
		b.state(agent.DeviceDegraded, "paper is out: put in a new roll; 2 slips are waiting")
		b.want([]string{"one 4"}, nil)
		m.Roll(100)
		pass(10 * time.Second)
		b.want([]string{"one 10", "two 10"}, []string{"one: completed", "two: completed"})
		b.state(agent.DeviceReady, "")
		m.Low()
		pass(checkEvery)
		b.state(agent.DeviceDegraded, "nearly at its end")
	})
}

func TestAPrinterThatDoesNotAnswerIsNotPrintedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := printertest.New()
		m.Mute = true
		b := newBench(t, m, "cn-gb18030", nil)
		b.print("one")
		pass(time.Hour)
		b.state(agent.DeviceDegraded, "does not answer")
		b.want(nil, nil)
		b.stop()
		b.want(nil, []string{"one: nothing"})
	})
}

func TestAModelWithoutStatusTakesEverySlip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := printertest.New()
		m.Mute = true
		b := newBench(t, m, "generic-80", nil)
		defer b.stop()
		b.state(agent.DeviceReady, "")
		b.print("one")
		pass(3 * time.Second)
		b.want([]string{"one 10"}, []string{"one: accepted"})
	})
}

// Such a model must not get every slip twice.
func TestAModelThatProvesNothingIsBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := printertest.New()
		m.NoProof = true
		b := newBench(t, m, "epson-tm-tcp", nil)
		defer b.stop()
		b.print("one")
		pass(time.Minute)
		b.want([]string{"one 10"}, []string{"one: accepted"})
		if n := b.sup.Status()[0].Counters[countNoProof]; n != 1 {
			t.Errorf("counted %d", n)
		}
	})
}

// ended is how a printer tells the end of a job.
func ended(id string) []byte { return append(append([]byte{0x37, 0x22}, id...), 0) }

// next is the id that the next job will have.
func (b *bench) next() string {
	b.device.mu.Lock()
	defer b.device.mu.Unlock()
	return jobID(b.device.last + 1)
}

// chatty is a line whose printer says something while a slip is written to it.
type chatty struct {
	conn
	say func()
}

func (c chatty) Write(b []byte) (int, error) {
	if bytes.Contains(b, initialise()) {
		c.say()
		synctest.Wait() // heard, before the first byte of the slip
	}
	return c.conn.Write(b)
}

// An end that comes before it was asked for is an older job's or a forged one, whatever
// id it has: a slip that no printer has seen must not count as printed.
func TestAnEndFromBeforeProvesNothing(t *testing.T) {
	for name, early := range map[string]func(b *bench){
		"while it is idle": func(b *bench) { b.machine.Say(ended(b.next())...); pass(time.Second) },
		"while the slip is written": func(b *bench) {
			id, open := b.next(), b.device.open
			b.device.open = func(ctx context.Context) (conn, error) {
				c, err := open(ctx)
				return chatty{c, func() { b.machine.Say(ended(id)...) }}, err
			}
			b.unplug() // the next opening is the chatty one
			b.plug()
			pass(time.Minute)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := printertest.New()
				m.NoProof = true
				b := newBench(t, m, "epson-tm-tcp", nil)
				defer b.stop()
				early(b)
				b.print("one")
				pass(time.Minute)
				b.want([]string{"one 10"}, []string{"one: accepted"})
			})
		})
	}
}

// A printer is asked how it is once a second while it prints, and the end of its job may
// be on the line just then.
func TestAnEndThatComesWhileThePrinterIsAskedIsHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := printertest.New()
		m.NoProof = true
		b := newBench(t, m, "epson-tm-tcp", nil)
		defer b.stop()
		end := ended(b.next())
		b.print("one")
		pass(askAgain - 10*time.Millisecond)
		m.Say(end[:3]...)
		pass(20 * time.Millisecond)
		m.Say(end[3:]...)
		pass(time.Second)
		b.want([]string{"one 10"}, []string{"one: completed"})
	})
}

// The end of another job, told late, is no proof of this one.
func TestTheEndOfAnotherJobProvesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := printertest.New()
		m.NoProof = true
		b := newBench(t, m, "epson-tm-tcp", nil)
		defer b.stop()
		own := b.next()
		b.print("one")
		pass(askAgain / 2)
		another := b.next() // never asked for
		if own == another {
			t.Fatal("the job has not begun")
		}
		m.Say(ended(another)...)
		pass(time.Minute)
		b.want([]string{"one 10"}, []string{"one: accepted"})
	})
}

// Noise on the line costs one look no answer.
func TestNoiseDoesNotSilenceAPrinter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := printertest.New()
		b := newBench(t, m, "cn-gb18030", nil)
		defer b.stop()
		m.Say(0x37)
		pass(checkEvery + time.Second)
		b.state(agent.DeviceReady, "")
		b.print("one")
		pass(5 * time.Second)
		b.want([]string{"one 10"}, []string{"one: accepted"})
	})
}

// Two processes, one after the other, do not call their jobs the same.
func TestIdsOfJobsBeginAnywhere(t *testing.T) {
	seen := map[string]bool{}
	for range 8 {
		unit := drivers.Registry(Specs()).Build(drivers.Config{ID: "p", Kind: agent.KindPrinter, Driver: "epson-tm-usb", Path: "/dev/usb/lp0"}, drivers.Env{Clock: agent.NewSystemClock()})
		if unit.Err != nil {
			t.Fatal(unit.Err)
		}
		seen[unit.Device.(*device).nextID()] = true
	}
	if len(seen) == 1 { // one in ten to the forty-three
		t.Errorf("eight processes all begin with %v", seen)
	}
	for n, want := range map[uint32]string{0: "0000", 35: "000Z", 36: "0010", 36*36*36*36 - 1: "ZZZZ", 36 * 36 * 36 * 36: "0000"} {
		if got := jobID(n); got != want {
			t.Errorf("job %d is called %s, want %s", n, got, want)
		}
	}
}

func TestAnOpenCoverHoldsSlips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := printertest.New()
		b := newBench(t, m, "cn-gb18030", nil)
		defer b.stop()
		m.Cover(true)
		pass(checkEvery)
		b.state(agent.DeviceDegraded, "cover is open: close it")
		b.print("one")
		pass(time.Minute)
		b.want(nil, nil)
		m.Cover(false)
		pass(5 * time.Second)
		b.want([]string{"one 10"}, []string{"one: accepted"})
	})
}

func TestWhatIsLeftAtTheEndIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := printertest.New()
		b := newBench(t, m, "epson-tm-tcp", nil)
		m.Roll(4)
		for i := range drivers.JobsMost {
			b.print(fmt.Sprint("slip ", i))
		}
		pass(time.Minute)
		err := b.device.Print(agent.PrintJob{Done: func(agent.PrintEnd) { t.Error("a refused job was ended") }})
		if agent.ClassOf(err) != agent.Unavailable {
			t.Errorf("a full printer answers %v", err)
		}
		b.stop()
		b.mu.Lock()
		defer b.mu.Unlock()
		if len(b.ends) != drivers.JobsMost || b.ends[0] != "slip 0: doubtful" || b.ends[1] != "slip 1: nothing" {
			t.Errorf("%d ends, the first %q", len(b.ends), b.ends[:min(2, len(b.ends))])
		}
	})
}

func TestAConfigurationThatCannotPrintIsRefused(t *testing.T) {
	for _, c := range []struct {
		driver, path string
		keys         map[string]any
		want         string
	}{
		{"epson-tm-usb", "", nil, "either the path"},
		{"epson-tm-usb", "/dev/usb/lp0", map[string]any{"address": "10.0.0.5"}, "either the path"},
		{"epson-tm-usb", "/dev/usb/lp0", map[string]any{"language": "zh-CN"}, "gb18030"},
		{"cn-gb18030", "/dev/usb/lp0", map[string]any{"language": "zh-CN"}, ""},
		{"epson-tm-usb", "/dev/usb/lp0", map[string]any{"language": "fr"}, ""},
		{"cn-gb18030", "/dev/usb/lp0", map[string]any{"language": "fr"}, "cp858"},
		{"epson-tm-usb", "/dev/usb/lp0", map[string]any{"language": "ar"}, `language = "en"`},
		{"epson-tm-serial", "/dev/ttyS0", map[string]any{"baud": int64(12345)}, "baud"},
		{"generic-58", "/dev/usb/lp0", map[string]any{"proof": true}, "status"},
		{"generic-58", "/dev/usb/lp0", map[string]any{"charset": "utf8"}, "one of"},
		{"generic-58", "/dev/usb/lp0", map[string]any{"colums": int64(40)}, `did you mean "columns"`},
		{"epson", "/dev/usb/lp0", nil, "epson-tm"},
	} {
		u := drivers.Registry(Specs()).Build(drivers.Config{ID: "p", Kind: agent.KindPrinter, Driver: c.driver, Path: c.path, Keys: c.keys}, drivers.Env{Clock: agent.NewSystemClock()})
		if c.want == "" && u.Err != nil || c.want != "" && (u.Err == nil || !strings.Contains(u.Err.Error(), c.want)) {
			t.Errorf("%+v: %v, want %q", c, u.Err, c.want)
		}
	}
}

func TestEveryProfileIsComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range Profiles() {
		if _, known := charsets()[p.Charset]; !known || seen[p.Name] || p.Help == "" || p.Proof && !p.Status {
			t.Errorf("%+v", p)
		}
		seen[p.Name] = true
		again, ok := FindProfile(p.Name)
		if !ok || !reflect.DeepEqual(again, p) {
			t.Errorf("%s is not found", p.Name)
		}
	}
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/cmd/cli"
	"tillwire/drivers/printer/printertest"
)

// jointSize is how many payments the counter takes in a test run; `make counter` asks
// for more through the environment.
const (
	jointSize    = 240
	jointSizeEnv = "TILLWIRE_COUNTER"
)

// jointPatience is how long anything at the counter may take before it counts as lost.
const jointPatience = 90 * time.Second

// joint is a whole counter: an agent, its wallet's cloud, three registers with scanners
// of three families and pole displays on pseudo-terminals, and one printer for all.
type joint struct {
	t       *testing.T
	agent   *running
	cloud   *jointCloud
	printer *printertest.Socket
	lanes   []*jointLane

	calm   sync.RWMutex // held for reading over a payment, for writing while somebody sees to the printer
	upset  atomic.Int64 // sales since something happened to the printer, that one included; 0: it is well
	orders sync.Map     // order number to what its customer showed, as a customersCode
	paid   sync.Map     // sum to the payment's id
}

// jointLane is one register. Its members belong to its goroutine.
type jointLane struct {
	*joint
	id      string
	speaks  tongue
	scanner *gear
	pole    *gear
	glass   *pole
	dice    *rand.Rand

	last    string // the code of the customer before
	latest  string // the last payment that was paid
	again   int    // times a code had to be shown once more
	trouble int    // payments until this lane sees to the printer; 0: it is well
	out     bool   // the printer is unplugged
}

// Three registers take payments while scanners, displays and the printer are pulled out
// at random, in the middle of codes and of slips too. In the end each order was paid with
// the code of its own customer, no slip came out twice without saying so, and nothing of
// the devices is left open.
func TestACounterWhoseDevicesArePulledOut(t *testing.T) {
	size := jointSize
	if text := os.Getenv(jointSizeEnv); text != "" {
		var err error
		if size, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s=%q is no number of payments", jointSizeEnv, text)
		}
	}
	j := openJoint(t)
	// What the process opens once and for all it opens here.
	j.start()
	j.end()
	descriptors, goroutines := len(descriptorTargets(t)), runtime.NumGoroutine()

	j.start()
	devices, drivers := j.atRest()
	var all sync.WaitGroup
	var failed atomic.Bool
	for _, l := range j.lanes {
		all.Go(func() {
			for i := 0; i < size/len(j.lanes) && !failed.Load(); i++ {
				if err := l.pay(i); err != nil {
					failed.Store(true)
					t.Errorf("lane %s, payment %d: %v", l.id, i, err)
				}
				if done := i + 1; done%250 == 0 {
					t.Logf("lane %s: %d of %d payments", l.id, done, size/len(j.lanes))
				}
			}
			if err := l.mend(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if !failed.Load() {
		j.everySlipHasAnEnd()
		for _, l := range j.lanes {
			l.ready()
		}
		j.settles("open device nodes", devices, func() int { now, _ := deviceCounts(t); return now })
		j.settles("goroutines of drivers", drivers, func() int { _, now := deviceCounts(t); return now })
	}
	j.end()
	j.settles("descriptors", descriptors, func() int { return len(descriptorTargets(t)) })
	j.settles("goroutines", goroutines, runtime.NumGoroutine)
	j.judge()
}

func openJoint(t *testing.T) *joint {
	t.Helper()
	cloud, err := openJointCloud()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cloud.close() })
	j := &joint{t: t, cloud: cloud, printer: printertest.Listen(t, printertest.New())}
	dir := t.TempDir()
	for i, speaks := range tongues() {
		l := &jointLane{joint: j, id: strconv.Itoa(i + 1), speaks: speaks, dice: rand.New(rand.NewPCG(6, uint64(i))), glass: &pole{took: cloud.took}}
		l.scanner = &gear{id: l.id + ".scanner", link: filepath.Join(dir, "scanner-"+l.id), answer: speaks.answer}
		l.pole = &gear{id: l.id + ".display", link: filepath.Join(dir, "pole-"+l.id), answer: l.glass.answer}
		j.lanes = append(j.lanes, l)
	}
	return j
}

// config is the counter's, with the wallet of the tests' sound configuration.
func (j *joint) config() string {
	head, _, _ := strings.Cut(strings.Replace(sound, "http://127.0.0.1:1", j.cloud.base, 1), "[[lane]]")
	for _, l := range j.lanes {
		head += fmt.Sprintf("[[lane]]\nid = %q\nwallet = \"wechat\"\n[lane.scanner]\ndriver = %q\npath = %q\nopen_grace = 0\n[lane.display]\ndriver = \"cd5220\"\npath = %q\n\n",
			l.id, l.speaks.driver, l.scanner.link, l.pole.link)
	}
	return head + fmt.Sprintf("[[printer]]\nname = \"counter\"\ndriver = \"epson-tm-tcp\"\naddress = %q\n", j.printer.Address)
}

// start begins a day: everything is plugged in and ready.
func (j *joint) start() {
	j.t.Helper()
	file := equipped(j.t, j.config())
	owned(j.t, file)
	j.agent = started(j.t, file)
	j.agent.ready()
	for _, l := range j.lanes {
		if err := errors.Join(l.scanner.plug(), l.pole.plug()); err != nil {
			j.t.Fatal(err)
		}
		l.ready()
	}
	if err := j.state("printer.counter", true); err != nil {
		j.t.Fatal(err)
	}
}

// end stops the agent and pulls everything out.
func (j *joint) end() {
	j.t.Helper()
	if code := j.agent.ended(); code != cli.Fine {
		j.t.Errorf("the agent ended with %d", code)
	}
	for _, l := range j.lanes {
		if err := errors.Join(l.scanner.pull(), l.pole.pull()); err != nil {
			j.t.Error(err)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

func (l *jointLane) ready() {
	l.t.Helper()
	for _, g := range []*gear{l.scanner, l.pole} {
		if err := errors.Join(g.plug(), l.state(g.id, true)); err != nil {
			l.t.Error(err)
		}
	}
}

// ask calls the local API.
func (j *joint) ask(method, path, body string, into any) (int, error) {
	req, err := http.NewRequestWithContext(j.t.Context(), method, j.agent.base+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+tillToken)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode < 300 {
		err = json.Unmarshal(text, into)
	} else if err == nil {
		err = fmt.Errorf("%s %s: %d %s", method, path, res.StatusCode, text)
	}
	return res.StatusCode, err
}

// poll looks until done holds; looks cost the agent something, so there is a pause.
func poll(what string, done func() (bool, error)) error {
	for end := time.After(jointPatience); ; {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-end:
			return fmt.Errorf("never happens: %s", what)
		case <-time.After(3 * time.Millisecond):
		}
	}
}

// state waits until a device works, or until it does not.
func (j *joint) state(id string, works bool) error {
	return poll(fmt.Sprintf("%s works: %v", id, works), func() (bool, error) {
		var status struct{ Devices []agent.DeviceStatus }
		if _, err := j.ask("GET", "/status", "", &status); err != nil {
			return false, err
		}
		for _, d := range status.Devices {
			if d.ID == id {
				return (d.State == agent.DeviceReady || d.State == agent.DeviceDegraded) == works, nil
			}
		}
		return false, fmt.Errorf("there is no device %s", id)
	})
}

// sale is a payment as the API tells it.
type sale struct {
	ID      string
	OrderNo string `json:"order_no"`
	Status  agent.State
	Final   bool
	Facts   []struct{ Kind agent.FactKind }
}

func (s sale) slip() bool {
	for _, f := range s.Facts {
		if f.Kind == agent.FactPrinted || f.Kind == agent.FactPrintFailed {
			return true
		}
	}
	return false
}

// enoughForReprints is from how many sales on some slip must have been broken off.
const enoughForReprints = 1000

// mostUpset keeps the slips that wait for the printer well below what its queue takes.
const mostUpset = 20

// customersCode is a customer's code and the register at which it was shown.
type customersCode struct{ lane, code string }

// codeOf is the code of a sale. Its third digit is the register, so no code is shown at two,
// and its last one tells whether the customer has money.
func codeOf(lane string, number int) string { return fmt.Sprintf("13%s%015d", lane, number) }

// laneOf is the register at which a code was made to be shown.
func laneOf(code string) string {
	if len(code) < 3 {
		return "" // a part of one
	}
	return code[2:3]
}

// pay makes one payment, and lets things happen to the printer between two of the first
// lane.
func (l *jointLane) pay(i int) error {
	if l.id != "1" {
		if err := poll("somebody sees to the printer", func() (bool, error) { return l.upset.Load() <= mostUpset, nil }); err != nil {
			return err
		}
	}
	l.calm.RLock()
	err := l.tender(i)
	l.calm.RUnlock()
	if err != nil || l.id != "1" {
		return err
	}
	switch {
	case l.trouble == 1 || l.upset.Load() > mostUpset:
		return l.mend()
	case l.trouble > 1:
		l.trouble--
	case l.dice.IntN(10) == 0:
		l.disturb()
	}
	return nil
}

func (l *jointLane) tender(i int) error {
	lane, _ := strconv.Atoi(l.id)
	number := i*len(l.lanes) + lane
	code := codeOf(l.id, number)
	var p sale
	if _, err := l.ask("POST", "/payments", fmt.Sprintf(`{"request_id":"sale-%d","lane":%q,"amount":{"value":%d,"currency":"CNY"},"reference":"sale %d","mode":"scan"}`,
		number, l.id, 1000+number, number), &p); err != nil {
		return err
	}
	l.orders.Store(p.OrderNo, customersCode{l.id, code})
	if err := l.play(l.pole, 15); err != nil {
		return err
	}
	for tries := 0; p.Status == agent.Created; tries++ {
		if tries == 30 { // of which one in eight may come to nothing
			return fmt.Errorf("the code is never taken for payment %s", p.ID)
		}
		if err := l.show(code, &p); err != nil {
			return err
		}
	}
	err := poll("payment "+p.ID+" ends", func() (bool, error) {
		_, err := l.ask("GET", "/payments/"+p.ID, "", &p)
		return p.Final, err
	})
	if err != nil {
		return err
	}
	want := agent.Paid
	if declines(code) {
		want = agent.Declined
	}
	if p.Status != want {
		return fmt.Errorf("payment %s is %s, not %s", p.ID, p.Status, want)
	}
	if want == agent.Paid {
		l.paid.Store(sumOf(number), p.ID)
		l.latest = p.ID
		if l.upset.Load() > 0 {
			l.upset.Add(1)
		}
	}
	l.last = code
	return nil
}

// sumOf is the sum of a sale as slips and displays write it; no two sales have the same.
func sumOf(number int) string {
	return agent.Money{Value: int64(1000 + number), Currency: "CNY"}.Decimal()
}

// play pulls a device out or plugs it in again, one time in so many.
func (l *jointLane) play(g *gear, oneIn int) error {
	if l.dice.IntN(oneIn) > 0 {
		return nil
	}
	if g.master == nil {
		return g.plug()
	}
	return g.pull()
}

// show holds the code before the scanner once, and lets the cable go when it likes.
func (l *jointLane) show(code string, p *sale) error {
	fresh := l.scanner.master == nil
	if err := errors.Join(l.scanner.plug(), l.state(l.scanner.id, true)); err != nil {
		return err
	}
	sent, dice := l.speaks.encode(code), l.dice.IntN(16)
	switch {
	case dice == 0: // pulled in the middle of the code
		sent = sent[:1+l.dice.IntN(len(sent)-1)]
	case fresh && l.last != "": // the phone of the customer before is still there
		sent = l.speaks.encode(l.last) + sent
	}
	if _, err := l.scanner.master.WriteString(sent); err != nil {
		return err
	}
	if dice < 2 {
		if err := errors.Join(l.scanner.pull(), l.state(l.scanner.id, false)); err != nil {
			return err
		}
	}
	// What was read before the plug came out was handed on before the device was gone;
	// a customer whose code was not taken holds it there once more.
	patience := 3 * time.Second
	if dice < 2 {
		patience = 0
	}
	for end := time.After(patience); ; {
		if _, err := l.ask("GET", "/payments/"+p.ID, "", p); err != nil || p.Status != agent.Created {
			return err
		}
		select {
		case <-end:
			l.again++
			return nil
		case <-time.After(3 * time.Millisecond):
		}
	}
}

// disturb does something to the printer that somebody will have to see to.
func (l *jointLane) disturb() {
	l.trouble = 2 + l.dice.IntN(5)
	l.joint.upset.Store(1)
	switch l.dice.IntN(4) {
	case 0:
		l.unplugPrinter()
	case 1:
		l.printer.Machine.Cover(true)
	default:
		l.printer.Machine.Roll(l.dice.IntN(16)) // in the middle of a slip
	}
}

// unplugPrinter pulls both of its cables: what it had in its memory is forgotten.
func (l *jointLane) unplugPrinter() {
	l.printer.Unplug()
	l.printer.Machine.Reset()
	l.out = true
}

// mend sees to the printer, most of the time by pulling its plugs first, and waits until
// the slip of the last sale has come to an end.
func (l *jointLane) mend() error {
	if l.trouble == 0 {
		return nil
	}
	l.trouble = 0
	l.calm.Lock()
	defer l.calm.Unlock()
	if l.dice.IntN(3) > 0 {
		l.unplugPrinter()
	}
	l.printer.Machine.Cover(false)
	l.printer.Machine.Roll(-1)
	if l.out {
		if err := l.printer.Plug(); err != nil {
			return err
		}
		l.out = false
	}
	l.joint.upset.Store(0)
	return l.printed(l.latest)
}

// printed waits until the journal knows what became of a sale's slip.
func (j *joint) printed(id string) error {
	if id == "" {
		return nil
	}
	return poll("an end of the slip of "+id, func() (bool, error) {
		var p sale
		_, err := j.ask("GET", "/payments/"+id, "", &p)
		return p.slip(), err
	})
}

func (j *joint) everySlipHasAnEnd() {
	j.t.Helper()
	j.paid.Range(func(_, id any) bool {
		if err := j.printed(id.(string)); err != nil {
			j.t.Error(err)
			return false
		}
		return true
	})
}

// settles waits until a count is no higher than it was.
func (j *joint) settles(what string, most int, now func() int) {
	j.t.Helper()
	if poll(what, func() (bool, error) { return now() <= most, nil }) != nil {
		stacks := make([]byte, 1<<20)
		j.t.Errorf("%d %s, were %d\n%s", now(), what, most, stacks[:runtime.Stack(stacks, true)])
	}
}

// judge compares the cloud's books, the paper and the displays with what was sold.
func (j *joint) judge() {
	j.t.Helper()
	codes, taken := j.cloud.books()
	for no, code := range codes {
		known, _ := j.orders.Load(no)
		switch want, _ := known.(customersCode); {
		case want.lane != laneOf(code):
			j.t.Errorf("order %s of register %q was asked for with a code that was shown at register %s", no, want.lane, laneOf(code))
		case want.code != code:
			j.t.Errorf("order %s was asked for with the code of another customer", no)
		}
	}
	plain, marked, whole := j.papers()
	sold := 0
	j.paid.Range(func(sum, id any) bool {
		sold++
		switch s := sum.(string); {
		case plain[s] > 1:
			j.t.Errorf("the slip of %s (%s) came out %d times without a mark", id, s, plain[s])
		case whole[s] == 0:
			j.t.Errorf("the slip of %s (%s) never came out whole", id, s)
		}
		return true
	})
	if taken != sold {
		j.t.Errorf("the cloud took money %d times, the shop sold %d times", taken, sold)
	}
	reprints, said := 0, ""
	for _, n := range marked {
		reprints += n
	}
	for _, l := range j.lanes {
		l.glass.mu.Lock()
		if len(l.glass.lies) > 0 {
			j.t.Errorf("lane %s said PAID of %v, which nobody had paid", l.id, l.glass.lies)
		}
		said += fmt.Sprintf("; %s: scanner pulled %d times, display %d times, %d codes shown again, PAID said %d times", l.speaks.driver, l.scanner.pulls, l.pole.pulls, l.again, len(l.glass.paid))
		l.glass.mu.Unlock()
	}
	if sold >= enoughForReprints && reprints == 0 {
		j.t.Error("no slip was ever broken off: the storm is too mild to show anything about copies")
	}
	if p := j.printer.Machine.Problems(); len(p) > 0 {
		j.t.Errorf("the printer stumbled over %q", p)
	}
	j.t.Logf("%d orders, %d paid, %d marked copies%s", len(codes), sold, reprints, said)
}

// papers reads what came out: per sum how many slips began without a mark and with one,
// and how many were whole. What hangs out of a printer that was switched off has the next
// slip behind it, so a slip begins with the shop's name and not with the paper.
func (j *joint) papers() (plain, marked, whole map[string]int) {
	plain, marked, whole = map[string]int{}, map[string]int{}, map[string]int{}
	for _, sheet := range j.printer.Machine.Sheets() {
		before, sum, copied := "", "", false
		for _, line := range sheet.Lines {
			line = strings.TrimSpace(line)
			switch {
			case line == "Corner shop":
				sum, copied = "", before == "DUPLICATE"
			case strings.HasPrefix(line, "¥") && sum == "":
				if sum = strings.TrimPrefix(line, "¥"); copied {
					marked[sum]++
				} else {
					plain[sum]++
				}
			case strings.HasPrefix(line, "Register"): // the last line before the cut that every slip has
				whole[sum]++
			}
			if line != "" {
				before = line
			}
		}
	}
	return plain, marked, whole
}

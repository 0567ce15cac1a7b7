//go:build faultfs

package disk_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	"tillwire/cmd/tillcloud/lab"
	"tillwire/offline"
	"tillwire/offline/faultfs"
)

// The checks that are about a failing disk.
const (
	CheckSays     = "error-says-what-to-do"
	CheckRecovers = "sells-again"
	CheckKept     = "never-deleted"
	CheckSeen     = "damage-is-named"
	CheckBackup   = "the-backup-is-used"
)

// TestNoErrorOfTheDiskLosesMoney is campaign C8. Every call that the agent makes to
// the disk on a day with a start in it fails, once and for ever; every twentieth
// case finds a file that was spoilt while the agent was off.
func TestNoErrorOfTheDiskLosesMoney(t *testing.T) {
	const spoilt = 20
	base := lab.Scratch(t)
	r := lab.Begin(t, "C8", "errors", 220, 5000)
	if r.Size() == 0 {
		return
	}
	faults, err := everyFault(t, filepath.Join(base, "census"))
	if err != nil {
		t.Fatal(err)
	}
	r.Figure("different errors", float64(len(faults)))
	var shown sync.Once
	r.Share(t, 2, func(t *testing.T, seed uint64) int {
		f := &failing{r: r, dice: lab.NewDice("C8", seed), dir: filepath.Join(base, fmt.Sprint(seed)), gone: map[string]bool{}}
		what := ""
		if seed%spoilt == 0 {
			what = f.atRest(t)
		} else {
			// Neighbours in the list differ by one call; the cases go round it in big steps.
			fault := faults[int((seed-seed/spoilt-1)*stride%uint64(len(faults)))]
			what = fault.String()
			f.strike(t, fault)
		}
		for i := range f.found {
			f.found[i].What = what + ": " + f.found[i].What
		}
		if f.err != nil {
			f.err = fmt.Errorf("%s: %w", what, f.err)
		}
		r.Violated(seed, f.found...)
		r.Broken(seed, errors.Join(f.err, os.RemoveAll(f.dir)))
		if r.Only() {
			shown.Do(func() { t.Logf("%s: the agent said: %q", what, f.said) })
		}
		return 1
	})
}

// stride is prime and longer than any kind of call is made on one day.
const stride = 7919

// everyFault lists the faults of every call of the undisturbed day.
func everyFault(t *testing.T, dir string) (list []faultfs.Fault, err error) {
	f := &failing{r: nil, dice: lab.NewDice("C8", 0), dir: dir, gone: map[string]bool{}}
	counts := map[[2]int]int64{}
	f.count = func(d *faultfs.Disk, sign int64) {
		for _, op := range faultfs.Ops() {
			for kind := faultfs.Database; kind <= faultfs.Other; kind++ {
				counts[[2]int{int(op), int(kind)}] += sign * d.Count(op, kind)
			}
		}
	}
	f.strike(t, faultfs.Fault{Op: faultfs.Open, After: 1 << 40})
	if f.err != nil || len(f.found) > 0 {
		return nil, fmt.Errorf("the undisturbed day: %v: %w", f.found, f.err)
	}
	for _, op := range faultfs.Ops() {
		for kind := faultfs.Database; kind <= faultfs.Other; kind++ {
			for after := range counts[[2]int{int(op), int(kind)}] {
				list = append(list, variants(faultfs.Fault{Op: op, Kind: kind, After: after})...)
			}
		}
	}
	return list, os.RemoveAll(dir)
}

// variants are the ways in which one call can fail.
func variants(f faultfs.Fault) []faultfs.Fault {
	with := func(change func(*faultfs.Fault)) faultfs.Fault {
		g := f
		change(&g)
		return g
	}
	list := []faultfs.Fault{f, with(func(g *faultfs.Fault) { g.Forever = true })}
	switch f.Op {
	case faultfs.Write:
		list = append(list, with(func(g *faultfs.Fault) { g.Code = faultfs.CodeFull }),
			with(func(g *faultfs.Fault) { g.Code, g.Forever = faultfs.CodeFull, true }),
			with(func(g *faultfs.Fault) { g.Part = 1 + int(f.After*97%4000) }))
	case faultfs.Read:
		list = append(list, with(func(g *faultfs.Fault) { g.Code = faultfs.CodeShortRead }),
			with(func(g *faultfs.Fault) { g.Flip, g.Bit = true, f.After*7919 }))
	}
	return list
}

// failing is one case.
type failing struct {
	r     *lab.Run
	dice  lab.Dice
	dir   string
	disk  *faultfs.Disk
	shop  *lab.Shop
	till  *counter
	said  []string        // what the agent told the people
	told  []string        // what the owner's page says
	saved []agent.Payment // what the backup has
	gone  map[string]bool // orders that only a replaced file knew
	vain  int             // starts after which the shop did not sell
	found []lab.Violation
	err   error

	count func(d *faultfs.Disk, sign int64)
}

func (f *failing) home() string { return filepath.Join(f.dir, "agent") }

func (f *failing) accuse(check, format string, args ...any) {
	f.found = append(f.found, lab.Violation{Check: check, What: fmt.Sprintf(format, args...)})
}

func (f *failing) note(name string) {
	if f.r != nil {
		f.r.Count(name, 1)
	}
}

// inShop runs a part of the case in virtual time, with the shop open.
func (f *failing) inShop(t *testing.T, do func(context.Context) error) {
	t.Helper()
	pair, err := keys()
	if err != nil {
		f.err = err
		return
	}
	synctest.Test(t, func(t *testing.T) {
		f.shop, err = lab.Open(t.Context(), lab.Options{Dir: f.dir, Clock: lab.NewClock(), Keys: pair, Network: lab.NewNetwork(), Lanes: 2,
			Free: roomy, Look: faultfs.Look, Gone: func(orderNo string) bool { return f.gone[orderNo] }})
		if err == nil {
			f.till = &counter{shop: f.shop, dice: f.dice}
			err = do(t.Context())
			// A store that was struck may fail to close; the judgement was before.
			if closed := f.shop.Close(); closed != nil {
				err = errors.Join(err, closed)
			}
		}
		f.err = errors.Join(f.err, err)
	})
}

// strike lets one call of a day fail, mends the disk, starts the agent again and
// judges what it comes to.
func (f *failing) strike(t *testing.T, fault faultfs.Fault) {
	t.Helper()
	if f.err = os.MkdirAll(f.home(), 0o700); f.err != nil {
		return
	}
	if f.disk, f.err = faultfs.Attach(f.home()); f.err != nil {
		return
	}
	defer f.disk.Close()
	f.inShop(t, func(ctx context.Context) error {
		old, err := f.morning(ctx)
		if err != nil {
			return err
		}
		if f.count != nil {
			f.count(f.disk, -1)
		}
		armed, err := f.disk.Inject(fault)
		if err != nil {
			return err
		}
		f.day(ctx, old)
		if f.count != nil {
			f.count(f.disk, 1)
		}
		if armed.Clear() > 0 {
			f.note("struck")
		}
		return f.evening(ctx, fault)
	})
}

// morning trades on a sound disk: something that is paid, something to remove,
// something under way.
func (f *failing) morning(ctx context.Context) (paid agent.Payment, err error) {
	if _, err = f.till.sale(ctx, "2", sandbox.Decline); err == nil {
		paid, err = f.till.sale(ctx, "1", sandbox.Approve)
	}
	if err != nil || paid.Status.State != agent.Paid {
		return paid, fmt.Errorf("a sale on a sound disk is %s: %w", paid.Status.State, err)
	}
	who, err := f.till.customer(ctx, sandbox.Password)
	if err == nil {
		_, err = f.till.scan(ctx, "2", who)
	}
	return paid, err
}

// day does all that an agent does with its disk. Anything may be refused, with a
// word about what to do.
func (f *failing) day(ctx context.Context, paid agent.Payment) {
	hear := func(what string, err error) {
		if err == nil || errors.Is(err, lab.ErrPowerOff) {
			return
		}
		var known *agent.Error
		if !errors.As(err, &known) || known.Say.English == "" {
			f.accuse(CheckSays, "%s failed with no word to the person: %v", what, err)
			return
		}
		f.said = append(f.said, known.Say.English)
	}
	_, err := f.till.sale(ctx, "1", sandbox.Approve)
	hear("a sale", err)
	hear("a refund", f.till.back(ctx, paid, 300))
	wait(time.Minute)
	_, err = f.till.show(ctx, "2", true)
	hear("a shown code", err)
	who, err := f.till.customer(ctx, sandbox.Abandon)
	if err == nil {
		var p agent.Payment
		if p, err = f.till.scan(ctx, "1", who); err == nil {
			wait(time.Second)
			err = f.till.cancel(ctx, p)
		}
	}
	hear("a cancelled sale", err)
	if store := f.shop.Store(); store != nil {
		_, err := store.Prune(ctx, time.Unix(0, 0))
		hear("retention", err)
		hear("a backup", store.Backup(ctx, filepath.Join(f.home(), "copy.db")))
	}
	wait(time.Minute)
	f.shop.PowerOff()
	if err := f.shop.Bury(); err != nil {
		f.said = append(f.said, err.Error())
	}
	if err := f.start(ctx); err != nil {
		hear("the start", err)
		return
	}
	f.hearProblems()
	_, err = f.till.sale(ctx, "1", sandbox.Approve)
	hear("a sale after the start", err)
}

// evening starts the agent again on a disk that is sound by now, sells, lets
// everything end, and judges.
func (f *failing) evening(ctx context.Context, fault faultfs.Fault) error {
	f.shop.PowerOff()
	if err := f.shop.Bury(); err != nil {
		f.said = append(f.said, err.Error())
	}
	if err := f.start(ctx); err != nil {
		f.accuse(CheckRecovers, "the agent does not start on a mended disk: %v", err)
		return nil
	}
	f.hearProblems()
	wait(5 * time.Minute)
	p, err := f.till.sale(ctx, "1", sandbox.Approve)
	if err != nil || p.Status.State != agent.Paid {
		f.accuse(CheckRecovers, "a sale on a mended disk is %s: %v", p.Status.State, err)
	}
	lied := fault.Flip || fault.Code == faultfs.CodeShortRead
	found, err := f.ends(ctx)
	if lied && agent.ClassOf(err) == agent.Corrupt {
		return f.named(ctx, err)
	}
	if err != nil {
		return err
	}
	replaced, broken, err := setAside(f.home())
	if err != nil {
		return err
	}
	if replaced && !broken {
		found = append(found, lab.Violation{Check: CheckKept, What: "a sound file was set aside"})
	}
	if replaced && len(f.told) == 0 {
		found = append(found, lab.Violation{Check: CheckSeen, What: "a file was set aside, and nobody was told"})
	}
	if lied {
		// The read succeeds, with something else. SQLite takes it for the truth and may
		// write it back; then the file is damaged.
		if replaced {
			f.note("reads that lied and had the file set aside")
		}
		found = f.unnamed(ctx, found)
	}
	f.found = append(f.found, found...)
	return nil
}

// named judges a day whose books cannot be read, because a read that lied has spoilt a
// record: the refusal and the store's own verification both name the payment. The page
// counts these days, of which nothing else is judged.
func (f *failing) named(ctx context.Context, refused error) error {
	var known *agent.Error
	report, err := f.shop.Store().Verify(ctx, lab.DefaultTimers)
	if err != nil || !errors.As(refused, &known) {
		return errors.Join(refused, err)
	}
	if !slices.ContainsFunc(report.Findings, func(one offline.Finding) bool { return one.Payment == known.Payment }) {
		f.accuse(lab.CheckLaw, "a record cannot be read, and verification does not name it: %v; it names %v", refused, report.Findings)
	}
	f.note("reads that lied: days with a record that cannot be read and that verification names")
	return nil
}

// unnamed takes away what a read that lied has done to the file and the store's own
// verification names: its findings, what is wrong with the sums of a payment that they
// name, and an order that only a spoilt index does not know. The page counts what is
// taken away.
func (f *failing) unnamed(ctx context.Context, found []lab.Violation) []lab.Violation {
	named, listed := []string{}, []string{}
	for _, v := range found {
		if v.Check == lab.CheckLaw && !strings.Contains(v.What, "the law") {
			named = append(named, f.paymentsIn(ctx, v.What)...)
		}
		if v.Check == lab.CheckLaw && strings.Contains(v.What, "missing from index") {
			listed = append(listed, f.paymentsIn(ctx, "")...)
		}
	}
	about := func(v lab.Violation, ids []string) bool {
		return slices.ContainsFunc(ids, func(id string) bool { return strings.Contains(v.What, id) })
	}
	return slices.DeleteFunc(found, func(v lab.Violation) bool {
		law := v.Check == lab.CheckLaw && !strings.Contains(v.What, "the law")
		sums := v.Check == lab.CheckBooks || v.Check == lab.CheckAcked || v.Check == lab.CheckKeys
		unlisted := v.Check == lab.CheckIntent && strings.Contains(v.What, "the disk does not know the order")
		if !law && !(sums && about(v, named)) && !(unlisted && about(v, listed)) {
			return false
		}
		f.note("reads that lied: violations that verification names, " + v.Check)
		return true
	})
}

// paymentsIn finds the payments that a finding names, by both of their numbers; the
// empty finding names all.
func (f *failing) paymentsIn(ctx context.Context, what string) (names []string) {
	books, err := f.shop.Books(ctx)
	if err != nil {
		f.err = errors.Join(f.err, err)
		return nil
	}
	for _, p := range books.Payments {
		if what == "" || strings.Contains(what, string(p.ID)) || strings.Contains(what, p.OrderNo) {
			names = append(names, string(p.ID), p.OrderNo)
		}
	}
	return names
}

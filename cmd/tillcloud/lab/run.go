package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"tillwire/agent"
)

// The environment of a campaign.
const (
	// SizeEnv is "release" for the sizes of a release, "merge" for those of the gate in
	// make test, "long" for ten times those of a release. Without it a campaign runs a few cases, to show that it runs.
	SizeEnv = "TILLWIRE_LAB_SIZE"
	// SeedEnv picks the seeds: a number begins somewhere else, CAMPAIGN-NUMBER repeats
	// one case of one campaign.
	SeedEnv = "TILLWIRE_LAB_SEED"
	// OnlyEnv names one campaign; the others of the same test binary do nothing.
	OnlyEnv = "TILLWIRE_LAB_ONLY"
	// CatchEnv names the check that must find a faulty build. What other checks find
	// does not end the search.
	CatchEnv = "TILLWIRE_LAB_CATCH"
	// ScratchEnv is the folder that Scratch makes its folders in; who set it clears it
	// away, also when a campaign is killed.
	ScratchEnv = "TILLWIRE_LAB_SCRATCH"
	// SoakEnv is how long C13 lasts, as Go writes durations.
	SoakEnv = "TILLWIRE_SOAK"
)

// Run is one campaign under way: how many cases, their seeds, what they found. It
// is safe for concurrent use.
type Run struct {
	t        testing.TB
	campaign string
	first    uint64
	only     bool
	size     int
	halt     context.Context // over when the process was asked to end

	mu      sync.Mutex
	clock   agent.SystemClock
	told    time.Duration
	result  Result
	caught  bool   // a violation that ends the search for a faulty build
	found   string // how to repeat the first violation, for the progress line
	figures map[string]float64
}

// Result is what a campaign reports on its last line, for the page.
type Result struct {
	Campaign   string             `json:"campaign"`
	Unit       string             `json:"unit"`
	Seed       uint64             `json:"seed"`
	Size       int                `json:"size"`            // asked for
	Least      int                `json:"least,omitempty"` // what must be done of it, where Resize told otherwise
	Done       int                `json:"done"`
	Violations int                `json:"violations"`
	Begun      time.Time          `json:"begun"`
	Ended      time.Time          `json:"ended"`
	Wallets    []string           `json:"wallets"`           // whose payments were tried
	Without    []string           `json:"without,omitempty"` // checks that were left out
	Figures    map[string]float64 `json:"figures,omitempty"`
}

// ResultMark begins the line that carries a Result, ProgressMark one that tells
// how far a campaign is.
const (
	ResultMark   = "LAB-RESULT "
	ProgressMark = "LAB-PROGRESS "
)

// Begin starts a campaign ("C6") of merge or release cases; unit is what is
// counted ("payments"). The last line of its result is written when t ends.
func Begin(t testing.TB, campaign, unit string, merge, release int) *Run {
	r := &Run{t: t, campaign: campaign, first: 1, size: max(merge/40, 1), clock: agent.NewSystemClock(), figures: map[string]float64{}}
	switch os.Getenv(SizeEnv) {
	case "merge":
		r.size = merge
	case "release":
		r.size = release
	case "long":
		r.size = 10 * release
	}
	if text := os.Getenv(SeedEnv); text != "" {
		which, number, one := strings.Cut(text, "-")
		if !one {
			which, number = campaign, text
		}
		seed, err := strconv.ParseUint(number, 10, 64)
		if err != nil {
			t.Fatalf("%s=%s: write a number, or a campaign and a number such as C6-17", SeedEnv, text)
		}
		r.first, r.only = seed, one
		if which != campaign {
			r.size = 0
		}
	}
	if only := os.Getenv(OnlyEnv); only != "" && only != campaign {
		r.size = 0
	}
	r.result = Result{Campaign: campaign, Unit: unit, Seed: r.first, Size: r.size, Begun: r.clock.Now(), Wallets: []string{Wallets()[0].Name}, Without: leftOut()}
	// Asked to end, a campaign ends its case and clears up; asked twice, it dies.
	halt, again := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(halt, again)
	r.halt = halt
	t.Cleanup(again)
	t.Cleanup(r.end)
	return r
}

// Tried tells whose payments the campaign tries, where it is not the first wallet's
// alone.
func (r *Run) Tried(wallets ...Wallet) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.Wallets = nil
	for _, w := range wallets {
		r.result.Wallets = append(r.result.Wallets, w.Name)
	}
}

// Halted reports that the process was asked to end.
func (r *Run) Halted() bool { return r.halt.Err() != nil }

// Size is how many units the campaign has to do; 0 when another one is repeated.
func (r *Run) Size() int { return r.size }

// enough of a hundred units that were asked for must exist to be done.
const enough = 95

// Resize is for a campaign that learns only now how many units there are to do.
// What was asked for stays in its result: where much less of it exists, the campaign
// tests less than it promises, and fails.
func (r *Run) Resize(n int) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.size, r.result.Least = n, n
	if asked := r.result.Size; os.Getenv(SizeEnv) != "" && !r.only && n*100 < asked*enough {
		r.t.Errorf("%s has only %d %s, and %d were asked for", r.campaign, n, r.result.Unit, asked)
	}
}

// First is the seed that the campaign begins with, or the one that is repeated.
func (r *Run) First() uint64 { return r.first }

// Only reports that a single case is repeated.
func (r *Run) Only() bool { return r.only }

// Each runs cases with their seeds until the campaign has done its size: do
// returns how many units a case was. Cases of a repeated seed run once.
func (r *Run) Each(do func(seed uint64) int) {
	for seed := r.first; r.size > 0 && r.Done() < r.size; seed++ {
		r.Add(do(seed))
		if r.only || r.Caught() || r.Halted() {
			return
		}
	}
}

// Share runs cases as Each does, on so many processors at once. Each of them is a
// parallel subtest, which do gets; t is the test that began the campaign.
func (r *Run) Share(t *testing.T, processors int, do func(t *testing.T, seed uint64) int) {
	r.share(t, processors, func(uint64) bool { return r.Done() < r.size }, do)
}

// Cases runs exactly so many cases, as Share does: where each is long, none more is
// begun while the last ones are under way.
func (r *Run) Cases(t *testing.T, processors, n int, do func(t *testing.T, seed uint64) int) {
	r.share(t, processors, func(begun uint64) bool { return begun < uint64(n) }, do)
}

func (r *Run) share(t *testing.T, processors int, more func(begun uint64) bool, do func(t *testing.T, seed uint64) int) {
	if r.size == 0 {
		return
	}
	var begun atomic.Uint64
	t.Run("cases", func(t *testing.T) {
		for n := range processors {
			t.Run(strconv.Itoa(n+1), func(t *testing.T) {
				t.Parallel()
				for n := begun.Add(1) - 1; more(n) && (!r.only || n == 0) && !r.Caught() && !r.Halted(); n = begun.Add(1) - 1 {
					r.Add(do(t, r.first+n))
				}
			})
		}
	})
}

// Caught reports that a faulty build was found out: nobody needs more cases of it.
func (r *Run) Caught() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.Faulty() && r.caught
}

// Faulty reports that this is a faulty build, in which more than the check that is
// there for it may see something.
func (r *Run) Faulty() bool { return os.Getenv(SabotageEnv) != "" }

// Done is how many units are done.
func (r *Run) Done() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.result.Done
}

// Add counts units as done and tells the progress about every two seconds.
func (r *Run) Add(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.Done += n
	now := r.clock.Mono()
	if now-r.told < 2*time.Second {
		return
	}
	r.told = now
	of := ""
	if r.result.Done <= r.size { // C13 is asked for an hour, not for a number
		of = fmt.Sprintf(" of %d", r.size)
	}
	fmt.Fprintf(os.Stderr, "%s%s %d%s %s, %d violations%s, %s\n", ProgressMark, r.campaign, r.result.Done, of, r.result.Unit,
		r.result.Violations, r.found, now.Round(time.Second))
}

// Figure notes a measured figure for the page; the largest of a name counts.
func (r *Run) Figure(name string, value float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.figures[name] = max(r.figures[name], value)
}

// Count adds to a figure for the page.
func (r *Run) Count(name string, n float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.figures[name] += n
}

// Violated fails the test with what a case found and how to repeat it.
func (r *Run) Violated(seed uint64, found ...Violation) {
	r.t.Helper()
	// What a campaign judges by itself can be left out as what the oracle does.
	found = slices.DeleteFunc(slices.Clone(found), func(v Violation) bool { return !enabled(v.Check) })
	if len(found) == 0 {
		return
	}
	r.mu.Lock()
	r.result.Violations += len(found)
	if r.found == "" { // nobody need wait an hour for the end to look at it
		r.found = " (" + r.repeat(seed) + ")"
	}
	want := os.Getenv(CatchEnv)
	r.caught = r.caught || want == "" || slices.ContainsFunc(found, func(v Violation) bool { return v.Check == want })
	r.mu.Unlock()
	for _, v := range found {
		r.t.Errorf("VIOLATION %s\nrepeat it: %s", v, r.repeat(seed))
	}
}

// Broken fails the test because a case could not be run to its end.
func (r *Run) Broken(seed uint64, err error) {
	r.t.Helper()
	if err != nil {
		r.t.Errorf("BROKEN %v\nrepeat it: %s", err, r.repeat(seed))
	}
}

// repeat is the command for one case.
func (r *Run) repeat(seed uint64) string {
	command := fmt.Sprintf("make replay SEED=%s-%d", r.campaign, seed)
	if name := os.Getenv(SabotageEnv); name != "" {
		command += " SABOTAGE=" + name
	}
	return command
}

// SabotageEnv names the faulty build to behave as, in a binary that was built with
// the sabotage overlay; every other binary ignores it.
const SabotageEnv = "TILLWIRE_SABOTAGE"

func (r *Run) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.size == 0 {
		return
	}
	r.result.Ended, r.result.Figures = r.clock.Now(), r.figures
	line, err := json.Marshal(r.result)
	if err != nil {
		r.t.Error(err)
	}
	fmt.Fprintf(os.Stderr, "%s%s\n", ResultMark, line)
}

// Dice is a source of chance that a seed repeats.
type Dice struct{ *rand.Rand }

// NewDice returns the dice of a seed. The campaign is part of it, so that two
// campaigns with one seed do not throw alike.
func NewDice(campaign string, seed uint64) Dice {
	var salt uint64
	for _, b := range []byte(campaign) {
		salt = salt*131 + uint64(b)
	}
	return Dice{rand.New(rand.NewPCG(seed, salt))}
}

// Chance is true in one of n throws on average.
func (d Dice) Chance(n int) bool { return d.IntN(n) == 0 }

// Between is a duration of the span, with a millisecond's grain.
func (d Dice) Between(low, high time.Duration) time.Duration {
	return low + time.Duration(d.Int64N(int64((high-low)/time.Millisecond)+1))*time.Millisecond
}

// Pick is one of the list.
func Pick[T any](d Dice, list ...T) T { return list[d.IntN(len(list))] }

// ScratchHome is where folders for Scratch belong: in memory where the system has
// such a place, else where temporary files are.
func ScratchHome() string {
	const memory = "/dev/shm"
	if info, err := os.Stat(memory); err == nil && info.IsDir() {
		return memory
	}
	return os.TempDir()
}

// Scratch is a folder for data whose durability does not matter because the
// machine stays up. It is gone when t ends.
func Scratch(t testing.TB) string {
	t.Helper()
	home := os.Getenv(ScratchEnv)
	if home == "" {
		home = ScratchHome()
	}
	dir, err := os.MkdirTemp(home, "tillwire-lab-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // what stays of it, its home's owner clears away
	return dir
}

package sim_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
	"tillwire/cmd/tillcloud/lab"
)

// processors is how many shops trade at the same time: more than the machine has that
// the campaign is measured on, since a shop in virtual time hands its work from one
// goroutine to the next and seldom keeps a processor busy.
const processors = 3

// campaign is C6 under way over all its shops.
type campaign struct {
	run  *lab.Run
	keys lab.Keys
	dir  string

	mu      sync.Mutex
	seconds [301]int // see tally
	reviews int
	ways    map[agent.Way]int // sales that were accepted while the line was down
}

// TestSimulatedShopDays is campaign C6.
func TestSimulatedShopDays(t *testing.T) {
	keys, err := lab.NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	c := &campaign{run: lab.Begin(t, "C6", "payments", 12_000, 1_000_000), keys: keys, dir: lab.Scratch(t), ways: map[agent.Way]int{}}
	c.run.Tried(append(lab.Wallets(), lab.Apart()...)...)
	cases := processors
	if os.Getenv(lab.SizeEnv) == "" {
		cases = 1 // one shop shows that it runs; its signatures are real ones, and dear
		c.run.Resize(min(c.run.Size(), 1))
	}
	c.run.Share(t, cases, func(t *testing.T, seed uint64) (payments int) {
		synctest.Test(t, func(t *testing.T) { payments = c.one(t, seed) })
		return payments
	})
	c.figures()
}

// one is a case in its bubble.
func (c *campaign) one(t *testing.T, seed uint64) int {
	dir := filepath.Join(c.dir, fmt.Sprint(seed))
	defer func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	}()
	d, err := openDay(t.Context(), seed, dir, c.keys)
	if err != nil {
		c.run.Broken(seed, err)
		return 1
	}
	payments, settled, err := d.run(t.Context())
	c.run.Broken(seed, err)
	c.run.Broken(seed, d.shop.Close())
	c.run.Violated(seed, d.found...)
	c.tell(d, settled)
	return max(payments, 1)
}

// tell adds a day to the campaign's figures.
func (c *campaign) tell(d *day, settled time.Duration) {
	c.run.Count("shops", 1)
	c.run.Count("shop_hours", d.clock.Mono().Hours())
	c.run.Count("requests", float64(d.shop.Requests()))
	c.run.Count("reviews", float64(d.doubts.reviewed))
	c.run.Count("doubts_struck_again", float64(d.tally.struckAgain))
	settling := "settle_seconds"
	if d.outage != nil {
		settling = "settle_seconds_selling_apart"
	}
	c.run.Figure(settling, settled.Seconds())
	c.mu.Lock()
	for _, way := range agent.Ways() {
		c.ways[way] += d.strikes["accepted_by_"+string(way)]
	}
	c.mu.Unlock()
	for name, n := range d.strikes {
		if !strings.HasPrefix(name, "payments_") && !strings.HasPrefix(name, "accepted_") {
			name = "fault_" + name
		}
		c.run.Count(name, float64(n))
	}
	if d.forgets {
		return // what the wallet does not know is not believed before a minute and a half
	}
	c.run.Figure("doubt_max_after_return_seconds", d.tally.longest.Seconds())
	if d.tally.longest > resolvedAfterReturn {
		c.run.Violated(d.seed, lab.Violation{Check: checkDoubt, What: fmt.Sprintf("a payment was in doubt for %s after everything was back; %s are allowed",
			d.tally.longest, resolvedAfterReturn)})
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reviews += d.doubts.reviewed
	for s, n := range d.tally.seconds {
		c.seconds[s] += n
	}
}

// The bars of the whole campaign. Not measured against them are doubts that another
// fault befell while they lasted, which are counted, and days of a wallet that forgets.
const (
	checkDoubt  = "doubt-ends-in-time"
	checkReview = "review-is-rare"
	checkApart  = "every-way-is-tried"

	resolvedMostly      = 60 * time.Second  // with a network, 99 of 100
	resolvedAfterReturn = 120 * time.Second // every one, once line, cloud, clock and power are back
	reviewsOneIn        = 100_000           // payments
	enoughToTryAll      = 10_000            // the same
)

// bar fails the campaign over what a share says. A few cases say nothing about shares.
func (c *campaign) bar(check string, over bool, format string, args ...any) {
	if over && os.Getenv(lab.SizeEnv) != "" && !c.run.Only() {
		c.run.Violated(c.run.First(), lab.Violation{Check: check, What: fmt.Sprintf(format, args...)})
	}
}

// figures tells what all days together say about doubt.
func (c *campaign) figures() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bar(checkReview, c.reviews*reviewsOneIn > c.run.Done(), "%d of %d payments ended with the office; one in %d may", c.reviews, c.run.Done(), reviewsOneIn)
	for _, way := range agent.Ways() {
		c.bar(checkApart, c.run.Done() >= enoughToTryAll && c.ways[way] == 0, "not one of %d payments was accepted by %s", c.run.Done(), way)
	}
	sum := 0
	for _, n := range c.seconds {
		sum += n
	}
	if sum == 0 {
		return
	}
	c.run.Count("doubts_with_a_network", float64(sum))
	seen := 0
	for s, n := range c.seconds {
		if seen += n; seen*100 >= sum*99 {
			c.run.Figure("doubt_p99_seconds", float64(s+1))
			c.bar(checkDoubt, time.Duration(s+1)*time.Second > resolvedMostly, "of the payments in doubt one in a hundred took up to %d s or more with a network; %s are allowed", s+1, resolvedMostly)
			return
		}
	}
}

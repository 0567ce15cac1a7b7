package lab_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	"tillwire/cmd/tillcloud/lab"
)

// counted is a shop over every wallet that counts what its store commits.
type counted struct {
	*lab.Shop
	commits atomic.Int64
	paid    chan agent.PaymentID
	sales   int
}

func openCounted(ctx context.Context, dir string, network *lab.Network) (*counted, error) {
	pair, err := keys()
	if err != nil {
		return nil, err
	}
	c := &counted{paid: make(chan agent.PaymentID, 1)}
	var names []string
	for _, w := range lab.Wallets() {
		names = append(names, w.Name)
	}
	c.Shop, err = lab.Open(ctx, lab.Options{Dir: dir, Clock: lab.NewClock(), Keys: pair, Network: network, Wallets: names,
		Wrote: func(int, time.Duration) { c.commits.Add(1) },
		Told: func(p agent.Payment) {
			if p.Status.State == agent.Paid {
				c.paid <- p.ID
			}
		}})
	return c, err
}

// scan makes one sale by the customer's code, and returns how many commits there
// were from the scan to the verdict, and how long it took.
func (c *counted) scan(ctx context.Context, w lab.Wallet, customer string) (commits int64, took time.Duration, err error) {
	code, err := c.Code(ctx, customer)
	if err != nil {
		return 0, 0, err
	}
	c.sales++
	p, _, err := c.Till().Open(ctx, agent.Request{Client: "till", RequestID: fmt.Sprint(c.sales), Lane: "1", Mode: agent.ModeScan,
		Reference: fmt.Sprint(c.sales), Amount: agent.Money{Value: 1280, Currency: w.Currency}})
	if err != nil {
		return 0, 0, err
	}
	before, began := c.commits.Load(), time.Now()
	if r := c.Till().Scan(ctx, "1", code); !r.Accepted {
		return 0, 0, fmt.Errorf("the scan was not accepted: %s", r.Say.English)
	}
	select {
	case id := <-c.paid:
		if id != p.ID {
			return 0, 0, fmt.Errorf("%s was paid, not %s", id, p.ID)
		}
		return c.commits.Load() - before, time.Since(began), nil
	case <-time.After(time.Minute):
		return 0, 0, fmt.Errorf("no verdict for sale %d", c.sales)
	}
}

// A wallet must not cost the customer a sync more than another: one commit before
// the request leaves, and one before the verdict is shown.
func TestAScanCostsTwoCommitsWhateverTheWallet(t *testing.T) {
	dir := lab.Scratch(t)
	synctest.Test(t, func(t *testing.T) {
		c, err := openCounted(t.Context(), dir, lab.NewNetwork())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for _, w := range lab.Wallets() {
			customer, err := c.CustomerOf(t.Context(), w.Name, sandbox.Approve, 1_000_000)
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				commits, _, err := c.scan(t.Context(), w, customer)
				if err != nil || commits != 2 {
					t.Fatalf("%s: %d commits, want 2; %v", w.Name, commits, err)
				}
			}
		}
	})
}

// BenchmarkShopWallets prints what a sale by each wallet costs, over real sockets and
// with real signatures on both sides, which are most of it.
func BenchmarkShopWallets(b *testing.B) {
	const sales = 200
	c, err := openCounted(b.Context(), b.TempDir(), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	for b.Loop() {
		for _, w := range lab.Wallets() {
			customer, err := c.CustomerOf(b.Context(), w.Name, sandbox.Approve, 1_000_000_000)
			if err != nil {
				b.Fatal(err)
			}
			var counts []int64
			var times []time.Duration
			for range sales {
				n, took, err := c.scan(b.Context(), w, customer)
				if err != nil {
					b.Fatal(err)
				}
				counts, times = append(counts, n), append(times, took)
			}
			slices.Sort(times)
			fmt.Printf("%s: %d to %d commits from the scan to the verdict, median %.2f ms with both sides' signatures (%d sales)\n", w.Name,
				slices.Min(counts), slices.Max(counts), float64(times[sales/2].Microseconds())/1000, sales)
		}
	}
}

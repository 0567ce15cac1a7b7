package network_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	"tillwire/cmd/tillcloud/lab"
	"tillwire/cmd/tillcloud/lab/network"
)

var keys = sync.OnceValues(lab.NewKeys)

// counter is a shop behind a proxy, with the seeds of the cases it serves.
type counter struct {
	shop  *lab.Shop
	proxy *network.Proxy
	clock *lab.Clock
	tick  time.Duration // between two looks at a payment
	limit time.Duration // for one wait, counted in looks

	looks  atomic.Int64
	looked atomic.Int64 // nanoseconds that they took, with the ticks between them

	mu    sync.Mutex
	last  int
	seeds map[string]uint64 // of order numbers
}

// names are the wallets of every shop here: all there are.
func names() (list []string) {
	for _, w := range lab.Wallets() {
		list = append(list, w.Name)
	}
	return list
}

// number makes request ids and references.
func (c *counter) number() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	return strconv.Itoa(c.last)
}

// sale is one payment of a case.
type sale struct {
	*counter
	lane     string
	wallet   lab.Wallet
	customer string
	amount   int64
	id       agent.PaymentID
	orderNo  string
}

// errLate says that a payment did not come to where the case wanted it.
var errLate = errors.New("the payment did not come so far")

// open begins a payment; nothing is sent yet.
func (c *counter) open(ctx context.Context, seed uint64, lane string, w lab.Wallet, b sandbox.Behaviour, amount int64) (*sale, error) {
	customer, err := c.shop.CustomerOf(ctx, w.Name, b, 1_000_000)
	if err != nil {
		return nil, err
	}
	n := c.number()
	p, _, err := c.shop.Till().Open(ctx, agent.Request{Client: "till", RequestID: n, Lane: lane, Mode: agent.ModeAny, Reference: n,
		Amount: agent.Money{Value: amount, Currency: w.Currency}})
	if err != nil {
		return nil, fmt.Errorf("open on lane %s: %w", lane, err)
	}
	c.mu.Lock()
	c.seeds[p.OrderNo] = seed
	c.mu.Unlock()
	return &sale{c, lane, w, customer, amount, p.ID, p.OrderNo}, nil
}

// scan presents the customer's code to the lane's scanner.
func (s *sale) scan(ctx context.Context) error {
	code, err := s.shop.Code(ctx, s.customer)
	if err != nil {
		return err
	}
	if r := s.shop.Till().Scan(ctx, s.lane, code); !r.Accepted {
		return fmt.Errorf("the scan was not accepted: %s", r.Say.English)
	}
	return nil
}

// show asks for a code to show.
func (s *sale) show(ctx context.Context) error {
	_, err := s.shop.Till().Show(ctx, s.id, s.wallet.Name)
	return err
}

// cancel is the cashier's; a payment that has ended in the meantime is none of an error.
func (s *sale) cancel(ctx context.Context) error {
	_, _, err := s.shop.Till().Cancel(ctx, s.id, "cashier")
	var known *agent.Error
	if errors.As(err, &known) && known.Class == agent.Conflict {
		return nil
	}
	return err
}

// refund pays money back; what cannot be paid back is not.
func (s *sale) refund(ctx context.Context, amount int64) error {
	_, _, _, err := s.shop.Till().Refund(ctx, agent.RefundRequest{Payment: s.id, RequestID: s.number(), Amount: agent.Money{Value: amount, Currency: s.wallet.Currency},
		Why: "returned", By: "manager"})
	return err
}

// until waits for the payment to become what ok asks for. The wait is counted in
// looks, not by the clock: where the machine is slow, looking is as well.
func (s *sale) until(ctx context.Context, ok func(agent.Payment) bool) (agent.Payment, error) {
	for looks := time.Duration(0); ; looks++ {
		begin := s.clock.Mono()
		p, err := s.shop.Store().Payment(ctx, s.id)
		if err != nil || ok(p) {
			return p, err
		}
		if looks*s.tick > s.limit {
			return p, fmt.Errorf("%w: %s is %s", errLate, p.OrderNo, p.Status.State)
		}
		s.rest(s.tick)
		s.looks.Add(1)
		s.looked.Add(int64(s.clock.Mono() - begin))
	}
}

// slowness is how many times longer a look took than on a machine with nothing else
// to do; at least 1.
func (c *counter) slowness() float64 {
	return max(float64(c.looked.Load())/float64(max(c.looks.Load(), 1)*int64(c.tick)), 1)
}

// fires waits until an armed fault has done its work, or until the payment has ended
// without.
func (s *sale) fires(ctx context.Context, a *network.Armed) error {
	_, err := s.until(ctx, func(p agent.Payment) bool { return a.HasActed() || ended(p) })
	return err
}

func (c *counter) rest(d time.Duration) {
	<-c.clock.After(d)
}

// ended holds when nothing is left to be done but to look again.
func ended(p agent.Payment) bool {
	for _, r := range p.Status.Refunds {
		if !r.State.Final() {
			return false
		}
	}
	return p.Status.Final()
}

// in holds for a payment in one of the states, or past all of them.
func in(states ...agent.State) func(agent.Payment) bool {
	return func(p agent.Payment) bool {
		for _, s := range states {
			if p.Status.State == s {
				return true
			}
		}
		return ended(p)
	}
}

var orderNumber = regexp.MustCompile(`LAB001[0-9A-HJKMNP-TV-Z]{26}`)

// judge settles the shop, compares the books and tells each violation with the seed
// of the payment that it names.
func (c *counter) judge(ctx context.Context, r *lab.Run, within time.Duration, fallback uint64) error {
	if err := c.shop.Settle(ctx, within, c.rest); err != nil {
		return err
	}
	found, err := c.shop.Judge(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range found {
		seed, ok := c.seeds[orderNumber.FindString(v.What)]
		if !ok {
			seed = fallback
		}
		r.Violated(seed, v)
	}
	return err
}

//go:build faultfs

package disk_test

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/mattn/go-sqlite3"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	"tillwire/cmd/tillcloud/lab"
)

// CheckSpent is the check that a code which was accepted before a cut is not accepted
// after it.
const CheckSpent = "spent-stays-spent"

// outagePolicy lets a few sales wait, so that the caps are reached.
func outagePolicy() *agent.OfflinePolicy {
	return &agent.OfflinePolicy{On: true, Ways: agent.Ways(), Least: agent.RoleCashier, Window: 24 * time.Hour, TrustAge: 72 * time.Hour, Count: 6, LaneCount: 5,
		DeviceDay: 4, Caps: map[agent.Currency]agent.OfflineCap{"CNY": {Ceiling: price, Exact: 2 * price, Stored: 6 * price, Lane: 5 * price}}}
}

// line is a shop's way to its cloud, which can be cut.
type line struct {
	network *lab.Network
	cut     atomic.Bool
}

func (l *line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if l.cut.Load() {
		return nil, fmt.Errorf("dial %s: %w", address, syscall.ENETUNREACH)
	}
	return l.network.Dial(ctx, network, address)
}

// fall cuts the line, and returns when the register says so.
func (l *line) fall() error {
	l.cut.Store(true)
	err := l.network.Sever()
	wait(noticed)
	return err
}

// noticed is how long the register takes to say that the line is down, ride-through
// included.
const noticed = 75 * time.Second

// apartWay is how a customer pays a shop without a line: what the register goes offline
// with, and what the phone then shows for what is on the lane's display.
type apartWay struct {
	wallet string
	code   func(c *counter, ctx context.Context, qr string) (string, error) // nil: a manager looks at the phone
}

func apartWays() []apartWay {
	return []apartWay{
		{lab.Corner, (*counter).receipt}, {lab.Corner, (*counter).exact}, {lab.Corner, (*counter).ceiling}, {lab.Corner, (*counter).bearer},
		{lab.Card, (*counter).bearer}, {lab.Card, (*counter).card}, {lab.Card, (*counter).card}, {lab.Corner, (*counter).blocked},
		{lab.Corner, nil}, {lab.Union, nil},
	}
}

// outage sells in every way while the line is down, up to the caps and with the power
// going in between; then all of it is forwarded. One phone is blocked, so that its code
// is a loss, nobody pays what was accepted on sight, and a sale is taken back.
func outage(ctx context.Context, c *counter, s *scene) error {
	if _, err := c.sale(ctx, "1", sandbox.Approve); err != nil {
		return err
	}
	wait(time.Second)
	if err := s.line.fall(); err != nil {
		return err
	}
	list := apartWays()
	c.dice.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	restart := c.dice.IntN(2 * len(list)) // or never
	for n, way := range list {
		if err := c.apart(ctx, s, lab.Pick(c.dice, "1", "2"), way); err != nil {
			return err
		}
		if n == restart {
			if err := c.shop.Restart(ctx); err != nil {
				return err
			}
			wait(noticed)
		}
		wait(c.dice.Between(0, 20*time.Second))
		if c.dice.Chance(6) {
			if err := c.takesBack(ctx); err != nil {
				return err
			}
		}
	}
	s.line.cut.Store(false)
	if c.dice.Chance(3) { // in the middle of forwarding
		wait(c.dice.Between(0, 4*time.Second))
		if err := c.shop.Restart(ctx); err != nil {
			return err
		}
	}
	if err := c.shop.Settle(ctx, 10*time.Minute, wait); err != nil {
		return err
	}
	_, err := c.sale(ctx, "1", sandbox.Approve)
	return err
}

// apart is one sale without a line. What the register refuses is over a cap, and is
// cancelled.
func (c *counter) apart(ctx context.Context, s *scene, lane string, way apartWay) error {
	p, err := c.ask(ctx, lane, agent.ModeAny)
	if err != nil {
		return err
	}
	till := c.shop.Till()
	asked := p.ID
	switch p, err = till.GoOffline(ctx, asked, way.wallet, lab.AtTheLane, agent.RoleCashier); {
	case agent.CodeOf(err) == agent.CodeOffline:
		return c.leave(ctx, asked)
	case err != nil:
		return err
	}
	switch text := ""; {
	case way.code == nil:
		if _, err = till.AcceptOnSight(ctx, p.ID, lab.InCharge, agent.RoleManager); agent.CodeOf(err) == agent.CodeOffline {
			err = nil
		}
	default:
		if text, err = way.code(c, ctx, p.Status.QR); err == nil && till.Scan(ctx, lane, agent.NewPayCode(text)).Accepted {
			s.took[p.ID] = text
		}
	}
	if err != nil {
		return err
	}
	return c.leave(ctx, p.ID)
}

// leave cancels a payment that still holds its lane; that it has ended meanwhile is as
// good.
func (c *counter) leave(ctx context.Context, id agent.PaymentID) error {
	now, err := c.shop.Store().Payment(ctx, id)
	if err != nil || !now.Status.Held() {
		return err
	}
	if err = c.cancel(ctx, now); agent.ClassOf(err) == agent.Conflict {
		return nil
	}
	return err
}

// takesBack lets a manager take back what was accepted last.
func (c *counter) takesBack(ctx context.Context) error {
	e, err := c.shop.Store().List(ctx, agent.Filter{States: []agent.State{agent.OfflineAccepted}, Limit: 1})
	if err != nil || len(e.Payments) == 0 {
		return err
	}
	_, err = c.shop.Till().Void(ctx, e.Payments[0].ID, lab.InCharge)
	return err
}

// read is what a phone shows after it has read a lane's code.
func (c *counter) read(ctx context.Context, customer, qr string) (string, error) {
	if qr == "" {
		return "", nil
	}
	c.acts()
	slip, err := c.shop.Cloud().Scan(ctx, customer, qr)
	return slip.Code, err
}

func (c *counter) receipt(ctx context.Context, qr string) (string, error) {
	who, err := c.shop.CustomerOf(ctx, lab.Corner, sandbox.Approve, 1_000_000)
	if err != nil {
		return "", err
	}
	return c.read(ctx, who, qr)
}

// flier is a phone in flight mode, and the voucher that it carries.
func (c *counter) flier(ctx context.Context) (id, voucher string, err error) {
	id, err = c.shop.CustomerOf(ctx, lab.Corner, sandbox.Approve, 1_000_000)
	if err != nil {
		return "", "", err
	}
	flight := true
	c.acts()
	pocket, err := c.shop.Cloud().Issuer().Carry(ctx, id, sandbox.Carriage{Flight: &flight})
	return id, pocket.Voucher, err
}

func (c *counter) exact(ctx context.Context, qr string) (string, error) {
	id, _, err := c.flier(ctx)
	if err != nil {
		return "", err
	}
	return c.read(ctx, id, qr)
}

func (c *counter) ceiling(ctx context.Context, _ string) (string, error) {
	id, _, err := c.flier(ctx)
	if err != nil {
		return "", err
	}
	slip, err := c.shop.Cloud().Issuer().Voucher(ctx, id, sandbox.VoucherAsk{})
	return slip.Code, err
}

func (c *counter) bearer(ctx context.Context, _ string) (string, error) {
	id, err := c.shop.CustomerOf(ctx, lab.Corner, sandbox.Approve, 1_000_000)
	if err != nil {
		return "", err
	}
	c.acts()
	slip, err := c.shop.Cloud().Issuer().Voucher(ctx, id, sandbox.VoucherAsk{Kind: "bearer", Amount: price})
	return slip.Code, err
}

func (c *counter) card(ctx context.Context, _ string) (string, error) {
	id, err := c.shop.CustomerOf(ctx, lab.Card, sandbox.Approve, 1_000_000)
	if err != nil {
		return "", err
	}
	c.acts()
	code, err := c.shop.Code(ctx, id)
	return code.Reveal(), err
}

func (c *counter) blocked(ctx context.Context, _ string) (string, error) {
	id, voucher, err := c.flier(ctx)
	if err == nil {
		c.acts()
		err = c.shop.Cloud().Issuer().Deny(ctx, voucher, true)
	}
	if err != nil {
		return "", err
	}
	slip, err := c.shop.Cloud().Issuer().Voucher(ctx, id, sandbox.VoucherAsk{})
	return slip.Code, err
}

// replayed shows every code that was accepted before the cut once more, to the agent that
// came up on what the cut has left, before the line is back. spent counts those that the
// disk itself refused.
func replayed(ctx context.Context, shop *lab.Shop, p promise) (spent int, found []lab.Violation, err error) {
	c := &counter{shop: shop, next: 1000}
	wait(noticed)
	open, err := shop.Store().OpenPayments(ctx)
	for _, o := range open {
		if err == nil {
			err = c.leave(ctx, o.ID)
		}
	}
	if err != nil {
		return 0, nil, err
	}
	for id, text := range p.took {
		now, err := shop.Store().Payment(ctx, id)
		if answered := p.held[id]; !gone(answered.state) || err != nil || now.Status.State == agent.Voided {
			continue // nobody had heard of it, or the code was the customer's again
		}
		sale, err := c.ask(ctx, "2", agent.ModeAny)
		if err != nil {
			return spent, found, err
		}
		if _, err := shop.Till().GoOffline(ctx, sale.ID, lab.Card, lab.AtTheLane, agent.RoleCashier); err != nil {
			return spent, found, err
		}
		r := shop.Till().Scan(ctx, "2", agent.NewPayCode(text))
		switch {
		case r.Accepted:
			found = append(found, lab.Violation{Check: CheckSpent, What: fmt.Sprintf("the code of %s was accepted before the cut, and again after it for %s", id, sale.ID)})
		case r.Say.ID == "scan.spent", r.Say.ID == "scan.used":
			spent++
		}
		if err := c.leave(ctx, sale.ID); err != nil {
			return spent, found, err
		}
	}
	return spent, found, nil
}

// gone reports that the customer was told of a sale that it is accepted.
func gone(s agent.State) bool {
	return s == agent.OfflineAccepted || s == agent.Redeeming || s == agent.Paid || s == agent.OfflineRejected
}

// unspent looks for codes that were accepted and that the store would accept again. Those
// of sales that were taken back may be.
func unspent(c *sqlite3.SQLiteConn) (found []lab.Violation, err error) {
	rows, err := c.Query(`SELECT a.pay || ' by ' || a.way FROM accepted a JOIN payment p ON p.id = a.pay
		WHERE a.way <> 'sight' AND p.state <> 'voided' AND NOT EXISTS (SELECT 1 FROM spent s WHERE s.pay = a.pay)`, nil)
	if err != nil {
		return nil, err
	}
	list, err := column(rows)
	for _, which := range list {
		found = append(found, lab.Violation{Check: CheckSpent, What: "the code that was accepted for " + which + " is not among the spent ones"})
	}
	return found, err
}

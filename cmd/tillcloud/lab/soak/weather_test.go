package soak_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"tillwire/agent/sandbox"
	"tillwire/cmd/tillcloud/lab"
	"tillwire/offline"
)

// meddle is what happens to single requests on their way.
func (d *day) meddle(lab.Arrival) lab.Meddling {
	if d.calm.Load() {
		return lab.Meddling{}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var m lab.Meddling
	what := ""
	switch d.luck.IntN(1000) {
	case 0, 1, 2:
		late := make(chan struct{})
		wait := d.clock.After(d.luck.Between(0, 4*time.Second))
		go func() {
			<-wait
			close(late)
		}()
		m.Late, what = late, "requests_late"
	case 3, 4, 5:
		m.Silent, what = true, "requests_swallowed"
	case 6, 7, 8:
		m.Twice, what = true, "requests_doubled"
	case 9, 10, 11:
		m.Status, what = lab.Pick(d.luck, 409, 429, 500, 502, 503), "requests_refused"
	default:
		return m
	}
	d.tried[what]++
	return m
}

// weather breaks one thing after another for so long: every ten seconds something
// that stops the whole shop for a moment. Only rough weather cuts the power, since it
// takes with it whatever the agent may have kept too long.
func (d *day) weather(ctx context.Context, long time.Duration, rough bool) {
	dice := d.skies
	begin := d.clock.Mono()
	for d.clock.Mono()-begin < long && !d.run0.Halted() && d.rest(ctx, dice.Between(200*time.Millisecond, min(2*time.Second, max(long/4, 200*time.Millisecond)))) {
		switch dice.IntN(32) {
		case 0:
			if !rough {
				continue
			}
			d.count("power_cuts")
			d.shop.PowerOff()
			d.rest(ctx, dice.Between(0, time.Second))
			d.run0.Broken(d.seed, errors.Join(d.shop.Bury(), d.shop.PowerOn(context.WithoutCancel(ctx))))
		case 1:
			d.count("clouds_restarted")
			d.run0.Broken(d.seed, d.shop.StopCloud())
			d.rest(ctx, dice.Between(0, 3*time.Second))
			d.run0.Broken(d.seed, d.shop.StartCloud(context.WithoutCancel(ctx)))
		case 2:
			d.count("lines_cut")
			d.faults(sandbox.Fault{Wallet: "*", Kind: sandbox.RefuseConnection, Count: 1})
			d.rest(ctx, dice.Between(100*time.Millisecond, 6*time.Second))
			d.faults()
		case 3:
			d.count("clock_jumps")
			d.clock.Jump(dice.Between(0, 20*time.Minute) - 10*time.Minute)
			d.rest(ctx, dice.Between(100*time.Millisecond, 4*time.Second))
			d.clock.Right()
		case 4:
			d.count("disks_full")
			d.full.Store(true)
			d.rest(ctx, dice.Between(time.Second, 4*time.Second))
			d.full.Store(false)
		case 5:
			d.count("backups")
			d.run0.Broken(d.seed, d.backup(context.WithoutCancel(ctx)))
		default:
			d.count("faults_on_the_wire")
			d.faults(anyFaults(dice)...)
		}
	}
}

func (d *day) faults(list ...sandbox.Fault) { d.run0.Broken(d.seed, d.shop.Cloud().SetFaults(list)) }

// anyFaults are up to four faults of the sandbox's own kinds.
func anyFaults(dice lab.Dice) (list []sandbox.Fault) {
	operations := []sandbox.Operation{sandbox.OpPay, sandbox.OpPay, sandbox.OpPresent, sandbox.OpQuery, sandbox.OpReverse, sandbox.OpClose, sandbox.OpRefund, sandbox.OpRefundQuery}
	kinds := []sandbox.FaultKind{sandbox.DropRequest, sandbox.DropResponse, sandbox.Delay, sandbox.StatusOnly, sandbox.BadSignature, sandbox.WrongAmount,
		sandbox.Duplicate, sandbox.CaptivePortal}
	for range 1 + dice.IntN(4) {
		f := sandbox.Fault{Wallet: "*", Operation: string(lab.Pick(dice, operations...)), Kind: lab.Pick(dice, kinds...), Count: 1 + dice.IntN(4)}
		switch f.Kind {
		case sandbox.DropRequest, sandbox.DropResponse:
			f.AfterBytes = dice.Int64N(1200)
		case sandbox.Delay:
			f.DelayMS = 1 + dice.Int64N(3000)
		case sandbox.StatusOnly:
			f.Status = lab.Pick(dice, 302, 400, 401, 404, 409, 429, 500, 502, 503, 504)
		}
		list = append(list, f)
	}
	return list
}

// backup copies the store while the shop trades, as an office does.
func (d *day) backup(ctx context.Context) error {
	r, err := offline.OpenReader(ctx, d.shop.AgentDir())
	if err != nil {
		return err
	}
	copied := filepath.Join(d.dir, "backup.db")
	return errors.Join(r.Backup(ctx, copied), r.Close(), os.RemoveAll(copied))
}

// peace ends the faults.
func (d *day) peace(ctx context.Context) error {
	d.calm.Store(true)
	d.full.Store(false)
	d.clock.Right()
	if d.shop.Store() == nil {
		if err := errors.Join(d.shop.Bury(), d.shop.PowerOn(ctx)); err != nil {
			return err
		}
	}
	return d.shop.Cloud().SetFaults(nil)
}

// closing lets what is open be finished; who has not paid by now is sent home.
func (d *day) closing(ctx context.Context) error {
	open, err := d.shop.Store().OpenPayments(ctx)
	for _, p := range open {
		if _, _, refused := d.shop.Till().Cancel(ctx, p.ID, "closing time"); refused == nil {
			d.count("cancelled_at_closing_time")
		}
	}
	return err
}

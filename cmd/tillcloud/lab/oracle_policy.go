package lab

import (
	"context"
	"slices"
	"strings"
	"time"

	"tillwire/agent"
)

// The people of a laboratory's shop, as they stand in its journal.
const (
	AtTheLane = "person:1" // a cashier
	InCharge  = "person:2" // a manager
)

// slack is what the wall clock of a shop may stand before the time it has seen and still
// be believed, twice: the journal tells the wall clock's time alone.
const slack = 10 * time.Minute

// answeredFor reads what the issuer has put behind each of its certificates, in minor
// units by their ids.
func (s *Shop) answeredFor(ctx context.Context) (map[string]int64, error) {
	sums := map[string]int64{}
	issuer := s.Cloud().Issuer()
	if issuer == nil {
		return sums, nil
	}
	report, err := issuer.Report(ctx)
	for _, v := range report.Vouchers {
		sums[v.ID] = v.Total
	}
	return sums, err
}

// device is the id of the certificate that a device's code was accepted by, "" for others.
func (a *acceptance) device() string {
	parts := strings.Split(a.fact.Key, "|")
	if a.fact.Way != agent.WayDevice || len(parts) != 3 {
		return ""
	}
	return parts[1]
}

// judgeWindow holds an acceptance against the oldest that was at stake then.
func (s *Shop) judgeWindow(a *acceptance, waiting []*acceptance) {
	for _, old := range waiting {
		if age := a.fact.At.Sub(old.fact.At); age >= s.opt.Outage.Window+slack {
			s.accuse(CheckCaps, "%s was accepted when %s had waited for %s, and may be for %s", a.p.OrderNo, old.p.OrderNo, age, s.opt.Outage.Window)
			return
		}
	}
}

// judgeWho looks at whose act it was. The journal has names and no roles.
func (s *Shop) judgeWho(a *acceptance) {
	manager := s.opt.Outage.Least == agent.RoleManager || a.fact.Way == agent.WaySight
	if by := a.fact.By; by != AtTheLane && by != InCharge || manager && by != InCharge {
		s.accuse(CheckCaps, "%s was accepted by %s, by the hand of %q", a.p.OrderNo, a.fact.Way, by)
	}
}

// judgeDevices counts what each device was accepted for within a day, and adds up what its
// issuer answers for once. What was taken back took nothing, and is counted all the same.
func (s *Shop) judgeDevices(b *Books, list []acceptance) {
	before := map[string][]*acceptance{}
	for i := range list {
		a := &list[i]
		id := a.device()
		if id == "" {
			continue
		}
		before[id] = append(before[id], a)
		today, sum := 0, int64(0)
		for _, old := range before[id] {
			if a.fact.At.Sub(old.fact.At) < 24*time.Hour-slack {
				today++
			}
			if old.p.Status.State != agent.Voided {
				sum += old.p.Amount.Value
			}
		}
		if s.opt.Outage != nil && today > s.opt.Outage.DeviceDay {
			s.accuse(CheckCaps, "with %s a device was accepted %d times within a day, and may be %d times", a.p.OrderNo, today, s.opt.Outage.DeviceDay)
		}
		if total, known := b.answeredFor[id]; sum > total && a.p.Status.State != agent.Voided {
			s.accuse(CheckCaps, "with %s the codes of a device took %d, and its issuer answers for %d (%t)", a.p.OrderNo, sum, total, known)
		}
	}
}

// without drops one from what waits.
func without(waiting []*acceptance, a *acceptance) []*acceptance {
	return slices.DeleteFunc(waiting, func(w *acceptance) bool { return w == a })
}

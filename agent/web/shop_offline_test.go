package web

import (
	"context"
	"slices"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet/voucher"
)

// GoOffline shows a challenge, as the engine does where an issuer is known; "none" is a
// wallet that signs nothing.
func (s *shop) GoOffline(_ context.Context, id agent.PaymentID, wallet, by string, role agent.Role) (agent.Payment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.least == agent.RoleManager && role == agent.RoleCashier || role == "" {
		return agent.Payment{}, voucher.PolicyRefusal(voucher.PolicyRole, string(s.least))
	}
	return s.record(id, agent.Fact{Kind: agent.FactOfflineShown, Wallet: "cornerpay", QR: "PC1:6BF+70790T9WJWG.FKY*4GO0", By: by})
}

func (s *shop) AcceptOnSight(_ context.Context, id agent.PaymentID, by string, role agent.Role) (agent.Payment, error) {
	return s.take(id, agent.WaySight, by)
}

// take accepts a payment offline by a way.
func (s *shop) take(id agent.PaymentID, way agent.Way, by string) (agent.Payment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.find(id)
	if err != nil {
		return agent.Payment{}, err
	}
	return s.record(id, agent.Fact{Kind: agent.FactOfflineAccepted, Way: way, Wallet: "cornerpay", Amount: s.payments[i].Amount.Value, By: by, Key: "7|0a|1"})
}

func (s *shop) Void(_ context.Context, id agent.PaymentID, by string) (agent.Payment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.record(id, agent.Fact{Kind: agent.FactVoided, By: by})
}

func (s *shop) OwnCodes() []string { return []string{"cornerpay"} }

func (s *shop) LaterCodes() []string { return []string{"shopcard"} }

func (s *shop) Exposure(context.Context) (agent.Exposure, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := agent.Exposure{Stored: agent.Stored{Sums: map[agent.Currency]int64{}}, Lanes: map[string]agent.Stored{}}
	for _, p := range s.payments {
		if !p.Status.AtStake() {
			continue
		}
		if e.Since.IsZero() {
			e.Since = p.Status.Accepted
		}
		here := e.Lanes[p.Lane]
		if here.Sums == nil {
			here.Sums = map[agent.Currency]int64{}
		}
		here.Count++
		here.Sums[p.Amount.Currency] += p.Amount.Value
		e.Count, e.Lanes[p.Lane] = e.Count+1, here
		e.Sums[p.Amount.Currency] += p.Amount.Value
	}
	return e, s.broken
}

func (s *shop) Losses(context.Context) (list []Loss, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.payments {
		if p.Status.State != agent.OfflineRejected {
			continue
		}
		i := slices.IndexFunc(list, func(l Loss) bool {
			return l.Reason == p.Status.Reason && l.Sum.Currency == p.Amount.Currency
		})
		if i < 0 {
			i, list = len(list), append(list, Loss{Reason: p.Status.Reason, Sum: agent.Money{Currency: p.Amount.Currency}})
		}
		list[i].Count++
		list[i].Sum.Value += p.Amount.Value
	}
	return list, s.broken
}

func (s *shop) WriteOff(_ context.Context, id agent.PaymentID, by, why string) (agent.Payment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if why == "" {
		return agent.Payment{}, fail(agent.Invalid, agent.CodeUnreadable, "form.write_off", "Why?")
	}
	return s.record(id, agent.Fact{Kind: agent.FactLoss, Reason: agent.ReasonWrittenOff, Text: why, By: by})
}

func (s *shop) ForwardNow(context.Context) (revived int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forwarded++
	revived, s.buried = s.buried, 0
	return revived, s.broken
}

func (s *shop) PutBack(context.Context) (time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.putBack, nil
}

func (s *shop) SeenTime(context.Context) (time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen, nil
}

func (s *shop) ResetSeen(_ context.Context, by string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	s.seen, s.trusted = s.clock.Now(), by
	return nil
}

func (s *shop) TrustSpent(_ context.Context, by string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.putBack, s.trusted = time.Time{}, by
	return nil
}

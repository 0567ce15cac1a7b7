package web

import (
	"context"
	"net/http"
	"slices"
	"time"

	"tillwire/agent"
)

// openItem is a payment or a refund that has not ended, with what happens next.
type openItem struct {
	row
	Refund agent.Money // being given back; zero for a payment
	Age    time.Duration
	Next   string             // in words: what is done, and what a person must do
	Queue  []agent.QueueEntry // what is waiting to be sent or asked for it
}

// mostOpen bounds the page. A shop has as many open payments as lanes, and a few more.
const mostOpen = 500

func (s *Server) ownerQueue(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	list, err := s.openItems(r.Context(), s.language(r))
	if err != nil {
		return err
	}
	s.render(w, r, http.StatusOK, "owner_queue", ownerView("queue", me, list))
	return nil
}

// openItems lists what has not ended: what a person must settle first, then the oldest.
func (s *Server) openItems(ctx context.Context, lang string) (list []openItem, err error) {
	page, err := s.Store.List(ctx, agent.Filter{Open: true, Limit: mostOpen})
	if err != nil {
		return nil, err
	}
	queue, err := s.Store.Queue(ctx)
	if err != nil {
		return nil, err
	}
	found := page.Payments
	// A refund is under way on a payment that has ended.
	for _, q := range queue {
		if slices.ContainsFunc(found, func(p agent.Payment) bool { return p.ID == q.Payment }) {
			continue
		}
		p, err := s.Store.Payment(ctx, q.Payment)
		if err != nil {
			return nil, err
		}
		found = append(found, p)
	}
	now := s.Clock.Now()
	for _, p := range found {
		item := openItem{row: s.row(lang, p), Age: max(now.Sub(p.Created), 0), Next: s.next(lang, p)}
		for _, q := range queue {
			if q.Payment == p.ID {
				item.Queue = append(item.Queue, q)
			}
		}
		for _, refund := range p.Status.Refunds {
			if !refund.State.Final() && p.Status.Final() {
				item.Refund = agent.Money{Value: item.Refund.Value + refund.Amount, Currency: p.Amount.Currency}
			}
		}
		list = append(list, item)
	}
	slices.SortStableFunc(list, func(a, b openItem) int {
		if office := b.Status.State == agent.Review; office != (a.Status.State == agent.Review) {
			if office {
				return 1
			}
			return -1
		}
		return a.Created.Compare(b.Created)
	})
	return list, nil
}

// next says what happens with a payment next; "" when nothing does.
func (s *Server) next(lang string, p agent.Payment) string {
	if !p.Status.Final() {
		return s.Words.Text(lang, "next."+string(p.Status.State))
	}
	if slices.ContainsFunc(p.Status.Refunds, func(r agent.Refund) bool { return !r.State.Final() }) {
		return s.Words.Text(lang, "next.refund")
	}
	return ""
}

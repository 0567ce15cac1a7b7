package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"tillwire/agent"
)

// offlineData is the owner's page about sales without a connection.
type offlineData struct {
	Now     offlineJSON
	Waiting []uncollected
	Losses  []loss
	Lost    []row // the latest of them
	Older   int   // how many more there are
	PutBack time.Time
	Ahead   time.Time // a time that was seen and that the clock has not reached; zero: none
	Down    bool
	Revived int // steps that were given up and that the owner has just begun again
}

// uncollected is a sale that is not collected, with what the queue knows of it.
type uncollected struct {
	row
	Age   time.Duration
	Queue agent.QueueEntry // zero when the queue has nothing for it now
}

// loss is a Loss with its reason in words.
type loss struct {
	Loss
	Why string
}

// The bounds of the page's lists. No more may wait than mostWaiting; what was lost is a list
// without an end, of which the page shows the latest.
const (
	mostWaiting = 500
	mostLost    = 50
)

func (s *Server) ownerOffline(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	ctx, lang := r.Context(), s.language(r)
	d := offlineData{Now: s.offline(ctx), Down: s.Line().State != agent.LineOnline}
	d.Revived, _ = strconv.Atoi(r.URL.Query().Get("revived")) // anything else is none
	var err error
	if d.PutBack, err = s.Store.PutBack(ctx); err != nil {
		return err
	}
	if seen, err := s.Store.SeenTime(ctx); err != nil {
		return err
	} else if seen.Sub(s.Clock.Now()) > aheadBy {
		d.Ahead = seen
	}
	if d.Waiting, err = s.waiting(ctx, lang); err != nil {
		return err
	}
	lost, err := s.Store.List(ctx, agent.Filter{States: []agent.State{agent.OfflineRejected}, Limit: mostLost})
	if err != nil {
		return err
	}
	d.Lost = s.rows(lang, lost.Payments)
	sums, err := s.Store.Losses(ctx)
	if err != nil {
		return err
	}
	d.Losses, d.Older = s.losses(lang, sums), -len(d.Lost)
	for _, l := range sums {
		d.Older += l.Count
	}
	s.render(w, r, http.StatusOK, "owner_offline", ownerView("offline", me, d))
	return nil
}

// aheadBy is how far a time that was seen may lie before the clock until nothing is
// accepted without a line.
const aheadBy = 5 * time.Minute

// waiting lists what is at stake, the oldest first.
func (s *Server) waiting(ctx context.Context, lang string) (list []uncollected, err error) {
	page, err := s.Store.List(ctx, agent.Filter{States: []agent.State{agent.OfflineAccepted, agent.Redeeming, agent.Review}, Limit: mostWaiting})
	if err != nil {
		return nil, err
	}
	queue, err := s.Store.Queue(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range page.Payments {
		if !p.Status.AtStake() {
			continue
		}
		x := uncollected{row: s.row(lang, p), Age: max(s.Clock.Now().Sub(p.Status.Accepted), 0)}
		if i := slices.IndexFunc(queue, func(q agent.QueueEntry) bool { return q.Payment == p.ID && q.RefundNo == "" }); i >= 0 {
			x.Queue = queue[i]
		}
		list = append(list, x)
	}
	slices.SortStableFunc(list, func(a, b uncollected) int { return a.Status.Accepted.Compare(b.Status.Accepted) })
	return list, nil
}

// losses says why what was not collected was lost, the largest sum first.
func (s *Server) losses(lang string, sums []Loss) (list []loss) {
	for _, l := range sums {
		list = append(list, loss{Loss: l, Why: s.Words.Say(lang, l.Reason.Say())})
	}
	slices.SortStableFunc(list, func(a, b loss) int { return cmp.Compare(b.Sum.Value, a.Sum.Value) })
	return list
}

// ownerForward makes everything due that waits to be collected.
func (s *Server) ownerForward(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	revived, err := s.Store.ForwardNow(r.Context())
	if err != nil {
		return err
	}
	act, back := agent.Audit{Actor: "person:" + me.ID, Action: "offline_forward"}, "/owner/offline"
	if revived > 0 {
		act.Detail = fmt.Sprintf("%d had been given up", revived)
		back += "?revived=" + strconv.Itoa(revived)
	}
	s.audits.note(r.Context(), act)
	http.Redirect(w, r, back, http.StatusSeeOther)
	return nil
}

// stuck reports that a sale's collection was begun and did not end it: the owner may give
// it up.
func stuck(p agent.Payment) bool {
	return p.Status.AtStake() && p.Status.State != agent.OfflineAccepted
}

// ownerWriteOff gives up a sale that cannot be collected. Like a refund it is money of the
// shop's, so the password comes in the form that names the payment.
func (s *Server) ownerWriteOff(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	ctx := r.Context()
	p, err := s.Store.Payment(ctx, agent.PaymentID(r.PathValue("id")))
	if err != nil {
		return err
	}
	why := r.PostFormValue("reason")
	refused := func(err error) error {
		return s.storyPage(w, r, me, statusOf(err), p, storyData{Reason: why, Wrong: s.sentence(s.language(r), err)})
	}
	if err := s.again(r, me, string(p.ID)); err != nil {
		return refused(err)
	}
	lost := p.Status.State == agent.OfflineRejected
	if _, err := s.Counter.WriteOff(ctx, p.ID, "person:"+me.ID, why); err != nil {
		return refused(err)
	}
	if !lost {
		s.audits.note(ctx, agent.Audit{Actor: "person:" + me.ID, Action: "offline_write_off", Object: string(p.ID), Detail: p.Amount.String() + " via owner's page: " + why})
	}
	http.Redirect(w, r, "/owner/payments/"+string(p.ID), http.StatusSeeOther)
	return nil
}

// ownerTrust takes the owner's word that the bills were compared after a store was put
// back. The store writes down who said so.
func (s *Server) ownerTrust(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	if err := s.Store.TrustSpent(r.Context(), "person:"+me.ID); err != nil {
		return err
	}
	http.Redirect(w, r, "/owner/offline", http.StatusSeeOther)
	return nil
}

// ownerTime takes the owner's word that the clock is right now, and that the later time
// which was seen was not. The store writes down who said so.
func (s *Server) ownerTime(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	if !s.Confirmed() {
		return fail(agent.Conflict, agent.CodeState, "error.time_unconfirmed", "No wallet has confirmed the clock since the last start. Set it, wait for a connection, then try again.")
	}
	if err := s.Store.ResetSeen(r.Context(), "person:"+me.ID); err != nil {
		return err
	}
	http.Redirect(w, r, "/owner/offline", http.StatusSeeOther)
	return nil
}

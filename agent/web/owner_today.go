package web

import (
	"net/http"
	"time"

	"tillwire/agent"
)

// todayData is the owner's first page: the takings, what is wrong, what is open.
type todayData struct {
	Now      time.Time
	Wallet   string   // the only one that is looked at; "" for all
	Wallets  []string // those to choose from
	Sums     []takings
	Table    []walletDay
	Charts   []chart
	Open     []row
	Problems []agent.Problem
	Devices  []agent.DeviceStatus // those that do not work
	Line     agent.Line
	Queue    queueJSON
}

func (s *Server) ownerToday(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	ctx := r.Context()
	now := s.Clock.Now().In(s.Zone)
	d := todayData{Now: now, Wallet: r.URL.Query().Get("wallet"), Problems: s.Problems(), Line: s.Line()}
	start := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, s.Zone)
	today, yesterday, err := s.twoDays(ctx, start, now)
	if err != nil {
		return err
	}
	d.Table, d.Wallets = byWallet(today, s.Currency), s.dayWallets(today)
	only := func(t HourTotals) bool { return d.Wallet == "" || t.Wallet == d.Wallet }
	d.Sums = s.takings(filtered(today, only), filtered(yesterday, only), d.Wallet == "")
	d.Charts = charts(filtered(today, only), start, s.Currency)
	open, err := s.Store.List(ctx, agent.Filter{Open: true, Wallet: d.Wallet, Limit: 20})
	if err != nil {
		return err
	}
	d.Open = s.rows(s.language(r), open.Payments)
	for _, dev := range s.devices() {
		if dev.State != agent.DeviceReady && dev.State != agent.DeviceDisabled && dev.State != agent.DeviceOpening {
			d.Devices = append(d.Devices, dev)
		}
	}
	queue := s.Store.QueueInfo()
	d.Queue = queueJSON{queue, queue.Oldest.Milliseconds()}
	s.render(w, r, http.StatusOK, "owner_today", ownerView("today", me, d))
	return nil
}

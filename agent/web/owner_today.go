package web

import (
	"net/http"
	"time"

	"tillwire/agent"
)

// todayData is the owner's first page: the takings of a day and, when it is today, what
// is wrong and what is open.
type todayData struct {
	At         time.Time // a moment of the day
	Day        string    // as addresses and date fields write it
	Today      bool
	Latest     string    // the last day that can be asked for
	Prev, Next time.Time // the days beside it; Next is zero for today
	Wallet     string    // the only one that is looked at; "" for all
	Wallets    []string  // those to choose from
	Sums       []takings
	Tables     []tally
	Charts     []chart
	Shifts     []shiftLine

	Open     []row
	Problems []agent.Problem
	Devices  []agent.DeviceStatus // those that do not work
	Line     agent.Line
	Queue    queueJSON
	Backup   *backupData // nil: nothing is known of backups
}

// tally is one of the day's tables with a bar in each row.
type tally struct {
	By   string // "wallet", "cashier" or "lane"
	Day  string
	Rows []part
}

func (s *Server) ownerToday(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	q := r.URL.Query()
	now := s.Clock.Now().In(s.Zone)
	today, _, err := s.day("today")
	if err != nil {
		return err
	}
	start := today
	if asked := q.Get("day"); asked != "" {
		if start, _, err = s.day(asked); err != nil {
			return err
		}
	}
	read, err := s.dayFrom(r.Context(), start, now)
	if err != nil {
		return err
	}
	d := todayData{At: start, Day: start.Format(time.DateOnly), Today: start.Equal(today), Latest: today.Format(time.DateOnly), Prev: start.AddDate(0, 0, -1),
		Wallet: q.Get("wallet"), Wallets: s.dayWallets(read.Took)}
	if start.Before(today) {
		d.Next = read.End
	}
	one := read.only(d.Wallet)
	d.Sums, d.Charts = s.takings(one, d.Wallet == ""), charts(one, s.Currency)
	for _, t := range []tally{{"wallet", d.Day, parts(read, s.Currency, byWallet)}, {"cashier", d.Day, parts(one, s.Currency, byCashier)}, {"lane", d.Day, parts(one, s.Currency, byLane)}} {
		if len(t.Rows) > 0 {
			d.Tables = append(d.Tables, t)
		}
	}
	if d.Shifts, err = s.dayShifts(r.Context(), read); err != nil {
		return err
	}
	if d.Today {
		if err := s.standing(r, &d); err != nil {
			return err
		}
	}
	s.render(w, r, http.StatusOK, "owner_today", ownerView("today", me, d))
	return nil
}

// standing adds how the shop stands now.
func (s *Server) standing(r *http.Request, d *todayData) error {
	open, err := s.Store.List(r.Context(), agent.Filter{Open: true, Wallet: d.Wallet, Limit: 20})
	if err != nil {
		return err
	}
	d.Open, d.Problems, d.Line = s.rows(s.language(r), open.Payments), s.wrong(s.language(r)), s.Line()
	for _, dev := range s.devices() {
		if dev.State != agent.DeviceReady && dev.State != agent.DeviceDisabled && dev.State != agent.DeviceOpening {
			d.Devices = append(d.Devices, dev)
		}
	}
	queue := s.Store.QueueInfo()
	d.Queue = queueJSON{queue, queue.Oldest.Milliseconds()}
	if s.Backups == nil {
		return nil
	}
	kept, err := s.kept()
	if err != nil {
		// The day is worth more than the age of a copy; the page of backups says what is wrong.
		s.Log.Warn("the backups cannot be listed", "comp", "web", "err", err)
		return nil
	}
	d.Backup = &kept
	return nil
}

// wrong is what is wrong now in a language. The devices are listed beside it by themselves,
// each with its own reason.
func (s *Server) wrong(lang string) (list []agent.Problem) {
	for _, p := range s.Problems() {
		if p.ID == agent.ProblemDevice {
			continue
		}
		what, do := p.Says()
		p.What, p.Do = s.Words.Say(lang, what), s.Words.Say(lang, do)
		list = append(list, p)
	}
	return list
}

// laneName is what a register is called; one that the configuration no longer names
// keeps its id.
func (s *Server) laneName(id string) string {
	if lane, err := s.lane(id); err == nil {
		return lane.Name
	}
	return id
}

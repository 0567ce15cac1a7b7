package web

import (
	"context"
	"net/http"
	"sync"
	"time"

	"tillwire/agent"
)

// statusJSON is what GET status answers and what the status event carries.
type statusJSON struct {
	Version  string               `json:"version"`
	Shop     string               `json:"shop"`
	Line     agent.Line           `json:"line"`
	Queue    queueJSON            `json:"queue"`
	Lanes    []laneJSON           `json:"lanes"`
	Devices  []agent.DeviceStatus `json:"devices"`
	Problems []agent.Problem      `json:"problems"`
	Offline  offlineJSON          `json:"offline"`

	Wallets    []walletJSON     `json:"wallets"`    // in the shop's order
	Currencies []agent.Currency `json:"currencies"` // the shop's own, then what some wallet takes
}

// walletJSON is what a wallet can do now, and whether its cloud is reached.
type walletJSON struct {
	agent.Offer
	State agent.LineState `json:"state"`
}

type queueJSON struct {
	agent.QueueInfo
	OldestAge int64 `json:"oldest_age_ms"`
}

type laneJSON struct {
	agent.LaneInfo
	Scanner agent.DeviceState `json:"scanner"`
	Display agent.DeviceState `json:"display"`
	Shows   []string          `json:"shows"` // wallets that show codes, the lane's own first
	Scans   []string          `json:"scans"` // wallets that take customers' codes

	Announces bool `json:"announces"` // its display says payments aloud
}

// statusCache spares the store: however many streams look, the queue is counted
// once in statusLife.
type statusCache struct {
	mu   sync.Mutex
	at   time.Duration
	have bool
	last statusJSON
}

const statusLife = time.Second

func (s *Server) getStatus(w http.ResponseWriter, _ *http.Request, _ caller) error {
	s.respond(w, http.StatusOK, s.currentStatus(true))
	return nil
}

// currentStatus looks at every part; fresh does not accept a cached look.
func (s *Server) currentStatus(fresh bool) statusJSON {
	s.status.mu.Lock()
	defer s.status.mu.Unlock()
	now := s.Clock.Mono()
	if s.status.have && !fresh && now-s.status.at < statusLife {
		return s.status.last
	}
	queue := s.Store.QueueInfo()
	st := statusJSON{
		Version: s.Version, Shop: s.shop(), Line: s.Line(),
		Queue: queueJSON{queue, queue.Oldest.Milliseconds()},
		Lanes: []laneJSON{}, Devices: s.devices(), Problems: append([]agent.Problem{}, s.Problems()...),
	}
	st.Offline = s.offline(context.Background())
	if st.Line.Wallets == nil {
		st.Line.Wallets = map[string]agent.WalletLine{}
	}
	offers := s.Counter.Offers()
	st.Wallets, st.Currencies = wallets(offers, st.Line), currencies(s.Currency, offers)
	for _, l := range s.Counter.Lanes() {
		st.Lanes = append(st.Lanes, laneJSON{
			LaneInfo: l, Scanner: deviceState(st.Devices, l.ID, agent.KindScanner), Display: deviceState(st.Devices, l.ID, agent.KindDisplay),
			Shows: showing(offers, l.Wallet), Scans: scanning(offers), Announces: s.Displays.Lane(l.ID).announces(),
		})
	}
	s.status.at, s.status.have, s.status.last = now, true, st
	return st
}

// deviceState is the state of a lane's device of one kind; a lane without one
// has it disabled.
func deviceState(list []agent.DeviceStatus, lane string, kind agent.DeviceKind) agent.DeviceState {
	for _, d := range list {
		if d.Lane == lane && d.Kind == kind {
			return d.State
		}
	}
	return agent.DeviceDisabled
}

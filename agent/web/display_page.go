package web

import (
	"crypto/rand"
	"net/http"

	"tillwire/agent"
)

// screenJSON is one whole screen for the display's page.
type screenJSON struct {
	Boot       string           `json:"boot"`       // generations of another run start anew
	Stream     string           `json:"stream"`     // names this stream in the page's beats
	Generation int64            `json:"generation"` // an older one is ignored
	TTL        int64            `json:"ttl_ms"`     // how long the code may stay, from now
	Kind       agent.ScreenKind `json:"kind"`
	Amount     string           `json:"amount"`   // as written where the currency is used; "" when there is none
	Currency   agent.Currency   `json:"currency"` // its code, because signs are shared
	Wallet     string           `json:"wallet"`
	Brand      string           `json:"brand"` // the wallet, or those that can be used, as payers know them
	App        string           `json:"app"`   // which app scans the code; "" without a code
	Say        string           `json:"say"`
	SVG        string           `json:"svg"` // the code, drawn here
	Test       bool             `json:"test"`
}

// kiosk finds the display a request is about. Displays are for this machine only:
// the page shows amounts to whoever opens it.
func (s *Server) kiosk(r *http.Request) (*Kiosk, error) {
	if !loopback(r) || provenanceOf(r) == foreign && r.Method != http.MethodGet {
		return nil, errForbidden()
	}
	if k := s.Displays.Lane(r.PathValue("lane")); k != nil {
		return k, nil
	}
	_, err := s.lane(r.PathValue("lane"))
	if err == nil {
		err = fail(agent.NotFound, agent.CodeNotFound, "error.no_display", "This lane has no display in a browser. Set driver = \"kiosk\" for it.")
	}
	return nil, err
}

// displayEvents is the display's stream: whole screens and a heartbeat.
func (s *Server) displayEvents(w http.ResponseWriter, r *http.Request) {
	k, err := s.kiosk(r)
	if err == nil && provenanceOf(r) != own {
		err = errOrigin()
	}
	if err == nil && r.Method == http.MethodHead {
		return
	}
	if err == nil {
		err = k.streams.take()
	}
	if err != nil {
		s.respondError(w, r, err)
		return
	}
	defer k.streams.free()
	st, err := newStream(w, s.Clock)
	if err != nil {
		return
	}
	id := rand.Text()[:12]
	p := k.join(id)
	defer k.leave(id)
	beat := s.Clock.After(heartbeat)
	lang := s.displayLanguage(r)
	for err == nil {
		// A code's end needs no waking here: the page counts down by itself, and
		// whoever connects later gets what is left.
		select {
		case <-r.Context().Done():
			return
		case <-s.done:
			return
		case <-p.news:
			err = st.send(noID, "screen", s.screen(k, id, lang))
		case <-beat:
			err = st.send(noID, "beat", struct{}{})
			beat = s.Clock.After(heartbeat)
		}
	}
}

func (s *Server) screen(k *Kiosk, stream, lang string) screenJSON {
	sc, left, generation := k.now()
	out := screenJSON{Boot: s.Displays.boot, Stream: stream, Generation: generation, TTL: left.Milliseconds(),
		Kind: sc.Kind, Wallet: sc.Wallet, Say: s.Words.Say(lang, sc.Say), Test: sc.Test}
	if sc.Amount.Value > 0 {
		out.Amount, out.Currency = s.Words.Local(sc.Amount), sc.Amount.Currency
	}
	switch {
	case sc.Wallet != "":
		out.Brand = s.payerName(lang, sc.Wallet)
	case sc.Kind == agent.ScreenScan:
		out.Brand = s.marks(lang, sc.Amount.Currency)
	}
	if sc.QR == "" {
		return out
	}
	out.App = s.openApp(lang, sc.Wallet)
	svg, err := drawQR(sc.QR, out.Say)
	if err != nil {
		s.Log.Error("a code could not be drawn", "comp", "web", "lane", k.lane, "err", err)
		out.App = ""
		out.Kind, out.Say = agent.ScreenWait, s.Words.Say(lang, agent.Sentence{ID: "screen.wait", English: "Please wait"})
	}
	out.SVG = svg
	return out
}

// displayBeat takes the page's sign of life. It changes nothing but the device's
// state, so it needs no session.
func (s *Server) displayBeat(w http.ResponseWriter, r *http.Request) {
	k, err := s.kiosk(r)
	var body struct {
		Stream     string `json:"stream"`
		Generation int64  `json:"generation"`
	}
	if err == nil && provenanceOf(r) != own {
		err = errOrigin()
	}
	if err == nil {
		err = decode(r, &body)
	}
	if err == nil && !k.alive(body.Stream, body.Generation) {
		err = fail(agent.NotFound, agent.CodeNotFound, "error.no_stream", "This stream has ended. Open it again.")
	}
	if err != nil {
		s.respondError(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

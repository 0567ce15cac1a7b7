package web

import (
	"crypto/rand"
	"net/http"
	"slices"

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
	Value      int64            `json:"value"`    // of the amount, in minor units
	Currency   agent.Currency   `json:"currency"` // its code, because signs are shared
	Wallet     string           `json:"wallet"`
	SVG        string           `json:"svg"` // the code, drawn here
	Test       bool             `json:"test"`
	sayJSON
	Turns []sayJSON `json:"turns"` // the same in the further languages that take turns
}

// sayJSON is what a screen says in one language.
type sayJSON struct {
	Lang  string   `json:"lang"`
	Say   string   `json:"say"`
	Brand string   `json:"brand"` // the wallet, as payers know it
	Marks []string `json:"marks"` // the wallets that can be used, while none is chosen
	App   string   `json:"app"`   // which app scans the code; "" without a code
}

// kiosk finds the display a request is about. Displays are for this machine only:
// the page shows amounts to whoever opens it.
func (s *Server) kiosk(r *http.Request) (*Kiosk, error) {
	if !atCounter(r) || provenanceOf(r) == foreign && r.Method != http.MethodGet {
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
	var langs []string
	show := func() error {
		langs = s.displayLanguages(r)
		return st.send(noID, "screen", s.screen(k, id, langs...))
	}
	for err == nil {
		// A code's end needs no waking here: the page counts down by itself, and
		// whoever connects later gets what is left.
		select {
		case <-r.Context().Done():
			return
		case <-s.done:
			return
		case <-p.news:
			err = show()
		case <-beat:
			// A kiosk's page is opened once and stays for months: the owner's new choice of a
			// language has to reach it all the same.
			if slices.Equal(langs, s.displayLanguages(r)) {
				err = st.send(noID, "beat", struct{}{})
			} else {
				err = show()
			}
			beat = s.Clock.After(heartbeat)
		}
	}
}

func (s *Server) screen(k *Kiosk, stream string, langs ...string) screenJSON {
	sc, left, generation := k.now()
	out := screenJSON{Boot: s.Displays.boot, Stream: stream, Generation: generation, TTL: left.Milliseconds(),
		Kind: sc.Kind, Wallet: sc.Wallet, Test: sc.Test}
	if sc.Amount.Value > 0 {
		out.Amount, out.Value, out.Currency = s.Words.Local(sc.Amount), sc.Amount.Value, sc.Amount.Currency
	}
	if sc.QR != "" {
		svg, err := drawQR(sc.QR, s.Words.Say(langs[0], sc.Say))
		if err != nil {
			s.Log.Error("a code could not be drawn", "comp", "web", "lane", k.lane, "err", err)
			sc.Say = agent.Sentence{ID: "screen.wait", English: "Please wait"}
			out.Kind = agent.ScreenWait
		}
		out.SVG = svg
	}
	out.sayJSON, out.Turns = s.screenWords(langs[0], sc, out.SVG != ""), []sayJSON{}
	for _, lang := range langs[1:] {
		out.Turns = append(out.Turns, s.screenWords(lang, sc, out.SVG != ""))
	}
	return out
}

// screenWords is what a screen says in a language; withCode, also which app reads it.
func (s *Server) screenWords(lang string, sc agent.Screen, withCode bool) sayJSON {
	out := sayJSON{Lang: lang, Say: s.Words.Say(lang, sc.Say), Marks: []string{}}
	if sc.Kind == agent.ScreenIdle {
		out.Say = s.Words.Text(lang, "display.welcome")
	}
	switch {
	case sc.Wallet != "":
		out.Brand = s.payerName(lang, sc.Wallet)
	case sc.Kind == agent.ScreenScan:
		out.Marks = s.marks(lang, sc.Amount.Currency)
	}
	if withCode {
		out.App = s.openApp(lang, sc.Wallet)
	}
	return out
}

// displayAlive tells whoever runs the display's browser whether its page gives signs of
// life: 204, or 503 when it is silent or was never there.
func (s *Server) displayAlive(w http.ResponseWriter, r *http.Request) {
	k, err := s.kiosk(r)
	if err != nil {
		s.respondError(w, r, err)
		return
	}
	if k.status().State != agent.DeviceReady {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// displayBeat takes the page's sign of life. It changes nothing but the device's
// state, so it needs no session.
func (s *Server) displayBeat(w http.ResponseWriter, r *http.Request) {
	k, err := s.kiosk(r)
	var body struct {
		Stream     string `json:"stream"`
		Generation int64  `json:"generation"`
		Sound      bool   `json:"sound"` // the page says payments aloud
	}
	if err == nil && provenanceOf(r) != own {
		err = errOrigin()
	}
	if err == nil {
		err = decode(r, &body)
	}
	if err == nil && !k.alive(body.Stream, body.Generation, body.Sound) {
		err = fail(agent.NotFound, agent.CodeNotFound, "error.no_stream", "This stream has ended. Open it again.")
	}
	if err != nil {
		s.respondError(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

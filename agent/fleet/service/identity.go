package service

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"tillwire/agent/fleet"
)

// bootsKept is how many runs of an agent are remembered to know one that comes
// back.
const bootsKept = 8

// presence takes the word on whether a terminal is there. One of an older session
// says nothing: brokers deliver a will after a newer birth.
func (n *news) presence(t *Terminal, p fleet.Presence, retained bool) error {
	if len(p.Boot) > longest || len(p.Ver) > longest || len(p.State) > longest || len(p.Why) > longest || p.Sess >= numberMost {
		return &unreadable{errMember}
	}
	if p.Sess < t.Presence.Sess && (p.State == fleet.StateLost || retained || n.late(t, p.Boot, p.Sess)) {
		return nil
	}
	if p.State == fleet.StateLost && p.Sess == t.Presence.Sess && t.Presence.State == fleet.StateOffline {
		return nil // it had said good bye
	}
	if p.State == fleet.StateLost {
		p.Boot, p.Ver, p.Since = t.Presence.Boot, t.Presence.Ver, fleet.At(n.now)
	} else {
		n.identify(t, p.Boot, p.Sess)
	}
	t.Presence = p
	if p.State == fleet.StateOnline {
		n.owes(t.TID).command = true
	}
	return nil
}

// late reports a message of a run and a session that are known: it was delivered
// once more.
func (n *news) late(t *Terminal, boot string, sess uint64) bool {
	i := slices.IndexFunc(t.Boots, func(b Boot) bool { return b.ID == boot })
	return i >= 0 && sess <= t.Boots[i].Sess
}

// identify looks whether it is still the same machine. Each run of an agent has an
// id that nobody else has, each attempt to connect a number that was on the disk
// before. So a run that opens a new session after another run has begun is a
// second machine; and a new run that counts from below is an old disk. A session
// below the highest proves nothing: another service may have been slow.
func (n *news) identify(t *Terminal, boot string, sess uint64) {
	i := slices.IndexFunc(t.Boots, func(b Boot) bool { return b.ID == boot })
	switch {
	case i < 0:
		if high := t.highSess(); len(t.Boots) > 0 && sess <= high {
			n.find(t, FoundRegression, fmt.Sprintf("A new run of the agent began with session %d, but session %d was there before. Its disk was set back or copied.", sess, high))
		}
		t.Boots = slices.Insert(t.Boots, 0, Boot{ID: boot, Sess: sess, First: n.now, Last: n.now})
		t.Boots = t.Boots[:min(len(t.Boots), bootsKept)]
	case i > 0 && sess > t.Boots[i].Sess && sess >= t.highSess():
		n.find(t, FoundClone, fmt.Sprintf("Two machines take turns under this name: the run %s opened session %d after the run %s had begun. Take one of them off the net, and enrol it anew.", boot, sess, t.Boots[0].ID))
		t.Boots[i].Sess, t.Boots[i].Last = sess, n.now
	default:
		t.Boots[i].Sess, t.Boots[i].Last = max(t.Boots[i].Sess, sess), n.now
	}
}

func (t *Terminal) highSess() (high uint64) {
	for _, b := range t.Boots {
		high = max(high, b.Sess)
	}
	return high
}

// hello opens a session: the terminal hears us now. It is answered with what is
// stored, and with whatever it does not have yet.
func (n *news) hello(ctx context.Context, t *Terminal, h fleet.Hello, raw json.RawMessage) error {
	if !plausible(h) {
		return &unreadable{errMember}
	}
	if h.Sess < t.Presence.Sess && n.late(t, h.Boot, h.Sess) {
		return nil
	}
	if h.Sess == t.Session.Sess && h.Boot == t.Session.Boot && t.Session.Nonce != "" && h.Nonce != t.Session.Nonce {
		n.find(t, FoundClone, fmt.Sprintf("Session %d of the run %s was opened twice. Two machines run from one memory image.", h.Sess, h.Boot))
	}
	n.identify(t, h.Boot, h.Sess)
	t.Session = Session{Sess: h.Sess, Nonce: h.Nonce, Boot: h.Boot, At: n.now, Caps: h.Caps, Keys: h.Keys.Version, Config: h.Config, LastSeq: h.Command.LastSeq, Clock: h.Clock}
	for _, stream := range fleet.Streams() { // others are a newer terminal's, or nobody's
		mark, said := h.Streams[stream]
		if !said {
			continue
		}
		t.Session.Epoch = mark.Epoch
		if known, some := t.Streams[stream]; some && known.Epoch == mark.Epoch && mark.Last < known.Upto {
			n.find(t, FoundRegression, fmt.Sprintf("Its stream %s ends at %d, but %d is stored here. Its disk was set back or copied.", stream, mark.Last, known.Upto))
		}
		t.begin(stream, mark)
	}
	d := n.owes(t.TID)
	d.ack, d.command = &fleet.Ack{}, true
	if _, version := n.s.opt.Keys.Set(); h.Keys.Version < version {
		d.keys = true
	}
	// What it refused it would refuse again.
	judged := t.Config.Rev == t.Wanted.Rev && (t.Config.Status == fleet.ConfigRefused || t.Config.Status == fleet.ConfigReverted)
	d.config = t.Wanted.Rev > 0 && !judged && (h.Config.Rev != t.Wanted.Rev || h.Config.Hash != t.Wanted.Hash || n.now.Sub(t.ConfigAt) > retainedRenew)
	return n.tx.SavePaper(ctx, t.TID, PaperHello, raw)
}

// capsMost bounds what a terminal says it can do.
const capsMost = 256

// plausible reports that a hello says nothing impossible.
func plausible(h fleet.Hello) bool {
	for _, stream := range fleet.Streams() {
		if mark, said := h.Streams[stream]; said && (!isKey(mark.Epoch) || mark.First >= numberMost || mark.Last >= numberMost) {
			return false
		}
	}
	return len(h.Boot) <= longest && len(h.Nonce) <= longest && len(h.Caps) <= capsMost && len(h.Config.Hash) <= longest && len(h.Clock.Quality) <= longest &&
		max(h.Sess, h.Config.Rev, h.Command.LastSeq, h.Keys.Version) < numberMost
}

// state takes the terminal's whole state; one of an older session comes late.
func (n *news) state(ctx context.Context, t *Terminal, r fleet.Report, raw json.RawMessage) error {
	if len(r.Shop) > 4*longest || len(r.Ver) > longest || len(r.Platform) > longest || len(r.Line.State) > longest || len(r.Clock.Quality) > longest {
		return &unreadable{errMember}
	}
	if r.Sess < t.Presence.Sess && r.At.Before(t.Summary.At) {
		return nil
	}
	t.Summary = Summary{At: r.At.Time, Rev: r.Rev, Shop: r.Shop, Version: r.Ver, Platform: r.Platform, UpS: r.UpS, Selling: r.Selling, Line: r.Line.State,
		Queue: r.Queue, Devices: len(r.Devices), Problems: len(r.Problems), Clock: r.Clock, DiskFree: r.DiskFree}
	for _, d := range r.Devices {
		if d.State != "ready" {
			t.Summary.DevicesBad++
		}
	}
	for _, o := range r.Outbox {
		t.Summary.Waiting += o.Rows
		t.Summary.WaitingS = max(t.Summary.WaitingS, o.OldestS)
	}
	return n.tx.SavePaper(ctx, t.TID, PaperState, raw)
}

// config takes the word on what became of a configuration.
func (n *news) config(ctx context.Context, t *Terminal, r fleet.ConfigReport, raw json.RawMessage) error {
	if len(r.Status) > longest || len(r.Code) > longest || len(r.Hash) > longest || r.Rev >= numberMost {
		return &unreadable{errMember}
	}
	if err := n.tried(ctx, t, r); err != nil {
		return err
	}
	if r.Rev < t.Config.Rev && r.Rev < t.Wanted.Rev {
		return nil // late
	}
	r.Text = clip(r.Text)
	news := r.Status != t.Config.Status || r.Rev != t.Config.Rev
	t.Config = r
	t.Config.Effects = nil
	switch {
	case news && r.Status == fleet.ConfigRefused:
		n.find(t, FoundRefused, fmt.Sprintf("Revision %d of its configuration was refused with %s: %s", r.Rev, r.Code, r.Text))
	case news && r.Status == fleet.ConfigReverted:
		n.find(t, FoundReverted, fmt.Sprintf("Revision %d of its configuration cut its line to the wallets and was taken back.", r.Rev))
	}
	return n.tx.SavePaper(ctx, t.TID, PaperConfig, raw)
}

// textMost bounds a terminal's sentences where they stand in a row, in letters.
const textMost = 500

func clip(text string) string {
	if runes := []rune(text); len(runes) > textMost {
		return string(runes[:textMost-1]) + "…"
	}
	return text
}

// findingsKept bounds what is remembered of one terminal.
const findingsKept = 20

// find notes something that a person should look at; of a kind only the last one
// is kept, with how often it was found.
func (n *news) find(t *Terminal, kind Kind, what string) { t.find(kind, what, n.now) }

func (t *Terminal) find(kind Kind, what string, now time.Time) {
	f := Finding{Kind: kind, What: what, Since: now, Last: now, Count: 1}
	if i := slices.IndexFunc(t.Found, func(f Finding) bool { return f.Kind == kind }); i >= 0 {
		f.Since, f.Count = t.Found[i].Since, t.Found[i].Count+1
		t.Found = slices.Delete(t.Found, i, i+1)
	}
	t.Found = append(t.Found, f)
	t.Found = t.Found[max(0, len(t.Found)-findingsKept):]
}

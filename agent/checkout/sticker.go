package checkout

import (
	"strings"

	"tillwire/agent"
)

// sticker answers a shop's code that was brought to the scanner. One that is none of
// this shop's own may be a thief's, stuck over a code that customers pay to: whoever
// checks the counter's codes with its scanner is told.
func (e *Engine) sticker(p *agent.Payment, code agent.Code) agent.ScanResult {
	r := agent.ScanResult{Payment: p, Say: e.opt.Wallets.Explain(code), Tone: agent.ToneDoubt}
	if code.Scheme == "url" || e.ours(code.Text.Reveal()) {
		return r
	}
	r.Tone = agent.ToneBad
	r.Say = agent.Sentence{ID: "scan.sticker", Args: r.Say.Args,
		English: r.Say.English + ". It is none of this shop's own: if it sticks at this counter, take it down, because what is paid to it goes to somebody else"}
	return r
}

// ours holds for the shop's printed codes and for those on its displays.
func (e *Engine) ours(text string) bool {
	text = strings.TrimSpace(text)
	if o := e.opt.Offline; o != nil {
		for _, printed := range o.ShopCodes {
			if strings.TrimSpace(printed) == text {
				return true
			}
		}
	}
	for _, l := range e.lanes {
		l.mu.Lock()
		shown := l.shown != nil && l.shown.Status.QR == text
		l.mu.Unlock()
		if shown {
			return true
		}
	}
	return false
}

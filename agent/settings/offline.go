package settings

import (
	"strings"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet/voucher"
)

// offline returns the rows of what may be accepted without the wallet's word. All of
// it is off until the owner switches it on and names a currency; the fleet may only
// tighten it. The counts and times are those of the most careful card terminals
// (Moneris, Square, SumUp).
func offline() []Entry {
	const day = 24 * time.Hour
	both := []Who{Owner, Fleet}
	rows := []Entry{
		{Key: OfflineOn, Title: "Accept without a connection", Type: Bool, Default: "false",
			Help: "Whether a sale may be accepted while the line is down, for the wallet to collect later. What is then not collected is the shop's loss. It cannot be switched on while the line is down."},
		{Key: OfflineLeast, Title: "Who may accept", Type: Choice, Default: string(agent.RoleCashier), Choices: []string{string(agent.RoleCashier), string(agent.RoleManager)},
			Help: "Who may accept without a connection. On sight it is always a manager."},
		{Key: OfflineCaps, Title: "Most without a connection", Type: Caps, Default: "", Max: 400,
			Help: "For each currency: one payment by a code that was not made for the sale, one that was, all of the terminal and all of one lane that wait to be collected. \"CNY 200 500 5000 2500; JPY 4000 10000 100000 50000\". A currency that is not named is not taken."},
		{Key: OfflineCount, Title: "Most sales of the terminal", Type: Int, Default: "50", Min: 1, Max: 500,
			Help: "How many sales may wait to be collected."},
		{Key: OfflineLaneCount, Title: "Most sales of one lane", Type: Int, Default: "50", Min: 1, Max: 500,
			Help: "How many sales of one lane may wait to be collected."},
		{Key: OfflineDeviceDay, Title: "Most sales to one phone", Type: Int, Default: "3", Min: 1, Max: 20,
			Help: "How often one phone may pay with its own vouchers within a day."},
		{Key: OfflineWindow, Title: "For how long", Type: Duration, Default: FormatDuration(day), Min: int64(10 * time.Minute), Max: int64(3 * day),
			Help: "Nothing more is accepted when the oldest sale that waits is this old."},
		{Key: OfflineTrustAge, Title: "Age of the list of issuers", Type: Duration, Default: FormatDuration(3 * day), Min: int64(time.Hour), Max: int64(3 * day),
			Help: "Vouchers and receipts are accepted only with a list of issuers and of blocked vouchers that is no older."},
	}
	for _, w := range []struct {
		way         agent.Way
		on          string
		title, help string
	}{
		{agent.WayReceipt, "true", "Accept signed receipts", "The customer pays over the phone's own connection and shows the wallet's signed receipt: the money is there."},
		{agent.WayDevice, "true", "Accept vouchers of phones", "The phone signs for money that its issuer has set aside beforehand."},
		{agent.WayBearer, "false", "Accept bearer vouchers", "A voucher that anyone can copy: the first shop that forwards it is paid."},
		{agent.WayDeferred, "true", "Charge member cards later", "Codes of schemes that answer for charging them later, such as the shop's own member cards. Never WeChat Pay or Alipay."},
		{agent.WaySight, "false", "Accept on sight", "A manager looks at the customer's screen. A screen proves nothing: the shop bears the loss."},
	} {
		rows = append(rows, Entry{Key: OfflineWay + string(w.way), Title: w.title, Help: w.help, Type: Bool, Default: w.on})
	}
	for i := range rows {
		rows[i].Who, rows[i].Effect = both, agent.EffectLive
	}
	return rows
}

// readCaps reads amounts per currency in major units, because that is how an owner
// thinks of them; a digit more than the currency has is refused, not rounded.
func (e Entry) readCaps(text string) (value, error) {
	const form = "a currency and four amounts for each, like \"CNY 200 500 5000 2500; JPY 4000 10000 100000 50000\""
	v := value{caps: map[agent.Currency]agent.OfflineCap{}}
	if text == "" {
		return v, nil
	}
	if int64(len(text)) > e.Max {
		return value{}, e.refuse(text, form)
	}
	var lines []string
	for part := range strings.SplitSeq(text, ";") {
		words := strings.Fields(part)
		if len(words) != 5 {
			return value{}, e.refuse(text, form)
		}
		currency := agent.Currency(strings.ToUpper(words[0]))
		if _, twice := v.caps[currency]; twice || !currency.Known() {
			return value{}, e.refuse(text, form+"; each currency once")
		}
		var minor [4]int64
		line := string(currency)
		for i, word := range words[1:] {
			n, ok := currency.Minor(word)
			if !ok {
				return value{}, e.refuse(text, form)
			}
			minor[i] = n
			line += " " + agent.Money{Value: n, Currency: currency}.Decimal()
		}
		v.caps[currency] = agent.OfflineCap{Ceiling: minor[0], Exact: minor[1], Stored: minor[2], Lane: minor[3]}
		lines = append(lines, line)
	}
	v.text = strings.Join(lines, "; ")
	return v, nil
}

// Offline is what the owner lets be accepted without the wallet's word.
func (v Values) Offline() agent.OfflinePolicy {
	p := agent.OfflinePolicy{
		On: v.Bool(OfflineOn), Least: agent.Role(v.Text(OfflineLeast)), Window: v.Duration(OfflineWindow), TrustAge: v.Duration(OfflineTrustAge),
		Count: int(v.Int(OfflineCount)), LaneCount: int(v.Int(OfflineLaneCount)), DeviceDay: int(v.Int(OfflineDeviceDay)), Caps: v.get(OfflineCaps).caps,
	}
	for _, w := range agent.Ways() {
		if v.Bool(OfflineWay + string(w)) {
			p.Ways = append(p.Ways, w)
		}
	}
	return p
}

// Loosening vetoes every change that lets more through without a connection unless
// there is one and that is certain: a line that is taken for up after a start, or whose
// last probe failed, may be cut. Line is asked at the moment of the change; nil is a
// line that nobody watches.
type Loosening struct {
	Now  func() Values
	Line func() agent.Line
}

// fleetLoosens is the veto of a change that the fleet asks for and that would let
// more through without a connection than the owner does: whoever stole the key of the
// fleet's service must not choose what a shop accepts on trust. What is prepared
// while nothing is accepted counts as well, or the owner would switch it on unseen.
func fleetLoosens(now, next Values) error {
	was, p := now.Offline(), next.Offline()
	looser := p.On && !was.On
	was.On, p.On = true, true
	if !looser && !voucher.Loosens(p, was) {
		return nil
	}
	// Only the fleet's office reads it, which reads English.
	return &agent.Error{Op: "settings", Class: agent.Forbidden, Code: agent.CodeOffline,
		Say: agent.Sentence{English: "The fleet may let less through without a connection, never more: the owner decides that on the page of settings."}}
}

// OfflineKeys lists the settings that a policy is made of.
func OfflineKeys() []string { return Keys(offline()) }

// Verify implements Subscriber.
func (l Loosening) Verify(next Values) error {
	if !voucher.Loosens(next.Offline(), l.Now().Offline()) {
		return nil
	}
	refuse := func(say agent.Sentence) error {
		return &agent.Error{Op: "settings", Class: agent.Conflict, Code: agent.CodeOffline, Say: say}
	}
	if l.Line == nil {
		return refuse(agent.Sentence{ID: "error.offline_looser_stopped", English: "More may be accepted without a connection only while there is one, and nobody looks while the agent is stopped. Start it, then change this."})
	}
	if line := l.Line(); line.State != agent.LineOnline || !line.Proven {
		return refuse(agent.Sentence{ID: "error.offline_looser", English: "There is no connection now, so only less may be accepted without one, never more. Change it when the line is back."})
	}
	return nil
}

// Commit implements Subscriber.
func (Loosening) Commit(Values) agent.Effect { return agent.EffectLive }

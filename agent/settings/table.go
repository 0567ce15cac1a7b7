package settings

import (
	"strconv"
	"time"

	"tillwire/agent"
)

// The keys that programs read by name. Timers have keys of their own, the
// protocol before the dot: "wechat.first_query".
const (
	ShopName      = "shop.name"
	ShopLanguage  = "shop.language"
	ShopAnnounce  = "shop.announce"
	DisplayTongue = "display.languages"
	RideThrough   = "checkout.ride_through"
	ScannerDedupe = "scanner.dedupe"
	RetentionDays = "retention.days"
	LogLevel      = "log.level"
	LANAccess     = "lan.access"
	ReconcileAt   = "reconcile.at"

	OfflineOn        = "offline.accept"
	OfflineLeast     = "offline.least"
	OfflineCaps      = "offline.caps"
	OfflineCount     = "offline.count"
	OfflineLaneCount = "offline.lane_count"
	OfflineDeviceDay = "offline.device_day"
	OfflineWindow    = "offline.window"
	OfflineTrustAge  = "offline.trust_age"
	OfflineWay       = "offline.way." // and the way: "offline.way.receipt"
	FleetSpread      = "fleet.spread"
)

// FleetSpreadMost is the longest window after a lost connection: with four
// milliseconds for each terminal it serves a fleet of 150,000.
const FleetSpreadMost = 10 * time.Minute

// Start is what the configuration file says about settings that the owner may
// change later: it is their default.
type Start struct {
	Shop      string
	Language  string
	Languages []string // those that can be chosen; Language is among them
	Protocols []string // of the configured wallets: "wechat", "alipay", "gateway"
	Codes     []CodeRow

	FleetSpread string // "" where the terminal belongs to no fleet: there is no such setting then
}

// CodeRow is one kind of scanned text and the pattern it is recognised by.
type CodeRow struct {
	Name    string // of its setting, behind "codes."
	Title   string // the name people know the scheme by
	Pattern string // the default; "" where none is public
}

// CodesPrefix begins the key of every pattern, and CodesOwn is for the schemes that
// the table does not have.
const (
	CodesPrefix = "codes."
	CodesOwn    = CodesPrefix + "own"
)

// ReconcileOff is the value of ReconcileAt that compares nothing by itself; the others
// are a time of day, "15:04".
const ReconcileOff = "off"

var reconcileTimes = []string{ReconcileOff, "06:00", "10:30", "14:00", "20:00"}

// Table returns every setting of a terminal, in the order pages show them.
func Table(s Start) []Entry {
	both, owner := []Who{Owner, Fleet}, []Who{Owner}
	table := []Entry{
		{Key: ShopName, Title: "Shop name", Type: Text, Default: s.Shop, Min: 1, Max: 64, Who: both, Effect: agent.EffectLive,
			Help: "Printed on receipts and shown on the register."},
		{Key: ShopLanguage, Title: "Language", Type: Choice, Default: s.Language, Choices: s.Languages, Who: both, Effect: agent.EffectLive,
			Help: "Language of the pages and of the customer's display."},
		{Key: DisplayTongue, Title: "Languages of the customer's display", Type: Text, Default: "", Max: 64, Who: both, Effect: agent.EffectLive,
			Help: "Codes of languages that the display shows in turn, such as: zh-CN en. Empty: the shop's language. A customer can choose another one on the display."},
		{Key: ShopAnnounce, Title: "Say payments aloud", Type: Bool, Default: "true", Who: both, Effect: agent.EffectLive,
			Help: "Every payment that comes in is said aloud with its amount, on the customer's display or on the register. Who hears no payment notices a code that somebody has stuck over the shop's own."},
		{Key: RideThrough, Title: "Wait for the line", Type: Duration, Default: "45s", Max: int64(time.Minute), Who: both, Effect: agent.EffectLive,
			Help: "How long a scanned code is held in memory for a line that has just gone. Afterwards a code is refused at once: an old code would be declined anyway."},
		{Key: ScannerDedupe, Title: "Ignore the same code again", Type: Duration, Default: "1500ms", Min: int64(300 * time.Millisecond), Max: int64(10 * time.Second), Who: both, Effect: agent.EffectRestart,
			Help: "A scanner that stays on a code repeats it. Each repeat within this time is dropped and starts the time anew."},
		{Key: RetentionDays, Title: "Keep finished payments", Type: Int, Default: "400", Min: 30, Max: 3650, Who: owner, Effect: agent.EffectLive,
			Help: "Days after which a finished payment may be removed. A wallet takes refunds for about a year, and a refund needs the payment. Open payments always stay."},
		{Key: ReconcileAt, Title: "Compare with the wallets' bills", Type: Choice, Default: ReconcileOff, Choices: reconcileTimes, Who: both, Effect: agent.EffectLive,
			Help: "When the bills of the day before are fetched and compared with the journal, in the shop's time. What differs is shown on the first page. Wallets make a bill in the morning after, by ten in their own country."},
		{Key: LANAccess, Title: "Pages in the shop's network", Type: Bool, Default: "false", Who: owner, Effect: agent.EffectLive,
			Help: "Lets tablets and phones of the shop's network open these pages, encrypted, and each only once it is paired on the page of devices. Off: only this machine opens them."},
		{Key: LogLevel, Title: "Log detail", Type: Choice, Default: "info", Choices: []string{"debug", "info", "warn", "error"}, Who: both, Effect: agent.EffectLive,
			Help: "How much the log tells. It never holds a payment code, whatever the level."},
	}
	table = append(table, offline()...)
	if s.FleetSpread != "" {
		table = append(table, Entry{Key: FleetSpread, Title: "Spread of a fleet's return", Type: Duration, Default: s.FleetSpread, Max: int64(FleetSpreadMost), Who: both, Effect: agent.EffectLive,
			Help: "After its broker was gone, the terminal waits a random time up to this before it connects and sends what has waited, so that a whole fleet does not come back in one moment."})
	}
	for _, p := range s.Protocols {
		table = append(table, timers(p)...)
	}
	return append(table, codes(s.Codes)...)
}

// codes returns the rows of what scanned texts are recognised by. Whoever obeys them
// verifies what a single row cannot know. They are the owner's alone: a pattern that
// matches nothing, or another wallet's codes, ends every sale by scan, and with the
// line up nothing would take it back.
func codes(list []CodeRow) (rows []Entry) {
	if len(list) == 0 {
		return nil
	}
	const longest = 400
	owner := []Who{Owner}
	for _, c := range list {
		help := "Regular expression that a scanned text of this kind matches. Empty: it is not recognised."
		if c.Pattern == "" {
			help = "Regular expression that a scanned text of this kind matches, as the acquirer tells it. No wallet publishes one, so it is empty and the code is not recognised."
		}
		rows = append(rows, Entry{Key: CodesPrefix + c.Name, Title: "Codes: " + c.Title, Type: Text, Default: c.Pattern, Max: longest, Who: owner, Effect: agent.EffectLive, Help: help})
	}
	return append(rows, Entry{Key: CodesOwn, Title: "Codes of other wallets", Type: Text, Max: longest, Who: owner, Effect: agent.EffectLive,
		Help: "Pairs of a configured wallet's name and the regular expression of its codes, separated by blanks."})
}

// Keys lists the keys of a table.
func Keys(table []Entry) []string {
	keys := make([]string, len(table))
	for i, e := range table {
		keys[i] = e.Key
	}
	return keys
}

// timer is one wait of agent.Timers: its row and its place in the structure.
type timer struct {
	name, title, help string
	min, max          time.Duration
	field             func(*agent.Timers) *time.Duration
}

// timerTable lists the waits that are one duration. The bounds keep a hand on
// the settings page from breaking what a wallet requires.
func timerTable() []timer {
	const ms, sec, minute = time.Millisecond, time.Second, time.Minute
	return []timer{
		{"connect", "Connect", "Longest time to reach the wallet, encryption included.", 500 * ms, 30 * sec, func(t *agent.Timers) *time.Duration { return &t.Connect }},
		{"pay", "One request", "Longest time of one request, from dialling to the last byte. Afterwards the payment is in doubt and the wallet is asked.", 2 * sec, minute, func(t *agent.Timers) *time.Duration { return &t.Pay }},
		{"first_query", "First question", "How long after sending a payment the wallet is first asked what became of it.", 500 * ms, minute, func(t *agent.Timers) *time.Duration { return &t.FirstQuery }},
		{"give_up", "Stop waiting", "How long to wait for the customer; then the payment is reversed.", 10 * sec, 10 * minute, func(t *agent.Timers) *time.Duration { return &t.GiveUp }},
		{"min_reverse", "Earliest reversal", "A reversal that is sent earlier is refused by the wallet.", 0, minute, func(t *agent.Timers) *time.Duration { return &t.MinReverse }},
		{"reverse_window", "Reversal possible", "How long the wallet takes reversals; later only a refund helps.", time.Hour, 30 * 24 * time.Hour, func(t *agent.Timers) *time.Duration { return &t.ReverseWindow }},
		{"code_age", "Age of a code", "A payment code older than this is not sent, or sent again.", 5 * sec, 2 * minute, func(t *agent.Timers) *time.Duration { return &t.CodeAge }},
		{"qr_life", "Life of a shown QR code", "How long a customer may pay a code on the display.", 30 * sec, 30 * minute, func(t *agent.Timers) *time.Duration { return &t.QRLife }},
		{"qr_poll", "Ask while a QR code is shown", "Time between questions whether the shown code was paid.", 500 * ms, 30 * sec, func(t *agent.Timers) *time.Duration { return &t.QRPoll }},
		{"watch", "Second look after a refusal", "How long after a refusal the wallet is asked once more.", 5 * sec, 10 * minute, func(t *agent.Timers) *time.Duration { return &t.Watch }},
		{"scan", "Wait for a code", "How long an opened payment waits for the customer's code.", 15 * sec, 10 * minute, func(t *agent.Timers) *time.Duration { return &t.Scan }},
		{"retry", "First repeat", "Wait before a failed reversal, close or refund is sent again; doubles each time.", 200 * ms, minute, func(t *agent.Timers) *time.Duration { return &t.Retry }},
		{"retry_max", "Longest repeat", "The wait between repeats grows no longer than this.", sec, time.Hour, func(t *agent.Timers) *time.Duration { return &t.RetryMax }},
	}
}

const cadence = "cadence"

// AtStart reports whether a timer is built into a wallet's connection when the
// agent starts: limits of one request, and the life that a shown order is given
// at the wallet.
func AtStart(timer string) bool { return timer == "connect" || timer == "pay" || timer == "qr_life" }

// timers returns the rows of one protocol, with the protocol's own defaults.
func timers(protocol string) []Entry {
	defaults := agent.DefaultTimers(protocol)
	both := []Who{Owner, Fleet}
	var rows []Entry
	for _, t := range timerTable() {
		effect := agent.EffectLive
		if AtStart(t.name) {
			effect = agent.EffectRestart
		}
		rows = append(rows, Entry{Key: protocol + "." + t.name, Title: t.title, Help: t.help, Type: Duration,
			Default: FormatDuration(*t.field(&defaults)), Min: int64(floor(protocol, t)), Max: int64(t.max), Who: both, Effect: effect})
	}
	var steps string
	for i, d := range defaults.Cadence {
		if i > 0 {
			steps += ", "
		}
		steps += FormatDuration(d)
	}
	return append(rows, Entry{Key: protocol + "." + cadence, Title: "Time between questions", Type: List, Default: steps,
		Help: "Waits between one question about an open payment and the next; the last one repeats. At most " + strconv.Itoa(listMax) + ".",
		Min:  int64(500 * time.Millisecond), Max: int64(time.Minute), Who: both, Effect: agent.EffectLive})
}

// floor is the least value of a timer. WeChat Pay refuses a reversal in the
// first 15 s after the payment (WeChat Pay v3, codepay, reverse).
func floor(protocol string, t timer) time.Duration {
	if protocol == "wechat" && t.name == "min_reverse" {
		return 15 * time.Second
	}
	return t.min
}

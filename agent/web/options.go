package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"tillwire/agent"
	"tillwire/agent/words"
)

// Options are the server's surroundings. Store, Feed, Clock, Words and
// Secrets are required; Counter may be missing only before the first start.
type Options struct {
	Version  string
	Shop     string         // name of the shop until Setting gives one
	Terminal string         // code of the terminal, for reports
	Zone     *time.Location // of the shop; nil: UTC
	Currency agent.Currency // of the register; "" is CNY
	Test     bool           // some wallet's host is not the brand's own: every page says TEST
	Hosts    []string       // Host names answered beside loopback's
	Tokens   map[string]string

	Counter  counter
	Store    store
	Feed     *agent.Feed
	Displays *Displays // nil: no lane has a kiosk display
	Settings settings  // nil: the owner's page has no settings
	Bills    bills     // nil: the owner's page compares nothing
	Backups  backups   // nil: the owner's page knows of no backup
	Gear     gear      // nil: the devices page shows states and no more
	Clock    agent.Clock
	Words    *words.Words
	Log      *slog.Logger

	Line     func() agent.Line
	Devices  func() []agent.DeviceStatus // all but the kiosk displays, which live here
	Problems func() []agent.Problem
	Policy   func() agent.OfflinePolicy // of selling without a line; nil: nothing is accepted then
	// Confirmed reports that a wallet has found the clock right in this run; nil: none has.
	Confirmed func() bool
	Setting   func(key string) string // value of a setting; "" when there is none
	Ready     func(context.Context) []Check
	// Print puts a payment's slip on its lane's printer, and Prints tells which lanes
	// have one; nil: none has.
	Print  func(ctx context.Context, id agent.PaymentID) error
	Prints func(lane string) bool
	// PrintReport puts the report of a shift on a lane's printer; nil: none can.
	PrintReport func(ctx context.Context, lane string, r agent.Report) error

	// Till answers a message of a till that speaks nexo, let in by its token as client;
	// nil: /nexo answers 404.
	Till func(w http.ResponseWriter, r *http.Request, client string)

	// LAN tells how the pages stand open to the shop's network; nil: they never do.
	LAN func() LANDoor

	Metrics http.Handler // nil: /metrics answers 404

	Secrets secrets
	// Seal and Unseal keep an owner's second factor; about must be the same for both. Nil:
	// nobody can have one.
	Seal, Unseal func(about string, text []byte) ([]byte, error)

	Setup *FirstStart // nil: a store without an owner still opens no set-up page
}

// Check is one line of /readyz.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"` // what is wrong and what to do
}

// defaults fills in what may be left out, so that no handler asks for nil.
func (o *Options) defaults() {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Currency == "" {
		o.Currency = "CNY"
	}
	if o.Line == nil {
		o.Line = func() agent.Line { return agent.Line{State: agent.LineOnline, Wallets: map[string]agent.WalletLine{}} }
	}
	if o.Devices == nil {
		o.Devices = func() []agent.DeviceStatus { return nil }
	}
	if o.Problems == nil {
		o.Problems = func() []agent.Problem { return nil }
	}
	if o.Policy == nil {
		o.Policy = func() agent.OfflinePolicy { return agent.OfflinePolicy{} }
	}
	if o.Confirmed == nil {
		o.Confirmed = func() bool { return false }
	}
	if o.Setting == nil {
		o.Setting = func(string) string { return "" }
	}
	if o.Ready == nil {
		o.Ready = func(context.Context) []Check { return nil }
	}
	if o.Prints == nil || o.Print == nil {
		o.Prints = func(string) bool { return false }
	}
	if o.Seal == nil || o.Unseal == nil {
		o.Seal = func(string, []byte) ([]byte, error) { return nil, errors.New("this terminal has no keys to seal with") }
		o.Unseal = o.Seal
	}
	if o.LAN == nil {
		o.LAN = func() LANDoor { return LANDoor{} }
	}
	if o.Displays == nil {
		o.Displays = NewDisplays(o.Clock)
	}
}

// shop is the name of the shop as the owner last set it.
func (o *Options) shop() string {
	if name := o.Setting("shop.name"); name != "" {
		return name
	}
	return o.Shop
}

// devices lists every device, the kiosk displays that live here among them.
func (o *Options) devices() []agent.DeviceStatus {
	list := append([]agent.DeviceStatus{}, o.Devices()...)
	return append(list, o.Displays.Status()...)
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"tillwire/agent"
	"tillwire/agent/fleet"
)

// office is the demo's fleet: the service beside us, the same that a real fleet
// runs, with keys of its own. The demo only looks whether its terminal is there.
type office struct {
	clock   agent.Clock
	log     *slog.Logger
	program string // the tillfleet beside us; empty: there is none
	layout  layout
	page    string // address of the service's page
	began   time.Duration

	mu       sync.Mutex
	presence fleet.Presence
}

// openOffice writes what the service needs, and follows the terminal's presence.
func openOffice(clock agent.Clock, log *slog.Logger, b *broker, l layout, keys officeKeys, pagePort int, password string) (*office, error) {
	o := &office{clock: clock, log: log.With("comp", "office"), layout: l, page: "http://" + local(pagePort), began: clock.Mono()}
	var err error
	if o.program, err = beside("tillfleet"); err != nil {
		o.program = ""
		o.log.Warn("the shop sells without its fleet's service", "err", err)
	}
	set, err := keys.set(clock.Now())
	if err != nil {
		return nil, err
	}
	var text strings.Builder
	fmt.Fprintln(&text, "# Made by `tillcloud demo` at every start: what you change here is lost.")
	fmt.Fprintf(&text, "name = \"office.demo\"\ndata = %s\n\n", quote(l.fleetData()))
	fmt.Fprintf(&text, "[broker]\naddress = %s\nuser = %s\npassword = %s\n\n", quote(b.url("", "")), quote(fleetUser), quote(l.fleetPassword()))
	fmt.Fprintf(&text, "[keys]\nonline = %s\nset = %s\n\n", quote(filepath.Join(l.fleetKeys(), "online.key")), quote(l.fleetSet()))
	fmt.Fprintf(&text, "[http]\nlisten = %s\n", quote(local(pagePort)))
	for path, content := range map[string][]byte{l.fleetSet(): set, l.fleetPassword(): []byte(password + "\n"), l.fleetConfig(): []byte(text.String())} {
		if err := writeFile(path, content, 0o600); err != nil {
			return nil, err
		}
	}
	return o, b.server.Subscribe(demoTID.Topic(fleet.UpPresence), 1, func(_ *mochi.Client, _ packets.Subscription, pk packets.Packet) { o.note(pk.Payload) })
}

// note takes the terminal's word on its presence. It runs on the sender's goroutine
// and does not wait.
func (o *office) note(payload []byte) {
	var p fleet.Presence
	if err := json.Unmarshal(payload, &p); err != nil {
		o.log.Warn("a presence cannot be read", "err", err)
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if p.Sess >= o.presence.Sess { // a lost of an older session says nothing
		o.presence = p
	}
}

// run keeps the service until ctx ends.
func (o *office) run(ctx context.Context) error {
	if o.program == "" {
		<-ctx.Done()
		return nil
	}
	k := &keeper{clock: o.clock, log: o.log, name: "the fleet's service", program: o.program, args: []string{"serve", "--config", o.layout.fleetConfig()}, logFile: o.layout.fleetLog()}
	return k.run(ctx)
}

// present is the session in which the terminal is online; 0: it is not.
func (o *office) present() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.presence.State != fleet.StateOnline {
		return 0
	}
	return o.presence.Sess
}

var (
	// errAbsent reports that the terminal has not said at the broker that it is there.
	errAbsent  = errors.New("the terminal is not at the fleet's broker yet")
	errNoFleet = errors.New("the fleet's service does not answer yet")
)

// servicePatience is how long a shop waits for its fleet's service. It sells
// without it.
const servicePatience = 10 * time.Second

// attend answers whether the terminal is there, and for a while whether the
// service is.
func (o *office) attend(ctx context.Context) error {
	if o.present() == 0 {
		return errAbsent
	}
	if o.program == "" || o.clock.Mono()-o.began > servicePatience {
		return nil
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, o.page+"/readyz", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("%w: %w", errNoFleet, err)
	}
	if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusNoContent {
		return errors.Join(errNoFleet, err)
	}
	return nil
}

// fleetReady is the fleet's service for whoever reads the ready file; all empty
// where there is none.
type fleetReady struct {
	Program string `json:"program"` // tillfleet
	Config  string `json:"config"`  // what every command of it takes as --config
	Page    string `json:"page"`    // the fleet at a glance
	Keys    string `json:"keys"`    // folder with the approvers' keys
}

func (o *office) ready() fleetReady {
	if o.program == "" {
		return fleetReady{}
	}
	return fleetReady{Program: o.program, Config: o.layout.fleetConfig(), Page: o.page + "/", Keys: o.layout.fleetKeys()}
}

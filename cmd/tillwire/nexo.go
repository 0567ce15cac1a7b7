package main

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"

	"tillwire/agent"
	"tillwire/agent/keyring"
	"tillwire/agent/till"
)

// nexoConfig is a register as a till that speaks nexo knows it.
type nexoConfig struct {
	POI        string `toml:"poi"`  // its POIID
	Lane       string `toml:"lane"` //
	Passphrase string `toml:"passphrase"`
	KeyID      string `toml:"key_id"`
	KeyVersion int    `toml:"key_version"`

	where place
}

// Bounds of a passphrase, and of a POIID in nexo.
const (
	passphraseLeast = 12
	passphraseMost  = 256
	poiMost         = 32
)

func (c *config) checkNexo(k *checker) {
	for i, n := range c.Nexo {
		at := &checker{file: n.where.file, lines: n.where.lines}
		key := n.where.path
		if n.POI == "" || len(n.POI) > poiMost {
			at.report(false, key+".poi", fmt.Sprintf("%q is no POIID.", n.POI), "Write what the till calls this terminal: 1 to 32 characters.")
		}
		if slices.ContainsFunc(c.Nexo[:i], func(o nexoConfig) bool { return o.POI == n.POI }) {
			at.report(false, key+".poi", fmt.Sprintf("the POIID %q is used twice.", n.POI), "Give every register its own.")
		}
		if lanes := c.laneIDs(); !slices.Contains(lanes, n.Lane) {
			at.report(false, key+".lane", fmt.Sprintf("there is no lane %q.", n.Lane), meant(n.Lane, lanes))
		}
		if n.Passphrase == "" && (n.KeyID != "" || n.KeyVersion != 0) {
			at.report(false, key+".passphrase", "the key has no passphrase, so messages are not protected.", "Name the file with it, or remove key_id and key_version.")
		}
		k.faults = append(k.faults, at.faults...)
	}
}

// openTill is the bridge for tills that speak nexo, nil when there are none. A
// register whose passphrase cannot be read is left out: it must not be answered in the
// clear.
func (d *agentd) openTill() func(http.ResponseWriter, *http.Request, string) {
	registers := map[string]till.Register{}
	for _, n := range d.config.Nexo {
		register := till.Register{Lane: n.Lane}
		if n.Passphrase != "" {
			secret, err := keyring.LoadSecret(n.Passphrase, passphraseLeast, passphraseMost)
			if err == nil {
				register.Protection, err = till.NewProtection(n.KeyID, n.KeyVersion, string(secret), rand.Reader)
			}
			if err != nil {
				d.noteFaults(partFaults(n.where, err, func(string, string) string { return "passphrase" }))
				continue
			}
		}
		registers[n.POI] = register
	}
	if len(registers) == 0 {
		return nil
	}
	return till.New(till.Options{Counter: d.engine, Journal: d.store, Feed: d.feed, Clock: d.clock, Log: d.log, Registers: registers, Condition: d.condition}).Serve
}

// condition is how a register stands, for a till that asks: with the devices of its lane
// and the printer that its slips come out of.
func (d *agentd) condition(lane string) till.Condition {
	c := till.Condition{Line: d.link.Line()}
	for _, l := range d.engine.Lanes() {
		c.Busy = c.Busy || l.ID == lane && l.Payment != ""
	}
	printer := ""
	if to := d.printing.of(lane); to != nil {
		printer = to.ID
	}
	for _, s := range append(d.devices.Status(), d.displays.Status()...) {
		if s.Kind == agent.KindPrinter && s.ID == printer || s.Kind != agent.KindPrinter && s.Lane == lane {
			c.Devices = append(c.Devices, s)
		}
	}
	return c
}

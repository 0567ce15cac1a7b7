package main

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/enrol"
	"tillwire/agent/fleet/mqtt"
	"tillwire/agent/keyring"
	"tillwire/agent/settings"
)

// fleetConfig says which fleet the terminal belongs to. Without a broker it
// belongs to none, and nothing of it runs.
type fleetConfig struct {
	Broker      string   `toml:"broker"`
	TID         string   `toml:"tid"`
	Roots       []string `toml:"roots"`       // public keys, base64; who may sign the list of signing keys
	CA          string   `toml:"ca"`          // the fleet's own authority
	Certificate string   `toml:"certificate"` // of this terminal
	Key         string   `toml:"key"`
	ServerName  string   `toml:"server_name"` // in the broker's certificate; empty: its address
	Password    string   `toml:"password"`    // a file; where the broker asks for one
	Refuse      []string `toml:"refuse"`      // classes of commands that are not taken
	Spread      string   `toml:"spread"`      // default of the setting fleet.spread
	Office      string   `toml:"office"`      // where the certificate is renewed; empty: the office brings the next one

	where place
}

// files are the members that name files.
func (f *fleetConfig) files() []*string { return []*string{&f.CA, &f.Certificate, &f.Key, &f.Password} }

func (f fleetConfig) on() bool { return f.Broker != "" }

// fleetClasses are the classes of commands an owner may refuse.
var fleetClasses = []string{string(fleet.Read), string(fleet.Safe), string(fleet.Disruptive), string(fleet.Dangerous)}

// Bounds of a password.
const (
	brokerPasswordLeast = 8
	brokerPasswordMost  = 256
)

// checkFleet looks at what can be seen without a file. A fleet that is wrong
// stops nothing but itself.
func (c *config) checkFleet(k *checker) {
	f := c.Fleet
	if !f.on() {
		if f.TID != "" || len(f.Roots) > 0 || f.CA != "" {
			k.report(false, "fleet.broker", "the fleet has no broker.", `Write its address, such as "mqtts://fleet.example:8883", or remove the table.`)
		}
		return
	}
	if _, err := mqtt.ParseBrokers(f.Broker); err != nil {
		k.report(false, "fleet.broker", err.Error()+".", `Write for example "mqtts://fleet.example:8883".`)
	} else if strings.HasPrefix(f.Broker, "mqtts:") && f.CA == "" {
		k.report(false, "fleet.ca", "the fleet's own authority is missing.", "Name the file with its certificate; a public authority does not do.")
	}
	if _, err := fleet.ParseTID(f.TID); err != nil {
		k.report(false, "fleet.tid", fmt.Sprintf("%q is no terminal name.", f.TID), "It takes 8 to 40 of a-z, 0-9 and -, as the fleet gave it.")
	}
	if (f.Certificate == "") != (f.Key == "") {
		k.report(false, "fleet.key", "a certificate needs its key and a key its certificate.", "Name both files, or none where the broker asks for a password.")
	}
	if len(f.Roots) == 0 {
		k.report(false, "fleet.roots", "no root key is named, so nothing the fleet sends could be believed.", "Write the public keys the fleet's office gave you.")
	}
	for i, text := range f.Roots {
		if _, err := fleet.ReadPublic(text); err != nil {
			k.report(false, "fleet.roots", fmt.Sprintf("entry %d is no Ed25519 public key in base64.", i+1), "Copy it as the fleet's office gave it: 44 characters.")
		}
	}
	if f.Office != "" {
		if _, err := enrol.ParseOffice(f.Office); err != nil {
			k.report(false, "fleet.office", err.Error()+".", `Write for example "https://fleet.example:8444", or leave it out.`)
		} else if f.CA == "" || f.Certificate == "" {
			k.report(false, "fleet.office", "the office renews a certificate, and none is named.", "Name the files, or join with `tillwire enrol`, which writes them.")
		}
	}
	for _, class := range f.Refuse {
		if !slices.Contains(fleetClasses, class) {
			k.report(false, "fleet.refuse", fmt.Sprintf("there is no class of commands %q.", class), meant(class, fleetClasses))
		}
	}
	if d, err := settings.ParseDuration(f.Spread); err != nil || d < 0 || d > settings.FleetSpreadMost {
		k.report(false, "fleet.spread", fmt.Sprintf("%q is not a time from 0s to 10m.", f.Spread), `Leave it out for 30s.`)
	}
}

// roots are the keys that may sign the list of signing keys.
func (f fleetConfig) roots() (keys []ed25519.PublicKey) {
	for _, text := range f.Roots {
		if key, err := fleet.ReadPublic(text); err == nil { // what is wrong was reported with its line
			keys = append(keys, key)
		}
	}
	return keys
}

// spread is the default of the setting, "" without a fleet.
func (f fleetConfig) spread() string {
	d, err := settings.ParseDuration(f.Spread)
	switch {
	case !f.on():
		return ""
	case err != nil || d < 0 || d > settings.FleetSpreadMost:
		return fleetSpread
	}
	return settings.FormatDuration(d)
}

const fleetSpread = "30s"

// link makes the connection's options; files are read again for each connection.
func (f fleetConfig) link() mqtt.Options {
	o := mqtt.Options{TID: fleet.TID(f.TID), Broker: f.Broker}
	if f.CA != "" {
		o.TLS = mqtt.Files{CA: f.CA, Cert: f.Certificate, Key: f.Key, ServerName: f.ServerName}.Config
	}
	if f.Password != "" {
		o.Password = func() (string, error) {
			secret, err := keyring.LoadSecret(f.Password, brokerPasswordLeast, brokerPasswordMost)
			return string(secret), err
		}
	}
	return o
}

// fleetFaults reads the files once, so that a mistake shows before the broker
// refuses.
func fleetFaults(c config) (faults []fault) {
	f := c.Fleet
	if !f.on() {
		return nil
	}
	o := f.link()
	if o.TLS != nil {
		if _, err := o.TLS(); err != nil {
			faults = append(faults, fault{File: f.where.file, Line: f.where.lines.of("fleet.ca"), Key: "fleet.ca", What: err.Error() + ".",
				Do: "Name the files the fleet's office gave you, readable for the agent. Until then the fleet does not see this terminal; selling is not affected."})
		}
	}
	if o.Password != nil {
		if _, err := o.Password(); err != nil {
			faults = append(faults, partFaults(f.where, err, func(string, string) string { return "password" })...)
		}
	}
	return faults
}

// checkBroker opens the way to the broker. TLS 1.3 tells of a refused client
// certificate only later, so a way that opens is not yet a session.
func (a *app) checkBroker(ctx context.Context, k *checkup, f fleetConfig) {
	if !f.on() {
		return
	}
	o := f.link()
	o.Clock = a.clock
	link, err := mqtt.New(o)
	if err != nil {
		return // reported with its line
	}
	if err := link.Probe(ctx); err != nil {
		k.wrong("fleet", fmt.Sprintf("the broker %s cannot be reached: %v.", f.Broker, err), "Check the address and the files of the fleet's office. Selling is not affected.")
		return
	}
	k.fine("fleet", "the broker %s answers", f.Broker)
}

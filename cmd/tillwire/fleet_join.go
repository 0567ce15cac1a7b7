package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/pelletier/go-toml/v2"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/enrol"
	"tillwire/agent/fleet/mqtt"
)

// fleetFile is what `tillwire enrol` writes into the data folder: the fleet's
// table with the files beside it. It speaks where the operator's file has no fleet.
const (
	fleetFile   = "fleet.toml"
	fleetFolder = "fleet" // of the key, the certificate and the authority
)

// joinFleet takes the fleet's table from the data folder when the operator's file
// has none.
func (c *config) joinFleet(data string) []fault {
	if c.Fleet.on() {
		return nil
	}
	file := filepath.Join(data, fleetFile)
	joined, faults, err := readFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return nil
	case err != nil:
		return []fault{{File: file, What: err.Error(), Do: "Remove the file and join the fleet anew with `tillwire enrol`; selling is not affected."}}
	}
	spread, refuse := c.Fleet.Spread, c.Fleet.Refuse
	c.Fleet = joined.Fleet
	if spread != "" {
		c.Fleet.Spread = spread
	}
	if refuse != nil { // what an owner does not allow stays his word
		c.Fleet.Refuse = refuse
	}
	return faults
}

// keepGrant writes what the office gave into the data folder. The table comes
// last: it is what makes the rest count.
func keepGrant(data, office string, key enrol.Key, g *fleet.Grant) error {
	if err := key.Fits(g.Certificate, g.TID); err != nil {
		return fmt.Errorf("the office sent what is not for this terminal: %w", err)
	}
	if _, err := mqtt.ParseBrokers(g.Broker); err != nil {
		return fmt.Errorf("the office named a broker that cannot be used: %w", err)
	}
	secret, err := key.PEM()
	if err != nil {
		return err
	}
	folder := filepath.Join(data, fleetFolder)
	table := map[string]any{"broker": g.Broker, "tid": string(g.TID), "roots": g.Roots, "office": office,
		"ca": fleetFolder + "/authority.pem", "certificate": fleetFolder + "/terminal.pem", "key": fleetFolder + "/terminal.key"}
	if g.ServerName != "" {
		table["server_name"] = g.ServerName
	}
	text, err := toml.Marshal(map[string]any{"fleet": table})
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		text []byte
	}{
		{filepath.Join(folder, "terminal.key"), secret}, {filepath.Join(folder, "terminal.pem"), []byte(g.Certificate)}, {filepath.Join(folder, "authority.pem"), []byte(g.Authority)},
		{filepath.Join(data, fleetFile), append([]byte("# Written by `tillwire enrol`. A [fleet] table in the operator's own file speaks over it.\n\n"), text...)},
	} {
		if err := writeFile(f.name, f.text); err != nil {
			return fmt.Errorf("keep what the office gave: %w", err)
		}
	}
	return nil
}

// officeTLS is how the desk is reached: with the fleet's own authority, and the
// present certificate once there is one.
func officeTLS(ca, certificate, key string) (*tls.Config, error) {
	return mqtt.Files{CA: ca, Cert: certificate, Key: key}.Config()
}

package main

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/keyfile"
	"tillwire/agent/fleet/mqtt"
	"tillwire/agent/fleet/service"
	"tillwire/agent/fleet/service/desk"
)

// enrolConfig is how terminals join. Without an address nobody can.
type enrolConfig struct {
	Listen     string   `toml:"listen"`      // for terminals: "0.0.0.0:8444"
	Names      []string `toml:"names"`       // under which terminals reach it; in its certificate
	Authority  string   `toml:"authority"`   // the folder of the authority; empty: "authority" in the data folder
	Broker     string   `toml:"broker"`      // as terminals reach it; empty: as the service does
	ServerName string   `toml:"server_name"` // in the broker's certificate, where it is not the address
}

// check refuses what cannot work; the service alone needs none of it.
func (c enrolConfig) check() error {
	if c.Listen == "" {
		return nil
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return fmt.Errorf("enrol.listen: %w", err)
	}
	if len(c.Names) == 0 {
		return errors.New(`enrol.names is missing: the names or addresses under which terminals reach enrol.listen, such as ["fleet.example"]`)
	}
	if c.Broker != "" {
		if _, err := mqtt.ParseBrokers(c.Broker); err != nil {
			return fmt.Errorf("enrol.broker: %w", err)
		}
	}
	return nil
}

// authorityFolder is where the authority lies.
func (c config) authorityFolder() string {
	if c.Enrol.Authority != "" {
		return c.Enrol.Authority
	}
	return filepath.Join(c.Data, "authority")
}

// doorEvery is how often the door makes itself a new certificate.
const doorEvery = 30 * 24 * time.Hour

// mountDesk puts the desk beside the service and opens its door.
func (a *app) mountDesk(ctx context.Context, o *office, mux *http.ServeMux) error {
	ca, err := desk.OpenAuthority(o.cfg.authorityFolder(), o.store, a.clock.Now)
	if errors.Is(err, fs.ErrNotExist) && o.cfg.Enrol.Listen == "" {
		return nil // a fleet with another authority, or none yet
	}
	if err != nil {
		return fmt.Errorf("%w; `tillfleet enrol init` makes an authority", err)
	}
	list := &revokedList{ca: ca, path: o.cfg.revokedList()}
	d := desk.New(desk.Options{Store: o.store, Authority: ca, Holder: ca.Holder, Clock: a.clock, Log: o.log.With("comp", "desk"),
		Enrol: o.service.Enrol, Retire: o.retire, Taken: o.taken, Revoked: list.write, Grant: o.grant})
	d.Routes(mux, actorOf)
	go o.keepRevoked(ctx, list)
	if o.cfg.Enrol.Listen == "" {
		return nil
	}
	door := &doorCertificate{ca: ca, names: o.cfg.Enrol.Names, now: a.clock.Now}
	if _, err := door.get(nil); err != nil {
		return err
	}
	l, err := net.Listen("tcp", o.cfg.Enrol.Listen)
	if err != nil {
		return fmt.Errorf("enrol.listen: %w", err)
	}
	server := &http.Server{Handler: d.Door(), ReadTimeout: 20 * time.Second, WriteTimeout: 20 * time.Second, MaxHeaderBytes: 16 << 10}
	secure := tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS13, GetCertificate: door.get, ClientAuth: tls.RequestClientCert})
	o.log.Info("terminals may join", "code", "desk_open", "addr", l.Addr().String())
	go func() {
		if err := serveOn(secure, server)(ctx); err != nil && ctx.Err() == nil {
			o.log.Error("no terminal can join any more", "code", "desk_closed", "err", err, "do", "Restart the service.")
		}
	}()
	return nil
}

// doorCertificate is the door's own, from the fleet's authority, made anew while
// the service runs.
type doorCertificate struct {
	ca    *desk.Authority
	names []string
	now   func() time.Time

	mu   sync.Mutex
	pair *tls.Certificate
	made time.Time
}

func (c *doorCertificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pair != nil && c.now().Sub(c.made) < doorEvery {
		return c.pair, nil
	}
	certificate, key, err := c.ca.IssueServer(c.names)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, err
	}
	c.pair, c.made = &pair, c.now()
	return c.pair, nil
}

// taken reports that a name belongs to a terminal of the fleet.
func (o *office) taken(ctx context.Context, tid fleet.TID) (bool, error) {
	t, err := o.store.Terminal(ctx, tid)
	if errors.Is(err, service.ErrUnknown) {
		return false, nil
	}
	return err == nil && t.Retired.IsZero(), err
}

// retire takes a terminal out of the books, if it is in them.
func (o *office) retire(ctx context.Context, tid fleet.TID) error {
	err := o.service.Retire(ctx, tid)
	if errors.Is(err, service.ErrUnknown) {
		return nil
	}
	return err
}

// grant is what every terminal is given: the broker, and the roots of the list of
// keys that is in use.
func (o *office) grant() fleet.Grant {
	g := fleet.Grant{Broker: o.cfg.Enrol.Broker, ServerName: o.cfg.Enrol.ServerName}
	if g.Broker == "" {
		g.Broker = o.cfg.Broker.Address
		if g.ServerName == "" {
			g.ServerName = o.cfg.Broker.ServerName
		}
	}
	_, set, err := keyfile.ReadSet(o.cfg.Keys.Set)
	if err != nil {
		o.log.Error("a terminal joins without roots: it will believe nothing the office says", "code", "keys", "err", err, "do", "Make the list of keys with `tillfleet keys rotate` and let the terminal join again.")
		return g
	}
	for _, root := range set.RootKeys() {
		g.Roots = append(g.Roots, base64.StdEncoding.EncodeToString(root))
	}
	return g
}

// writeNew puts text into a file that must not be there yet.
func writeNew(path string, mode fs.FileMode, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

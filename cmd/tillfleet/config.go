package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"tillwire/agent/fleet/jetstream"
	"tillwire/agent/fleet/mqtt"
)

// config is the service's configuration. It holds no secret: those are files it
// names. Relative names are below the configuration's own folder.
type config struct {
	Name   string       `toml:"name"`   // the issuer in everything that is signed: "fleet.example"
	Data   string       `toml:"data"`   // the service's folder
	Socket string       `toml:"socket"` // for operators; empty: "tillfleet.sock" in the data folder
	Broker brokerConfig `toml:"broker"`
	Keys   keysConfig   `toml:"keys"`
	Store  storeConfig  `toml:"store"`
	HTTP   httpConfig   `toml:"http"`
	Enrol  enrolConfig  `toml:"enrol"`
}

// brokerConfig is the way to the terminals.
type brokerConfig struct {
	Address     string `toml:"address"` // "mqtts://host:port", servers of a cluster with commas between them
	User        string `toml:"user"`
	ID          string `toml:"id"`       // client id; empty: the user's and the machine's names
	Password    string `toml:"password"` // a file; where the broker asks for one
	CA          string `toml:"ca"`
	Certificate string `toml:"certificate"`
	Key         string `toml:"key"`
	ServerName  string `toml:"server_name"`
	// Share is the name of the shared subscription; "-" where the broker has none:
	// then each service hears everything, and the store keeps it once.
	Share string `toml:"share"`
	// NATS are the servers of a NATS cluster whose stream the services share, which
	// has no shared subscriptions; Address are the same servers' MQTT listeners.
	NATS     string `toml:"nats"`     // "tls://host:4222"
	Stream   string `toml:"stream"`   // empty: "POS_UP"
	Replicas int    `toml:"replicas"` // servers that keep it; 0: as many as are named, three at most
}

// keysConfig names what the service signs with.
type keysConfig struct {
	Online     string `toml:"online"`     // the running service's private key
	Passphrase string `toml:"passphrase"` // a file; where the key is locked
	Set        string `toml:"set"`        // the list of keys, as a root signed it
}

// storeConfig says where the service keeps what it knows.
type storeConfig struct {
	// Postgres is a file with the connection string, where several services share one
	// database; empty: SQLite in the data folder.
	Postgres string `toml:"postgres"`
}

// httpConfig is the read-only page and the metrics.
type httpConfig struct {
	Listen string `toml:"listen"` // an address of this machine; empty: none
}

var namePattern = regexp.MustCompile(`^[\x21-\x7e]{1,80}$`)

// readConfig reads and checks the configuration. An unknown key is an error.
func readConfig(path string) (config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return config{}, fmt.Errorf("the service's configuration: %w. Name it with --config", err)
	}
	var c config
	d := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		var unknown *toml.StrictMissingError
		if errors.As(err, &unknown) {
			return config{}, fmt.Errorf("%s: there is no such key:\n%s", path, unknown.String())
		}
		return config{}, fmt.Errorf("%s: %w", path, err)
	}
	if err := c.check(); err != nil {
		return config{}, fmt.Errorf("%s: %w", path, err)
	}
	if path, err = filepath.Abs(path); err != nil {
		return config{}, err
	}
	return c.at(filepath.Dir(path)), nil
}

func (c *config) check() error {
	if c.Broker.Share == "" {
		c.Broker.Share = "fleet"
	}
	switch {
	case !namePattern.MatchString(c.Name):
		return errors.New(`name is missing: the issuer that terminals see in everything you send, such as "fleet.example"`)
	case c.Data == "":
		return errors.New("data is missing: the folder that the service keeps its files in")
	case c.Broker.User == "":
		return errors.New("broker.user is missing: the service's name at the broker, as its access list knows it")
	case c.Keys.Online == "" || c.Keys.Set == "":
		return errors.New("keys.online and keys.set are missing: the service's private key, and the list of keys that a root signed; `tillfleet keys` makes both")
	case (c.Broker.Certificate == "") != (c.Broker.Key == ""):
		return errors.New("broker.certificate and broker.key belong together")
	case strings.ContainsAny(c.Broker.Share, "/+#"):
		return errors.New(`broker.share is one word, or "-" for none`)
	}
	if err := c.Broker.check(); err != nil {
		return err
	}
	if err := c.Enrol.check(); err != nil {
		return err
	}
	return c.checkListen()
}

func (b brokerConfig) check() error {
	servers, err := mqtt.ParseBrokers(b.Address)
	if err != nil {
		return fmt.Errorf("broker.address: %w", err)
	}
	secure := servers[0].Scheme == "mqtts"
	if b.NATS != "" {
		cluster, err := jetstream.ParseServers(b.NATS)
		if err != nil {
			return fmt.Errorf("broker.nats: %w", err)
		}
		secure = secure || cluster[0].Scheme == "tls"
	} else if b.Stream != "" || b.Replicas != 0 {
		return errors.New("broker.stream and broker.replicas are a NATS cluster's; name its servers in broker.nats, or leave them out")
	}
	if secure && b.CA == "" {
		return errors.New("broker.ca is missing: the file with the fleet's own authority")
	}
	return nil
}

// checkListen keeps the page on this machine: it has no people and no passwords.
func (c *config) checkListen() error {
	if c.HTTP.Listen == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(c.HTTP.Listen)
	if err != nil {
		return fmt.Errorf("http.listen: %w", err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return errors.New(`http.listen takes an address of this machine, such as "127.0.0.1:9470"; put a proxy that knows your people in front of it to show the page to others`)
	}
	return nil
}

// at makes the names of files absolute.
func (c config) at(dir string) config {
	for _, name := range []*string{&c.Data, &c.Socket, &c.Broker.Password, &c.Broker.CA, &c.Broker.Certificate, &c.Broker.Key,
		&c.Keys.Online, &c.Keys.Passphrase, &c.Keys.Set, &c.Store.Postgres, &c.Enrol.Authority} {
		if *name != "" && !filepath.IsAbs(*name) {
			*name = filepath.Join(dir, *name)
		}
	}
	if c.Socket == "" {
		c.Socket = filepath.Join(c.Data, "tillfleet.sock")
	}
	return c
}

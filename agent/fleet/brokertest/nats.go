package brokertest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// NATS is a cluster of servers on this machine, configured as the package is.
type NATS struct {
	Dir           string // of the list of users, and each server's own folder
	CA, Cert, Key string // files; the certificate is good for "localhost", also towards other servers
	servers       []natsServer
}

type natsServer struct{ client, mqtt, route string }

// NewNATS finds room for servers: their ports are free now.
func NewNATS(dir string, count int) (*NATS, error) {
	ports, err := Ports(3 * count)
	if err != nil {
		return nil, err
	}
	n := &NATS{Dir: dir}
	for i := range count {
		at := func(k int) string { return "localhost:" + ports[3*i+k] }
		n.servers = append(n.servers, natsServer{client: at(0), mqtt: at(1), route: at(2)})
	}
	return n, nil
}

// Listens reports whether a server can be reached by services.
func (n *NATS) Listens(server int) bool {
	conn, err := net.Dial("tcp", n.servers[server].client)
	return err == nil && conn.Close() == nil
}

// Clients are the addresses for services.
func (n *NATS) Clients() string {
	return n.all("tls://", func(s natsServer) string { return s.client })
}

// MQTT are the addresses for terminals.
func (n *NATS) MQTT() string { return n.all("mqtts://", func(s natsServer) string { return s.mqtt }) }

func (n *NATS) all(scheme string, which func(natsServer) string) string {
	var list []string
	for _, s := range n.servers {
		list = append(list, scheme+which(s))
	}
	return strings.Join(list, ",")
}

var routesBlock = regexp.MustCompile(`(?s)routes: \[.*?\]`)

// Write writes the configuration of each server from the packaged one, with users
// as the list of who may come in, and answers the files.
func (n *NATS) Write(packaged, users string) (files []string, err error) {
	text, err := os.ReadFile(packaged)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(n.Dir, "nats-users.conf"), []byte(users), 0o600); err != nil {
		return nil, err
	}
	var routes []string
	for _, s := range n.servers {
		routes = append(routes, fmt.Sprintf("%q", "tls://"+s.route))
	}
	for i, s := range n.servers {
		conf := routesBlock.ReplaceAllString(string(text), "routes: ["+strings.Join(routes, ", ")+"]")
		conf = strings.NewReplacer(
			`server_name: "nats-1"`, fmt.Sprintf(`server_name: "nats-%d"`, i+1),
			`"0.0.0.0:4222"`, `"`+s.client+`"`, `"0.0.0.0:8883"`, `"`+s.mqtt+`"`, `"0.0.0.0:6222"`, `"`+s.route+`"`,
			"/etc/nats/fleet/broker.pem", n.Cert, "/etc/nats/fleet/broker.key", n.Key, "/etc/nats/fleet/ca.pem", n.CA,
			"/var/lib/nats", filepath.Join(n.Dir, fmt.Sprintf("nats-%d", i+1))).Replace(conf)
		file := filepath.Join(n.Dir, fmt.Sprintf("nats-%d.conf", i+1))
		if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

package brokertest

import (
	"fmt"
	"os/exec"
	"strings"
)

// Program finds a broker's program. Debian keeps them where only root looks.
func Program(name string) (string, error) {
	for _, at := range []string{name, "/usr/sbin/" + name} {
		if path, err := exec.LookPath(at); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed; run: .ci/needs %s", name, strings.TrimSuffix(name, "-server"))
}

// Mosquitto is a broker of a fleet with mutual TLS.
type Mosquitto struct {
	Port          string
	CA, Cert, Key string   // files
	ACL           string   // file; see ACL
	Dir           string   // where it keeps its sessions
	More          []string // further lines
}

// Conf is its configuration: the one that is packaged, with the paths of a test.
func (m Mosquitto) Conf() string {
	lines := []string{"per_listener_settings false", "user root", "listener " + m.Port + " 127.0.0.1", "cafile " + m.CA, "certfile " + m.Cert, "keyfile " + m.Key,
		"tls_version tlsv1.3", "require_certificate true", "use_identity_as_username true", "use_username_as_clientid true", "allow_anonymous false",
		"acl_file " + m.ACL, "max_inflight_messages 20", "max_queued_messages 100000", "message_size_limit 131072", "persistence true",
		"persistence_location " + m.Dir + "/", "persistent_client_expiration 14d", "max_keepalive 600", "log_dest stderr"}
	return strings.Join(append(lines, m.More...), "\n") + "\n"
}

// ACL is the access list of a fleet with these services.
func ACL(services ...string) string {
	var b strings.Builder
	b.WriteString("pattern write pos/v1/%u/up/#\npattern read pos/v1/%u/down/#\n")
	for _, name := range services {
		fmt.Fprintf(&b, "user %s\ntopic read pos/v1/+/up/#\ntopic write pos/v1/+/down/#\n", name)
	}
	return b.String()
}

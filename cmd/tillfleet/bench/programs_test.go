package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// town is a fleet on this machine: a broker, a service, and simulated terminals.
type town struct {
	dir     string
	program string // tillfleet
	port    string
	broker  *process
	service *process
}

// process is a program that runs.
type process struct {
	cmd *exec.Cmd
	log *os.File
}

// start runs a program; it dies with this one.
func (t *town) start(name string, stdout io.Writer, program string, args ...string) (*process, error) {
	log, err := os.OpenFile(filepath.Join(t.dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	// Every terminal is a file of the broker's and of the simulation's.
	script := fmt.Sprintf(`ulimit -n %d 2>/dev/null || ulimit -n $(ulimit -Hn); exec "$0" "$@"`, 65536)
	cmd := exec.Command("bash", append([]string{"-c", script, program}, args...)...)
	cmd.Stderr, cmd.Stdout = log, log
	if stdout != nil {
		cmd.Stdout = stdout
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &process{cmd, log}, nil
}

// stop ends a program as a service manager does.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	err := p.cmd.Wait()
	_ = p.log.Close()
	return err
}

// cost is what a process has used.
type cost struct {
	cpu time.Duration
	rss int64 // bytes
}

// tick is the kernel's unit of processor time.
const tick = 10 * time.Millisecond

func (p *process) cost() (c cost, err error) {
	pid := p.cmd.Process.Pid
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return c, err
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	for _, i := range []int{11, 12} { // utime, stime
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return c, err
		}
		c.cpu += time.Duration(n) * tick
	}
	pages, err := strconv.ParseInt(fields[21], 10, 64)
	c.rss = pages * int64(os.Getpagesize())
	return c, err
}

// run runs a command of tillfleet to its end.
func (t *town) run(args ...string) (string, error) {
	cmd := exec.Command(t.program, append([]string{"--config", filepath.Join(t.dir, "tillfleet.toml")}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("tillfleet %s: %w\n%s%s", strings.Join(args, " "), err, stdout.String(), stderr.String())
	}
	return stdout.String(), nil
}

const user = "fleet-server"

// found makes a fleet's keys, authority and configuration with the program itself.
func found(dir, program string) (*town, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return nil, err
	}
	if err := l.Close(); err != nil {
		return nil, err
	}
	t := &town{dir: dir, program: program, port: port}
	at := func(name string) string { return filepath.Join(dir, name) }
	config := fmt.Sprintf("name = \"fleet.example\"\ndata = %q\n[broker]\naddress = \"mqtts://127.0.0.1:%s\"\nuser = %q\nca = %q\ncertificate = \"service.pem\"\nkey = \"service.key\"\n"+
		"[keys]\nonline = \"online.key\"\npassphrase = \"passphrase\"\nset = \"keys.json\"\n", at("data"), port, user, at("data/authority/authority.pem"))
	for name, text := range map[string]string{"tillfleet.toml": config, "passphrase": "correct horse battery staple\n", "acl": acl, "mosquitto.conf": t.mosquittoConf()} {
		if err := os.WriteFile(at(name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	if err := os.Mkdir(at("data"), 0o700); err != nil {
		return nil, err
	}
	pass := at("passphrase")
	for _, args := range [][]string{
		{"keys", "new", "root", at("root.key"), "--passphrase-file", pass},
		{"keys", "new", "online", at("online.key"), "--passphrase-file", pass},
		{"keys", "new", "approver", at("anna.key"), "--passphrase-file", pass},
		{"keys", "new", "approver", at("boris.key"), "--passphrase-file", pass},
		{"keys", "rotate", at("keys.json"), "--passphrase-file", pass, "--root", at("root.key"), "--add", at("online.key"), "--add", at("anna.key"), "--add", at("boris.key")},
		{"enrol", "init"},
		{"enrol", "server", "127.0.0.1", "--out", dir},
		{"enrol", "service", "--out", dir},
	} {
		if _, err := t.run(args...); err != nil {
			return nil, err
		}
	}
	return t, nil
}

const acl = `pattern write pos/v1/%u/up/#
pattern read pos/v1/%u/down/#
user ` + user + `
topic read pos/v1/+/up/#
topic write pos/v1/+/down/#
`

func (t *town) mosquittoConf() string {
	at := func(name string) string { return filepath.Join(t.dir, name) }
	return fmt.Sprintf(`per_listener_settings false
user root
listener %s 127.0.0.1
cafile %s
certfile %s
keyfile %s
tls_version tlsv1.3
require_certificate true
use_identity_as_username true
use_username_as_clientid true
allow_anonymous false
acl_file %s
max_inflight_messages 20
max_queued_messages 100000
message_size_limit 131072
persistence true
persistence_location %s/
autosave_interval 1800
persistent_client_expiration 14d
max_keepalive 600
log_dest stderr
log_type error
log_type warning
`, t.port, at("data/authority/authority.pem"), at("broker.pem"), at("broker.key"), at("acl"), t.dir)
}

// mosquitto finds the program; Debian keeps it where only root looks.
func mosquitto() (string, error) {
	for _, name := range []string{"mosquitto", "/usr/sbin/mosquitto"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("mosquitto is not installed; run: .ci/needs mosquitto")
}

// patience is how long a part may take that should take seconds.
const patience = 5 * time.Minute

func (t *town) startBroker() error {
	program, err := mosquitto()
	if err != nil {
		return err
	}
	if t.broker, err = t.start("mosquitto", nil, program, "-c", filepath.Join(t.dir, "mosquitto.conf")); err != nil {
		return err
	}
	return until("the broker listens", func() bool {
		conn, err := net.Dial("tcp", "127.0.0.1:"+t.port)
		return err == nil && conn.Close() == nil
	})
}

func (t *town) startService() (err error) {
	t.service, err = t.start("service", nil, t.program, "--config", filepath.Join(t.dir, "tillfleet.toml"), "serve")
	if err != nil {
		return err
	}
	return until("the service answers", func() bool { _, err := t.run("export", "--stream", "alert"); return err == nil })
}

// until looks until something holds.
func until(what string, holds func() bool) error {
	limit, look := time.After(patience), time.NewTicker(20*time.Millisecond)
	defer look.Stop()
	for !holds() {
		select {
		case <-look.C:
		case <-limit:
			return fmt.Errorf("%s: not within %v", what, patience)
		}
	}
	return nil
}

// second is one line of the simulation.
type second struct {
	MS        int64
	Terminals int
	Connected int
	Connects  uint64
	Made      int
	Waiting   int
	Other     int
	at        time.Time
}

// simulation is simulated terminals as a program.
type simulation struct {
	*process
	mu    sync.Mutex
	lines []second
	ended chan error
}

func (t *town) simulate(args ...string) (*simulation, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	s := &simulation{ended: make(chan error, 1)}
	if s.process, err = t.start("sim", write, t.program, append([]string{"--config", filepath.Join(t.dir, "tillfleet.toml"), "sim", "--json"}, args...)...); err != nil {
		return nil, err
	}
	_ = write.Close() // the program has its own
	followed := make(chan struct{})
	go func() {
		defer close(followed)
		lines := bufio.NewScanner(read)
		for lines.Scan() {
			one := second{at: time.Now()}
			if json.Unmarshal(lines.Bytes(), &one) == nil {
				s.mu.Lock()
				s.lines = append(s.lines, one)
				s.mu.Unlock()
			}
		}
	}()
	go func() {
		<-followed // ends with the program
		s.ended <- s.cmd.Wait()
	}()
	return s, nil
}

func (s *simulation) last() second {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.lines) == 0 {
		return second{}
	}
	return s.lines[len(s.lines)-1]
}

// since lists the lines behind a moment.
func (s *simulation) since(at time.Time) (list []second) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.lines {
		if one.at.After(at) {
			list = append(list, one)
		}
	}
	return list
}

// finish asks the simulation to end: it waits until everything is acknowledged.
func (s *simulation) finish() error {
	if err := s.cmd.Process.Signal(syscall.SIGINT); err != nil {
		return err
	}
	select {
	case err := <-s.ended:
		return err
	case <-time.After(10 * patience):
		return fmt.Errorf("the simulation does not end")
	}
}

// stored counts the payments that the service has, and those it has twice.
func (t *town) stored() (n, twice int, err error) {
	text, err := t.run("export", "--stream", "tx")
	if err != nil {
		return 0, 0, err
	}
	seen := map[string]bool{}
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Buffer(make([]byte, 1<<20), 1<<20)
	for lines.Scan() {
		var e struct {
			TID   string
			Event struct{ Data struct{ N int } }
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return 0, 0, err
		}
		key := fmt.Sprint(e.TID, " ", e.Event.Data.N)
		if seen[key] {
			twice++
		}
		seen[key] = true
		n++
	}
	return n, twice, lines.Err()
}

func (t *town) close() {
	for _, p := range []*process{t.service, t.broker} {
		if p != nil && p.cmd.ProcessState == nil {
			_ = p.stop()
		}
	}
}

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
	"testing"
	"time"

	"tillwire/agent/fleet/brokertest"
)

// town is a fleet on this machine: a broker, a service, and simulated terminals.
type town struct {
	dir     string
	program string // tillfleet
	config  string // that commands are given
	port    string
	broker  *process
	service *process
}

func (t *town) at(name string) string { return filepath.Join(t.dir, name) }

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

// kill ends a program as a pulled plug does, as far as the program can tell.
func (p *process) kill() error {
	if err := p.cmd.Process.Kill(); err != nil {
		return err
	}
	_ = p.cmd.Wait() // says that it was killed
	return p.log.Close()
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

// run runs a command of tillfleet to its end. What it printed comes with an error,
// too.
func (t *town) run(args ...string) (string, error) {
	cmd := exec.Command(t.program, append([]string{"--config", t.at(t.config)}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("tillfleet %s: %w\n%s%s", strings.Join(args, " "), err, stdout.String(), stderr.String())
	}
	return stdout.String(), nil
}

const user = "fleet-server"

// found makes a fleet with mosquitto as its broker.
func found(dir, program string) (*town, error) {
	ports, err := brokertest.Ports(1)
	if err != nil {
		return nil, err
	}
	port := ports[0]
	t := &town{dir: dir, program: program, config: "tillfleet.toml", port: port}
	conf := brokertest.Mosquitto{Port: port, CA: t.authority(), Cert: t.at("broker.pem"), Key: t.at("broker.key"), ACL: t.at("acl"), Dir: dir,
		More: []string{"autosave_interval 1800", "log_type error", "log_type warning"}}.Conf()
	return t, t.settle(map[string]string{"acl": brokertest.ACL(user), "mosquitto.conf": conf, t.config: t.configuration("data", "mqtts://127.0.0.1:"+port, "")}, "127.0.0.1")
}

// authority is the file with the certificate of the fleet's own authority.
func (t *town) authority() string { return t.at("data/authority/authority.pem") }

// configuration is a service's: its folder, its broker, and further lines behind
// the table of that.
func (t *town) configuration(data, broker, more string) string {
	return fmt.Sprintf("name = \"fleet.example\"\ndata = %q\n[broker]\naddress = %q\nuser = %q\nca = %q\ncertificate = \"service.pem\"\nkey = \"service.key\"\n%s"+
		"[keys]\nonline = \"online.key\"\npassphrase = \"passphrase\"\nset = \"keys.json\"\n", t.at(data), broker, user, t.authority(), more)
}

// settle writes files and makes the fleet's keys, authority and certificates with
// the program itself; server is what the broker's is asked for with.
func (t *town) settle(files map[string]string, server ...string) error {
	files["passphrase"] = "correct horse battery staple\n"
	for name, text := range files {
		if err := os.WriteFile(t.at(name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	if err := os.Mkdir(t.at("data"), 0o700); err != nil {
		return err
	}
	pass := t.at("passphrase")
	for _, args := range [][]string{
		{"keys", "new", "root", t.at("root.key"), "--passphrase-file", pass},
		{"keys", "new", "online", t.at("online.key"), "--passphrase-file", pass},
		{"keys", "new", "approver", t.at("anna.key"), "--passphrase-file", pass},
		{"keys", "new", "approver", t.at("boris.key"), "--passphrase-file", pass},
		{"keys", "rotate", t.at("keys.json"), "--passphrase-file", pass, "--root", t.at("root.key"), "--add", t.at("online.key"), "--add", t.at("anna.key"), "--add", t.at("boris.key")},
		{"enrol", "init"},
		append([]string{"enrol", "server", "--out", t.dir}, server...),
		{"enrol", "service", "--out", t.dir},
	} {
		if _, err := t.run(args...); err != nil {
			return err
		}
	}
	return nil
}

// patience is how long a part may take that should take seconds.
const patience = 5 * time.Minute

func (t *town) startBroker() error {
	program, err := brokertest.Program("mosquitto")
	if err != nil {
		return err
	}
	if t.broker, err = t.start("mosquitto", nil, program, "-c", t.at("mosquitto.conf")); err != nil {
		return err
	}
	return until("the broker listens", func() bool {
		conn, err := net.Dial("tcp", "127.0.0.1:"+t.port)
		return err == nil && conn.Close() == nil
	})
}

func (t *town) startService() (err error) {
	if t.service, err = t.serve("service", t.config); err != nil {
		return err
	}
	return until("the service answers", func() bool { _, err := t.run("export", "--stream", "alert"); return err == nil })
}

// serve starts a service with a configuration.
func (t *town) serve(name, config string) (*process, error) {
	return t.start(name, nil, t.program, "--config", t.at(config), "serve")
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
	Commands  uint64
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
	if s.process, err = t.start("sim", write, t.program, append([]string{"--config", t.at(t.config), "sim", "--json"}, args...)...); err != nil {
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

// exported is one event as the service has it.
type exported struct {
	TID   string
	Event struct {
		Data struct {
			N           int
			Jti, Status string
		}
	}
}

// export reads every event of a stream that the service has.
func (t *town) export(stream string, each func(exported)) error {
	text, err := t.run("export", "--stream", stream)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Buffer(make([]byte, 1<<20), 1<<20)
	for lines.Scan() {
		var e exported
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return err
		}
		each(e)
	}
	return lines.Err()
}

// stored counts the payments that the service has, and those it has twice.
func (t *town) stored() (n, twice int, err error) {
	seen := map[string]bool{}
	err = t.export("tx", func(e exported) {
		key := fmt.Sprint(e.TID, " ", e.Event.Data.N)
		if seen[key] {
			twice++
		}
		seen[key] = true
		n++
	})
	return n, twice, err
}

func (t *town) close() {
	for _, p := range []*process{t.service, t.broker} {
		if p != nil && p.cmd.ProcessState == nil {
			_ = p.stop()
		}
	}
}

// tell shows the end of every program's log.
func (t *town) tell(to testing.TB) {
	to.Helper()
	const most = 3000
	files, _ := filepath.Glob(t.at("*.log")) // the pattern is ours
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			to.Log(err)
			continue
		}
		to.Logf("%s:\n%s", filepath.Base(file), text[max(0, len(text)-most):])
	}
}

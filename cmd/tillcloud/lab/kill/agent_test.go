package kill_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"tillwire/agent"
	"tillwire/cmd/tillcloud/lab"
)

const (
	lanes     = 8
	token     = "0123456789abcdef0123456789abcdef"
	patience  = 2 * time.Minute // for a start or a stop, on a machine that is busy
	stillness = 20 * time.Millisecond
)

// timers are waits as short as the settings allow, so that a killed shop settles in
// seconds; hurried writes them down for the agent.
func timers(string) agent.Timers {
	t := agent.DefaultTimers("wechat")
	t.FirstQuery, t.Cadence, t.GiveUp = 500*time.Millisecond, []time.Duration{500 * time.Millisecond}, 10*time.Second
	t.Watch, t.Scan, t.QRPoll, t.QRLife = 5*time.Second, 15*time.Second, 500*time.Millisecond, 30*time.Second
	t.Retry, t.RetryMax = 200*time.Millisecond, time.Second
	return t
}

func hurried() [][2]string {
	return [][2]string{{"first_query", "500ms"}, {"cadence", "500ms"}, {"give_up", "10s"}, {"watch", "5s"}, {"scan", "15s"},
		{"qr_poll", "500ms"}, {"qr_life", "30s"}, {"retry", "200ms"}, {"retry_max", "1s"}}
}

// terminal is the real agent of a shop: its files, and its process while it lives.
type terminal struct {
	bin, dir, address string
	cmd               *exec.Cmd
	exited            chan struct{}
	log               *os.File
}

// install writes what a real shop is configured with. Its data folder is a copy of
// one that was set up.
func install(bin, dir, data, setUp string, a lab.Account, seed uint64) (*terminal, error) {
	address, err := freeAddress(seed)
	if err != nil {
		return nil, err
	}
	t := &terminal{bin: filepath.Join(bin, "tillwire"), dir: dir, address: address}
	if err := t.configure(data, a); err != nil {
		return nil, err
	}
	if out, err := exec.Command("cp", "-a", setUp, data).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("copy the data folder: %w: %s", err, out)
	}
	t.log, err = os.Create(filepath.Join(dir, "log"))
	return t, err
}

// freeAddress finds a port outside the range that outgoing connections take theirs
// from: one that knocks at a dead agent would take the agent's place. Shops that live
// side by side look among different ports, since that of a dead agent looks free.
func freeAddress(seed uint64) (string, error) {
	const first, count, ranges, tries = 20_000, 1_000, 12, 100
	var err error
	for range tries {
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", first+count*int(seed%ranges)+rand.IntN(count))); err == nil {
			return l.Addr().String(), l.Close()
		}
	}
	return "", err
}

// configure writes the configuration and the files it names.
func (t *terminal) configure(data string, a lab.Account) error {
	var b strings.Builder
	fmt.Fprintf(&b, "[terminal]\ncode = \"KILL01\"\nshop = \"Shop\"\nstore_id = \"SH0001\"\ndata = %q\ncurrency = \"CNY\"\ntime_zone = \"Asia/Shanghai\"\nlanguage = \"en\"\n", data)
	fmt.Fprintf(&b, "[http]\nlisten = %q\n[[token]]\nname = \"till\"\nfile = \"token\"\n[[wallet]]\nname = \"wechat\"\nhosts = [%q]\n", t.address, a.Host)
	fmt.Fprintf(&b, "app_id = %q\nmerchant_id = %q\nmerchant_serial = %q\nmerchant_key = \"merchant.pem\"\n", a.AppID, a.MerchantID, a.Serial)
	fmt.Fprintf(&b, "platform_key_id = %q\nplatform_key = \"platform.pem\"\nnotify_url = \"https://pay.example.com/notify\"\n", a.PlatformKeyID)
	for i := range lanes {
		fmt.Fprintf(&b, "[[lane]]\nid = \"%d\"\nwallet = \"wechat\"\n", i+1)
	}
	errs := []error{os.MkdirAll(t.dir, 0o700)}
	for name, content := range map[string][]byte{"tillwire.toml": []byte(b.String()), "token": []byte(token + "\n"), "merchant.pem": a.MerchantKey, "platform.pem": a.PlatformKey} {
		errs = append(errs, os.WriteFile(filepath.Join(t.dir, name), content, 0o600))
	}
	return errors.Join(errs...)
}

// setUp makes a data folder as it is before the first sale: with an owner and the
// short waits.
func setUp(bin, dir string, a lab.Account) (data string, err error) {
	data = filepath.Join(dir, "data")
	t := &terminal{bin: filepath.Join(bin, "tillwire"), dir: dir, address: "127.0.0.1:0"}
	if err := errors.Join(t.configure(data, a), os.MkdirAll(data, 0o700)); err != nil {
		return "", err
	}
	run := func(input string, args ...string) error {
		cmd := exec.Command(t.bin, append(args, "--config", t.config())...)
		cmd.Stdin = strings.NewReader(input)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("tillwire %s: %w: %s", strings.Join(args, " "), err, out)
		}
		return nil
	}
	errs := []error{run("a long enough password\n", "people", "set", "--role", "owner", "--name", "Owner")}
	for _, s := range hurried() {
		errs = append(errs, run("", "settings", "set", "wechat."+s[0], s[1]))
	}
	return data, errors.Join(errs...)
}

func (t *terminal) config() string { return filepath.Join(t.dir, "tillwire.toml") }

// start runs the agent. It dies with the thread that started it.
func (t *terminal) start() error {
	t.cmd = exec.Command(t.bin, "run", "--config", t.config())
	t.cmd.Stdout, t.cmd.Stderr = t.log, t.log
	t.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := t.cmd.Start(); err != nil {
		return err
	}
	t.exited = make(chan struct{})
	go func(cmd *exec.Cmd, exited chan struct{}) {
		_ = cmd.Wait()
		close(exited)
	}(t.cmd, t.exited)
	return nil
}

// answers waits until the agent takes connections, or says why it never will.
func (t *terminal) answers() error {
	deadline := time.After(patience)
	for {
		c, err := net.Dial("tcp", t.address)
		if err == nil {
			return c.Close()
		}
		select {
		case <-t.exited:
			return fmt.Errorf("the agent ended by itself (%s): %s", t.cmd.ProcessState, t.said())
		case <-deadline:
			return fmt.Errorf("the agent takes no connection after %s: %s", patience, t.said())
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// kill ends the agent as a power cut would, as far as the process goes.
func (t *terminal) kill() error {
	select {
	case <-t.exited:
		return fmt.Errorf("the agent ended by itself (%s): %s", t.cmd.ProcessState, t.said())
	default:
	}
	err := t.cmd.Process.Kill()
	<-t.exited
	return err
}

// stop ends the agent in good order.
func (t *terminal) stop() error {
	if err := t.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-t.exited:
	case <-time.After(patience):
		_ = t.cmd.Process.Kill()
		<-t.exited
		return fmt.Errorf("the agent does not stop within %s: %s", patience, t.said())
	}
	if code := t.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("the agent stops with %d: %s", code, t.said())
	}
	return nil
}

// said is the end of the agent's log.
func (t *terminal) said() string {
	text, err := os.ReadFile(t.log.Name())
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-1500):])
}

// close is for every end of a case.
func (t *terminal) close() error {
	if t.cmd != nil {
		_ = t.cmd.Process.Kill()
		<-t.exited
	}
	return errors.Join(t.log.Close())
}

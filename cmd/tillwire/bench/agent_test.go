package bench

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/creack/pty"
)

// agent is the real program with a configuration for the bench.
type agent struct {
	dir, base, token string
	data             string
	cmd              *exec.Cmd
	log              *os.File
	scanners         []*os.File // masters of the first lanes' serial lines
	client           *http.Client
	readyAfter       time.Duration

	mu   sync.Mutex
	paid map[string]chan verdict // by payment id
}

// verdict is when a sale's end was heard, and when its attempt and its outcome were
// about to be recorded.
type verdict struct{ at, sent, known time.Time }

// price is what every sale costs, in fen.
const price = 1280

// The secrets of the bench's people.
const (
	benchPassword = "a long owner's password for the bench"
	benchPIN      = "274951"
)

const till = "bench-till-0123456789abcdef0123456789abcdef"

// prepare writes a configuration with lanes registers, the first of them with a
// scanner on a pseudo-terminal, when scanner is set.
func prepare(dir string, c *cloud, lanes int, scanner bool) (*agent, error) {
	a := &agent{dir: dir, data: filepath.Join(dir, "data"), token: till, paid: map[string]chan verdict{},
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	listen := l.Addr().String()
	_ = l.Close()
	a.base = "http://" + listen
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	var toml bytes.Buffer
	fmt.Fprintf(&toml, "[terminal]\ncode = \"BENCH1\"\nshop = \"Bench\"\nstore_id = \"SH0001\"\ndata = %q\ncurrency = \"CNY\"\ntime_zone = \"UTC\"\nlanguage = \"en\"\n", a.data)
	fmt.Fprintf(&toml, "[http]\nlisten = %q\n[[token]]\nname = \"till-1\"\nfile = \"till.token\"\n", listen)
	fmt.Fprintf(&toml, "[[wallet]]\nname = \"wechat\"\nprotocol = \"wechat\"\nmode = \"direct\"\nhosts = [%q]\napp_id = %q\nmerchant_id = %q\nmerchant_serial = \"D7CE59D1F522D701\"\n"+
		"merchant_key = \"merchant.pem\"\nplatform = \"public_key\"\nplatform_key_id = %q\nplatform_key = \"platform.pem\"\napi_v3_key = \"apiv3.key\"\nnotify_url = \"https://pay.example.com/notify\"\n",
		c.url, appID, merchantID, platformID)
	for i := range lanes {
		fmt.Fprintf(&toml, "[[lane]]\nid = \"%d\"\nname = \"Register %d\"\nwallet = \"wechat\"\n", i+1, i+1)
		if i > 0 || !scanner {
			continue
		}
		master, slave, err := pty.Open()
		if err != nil {
			return nil, err
		}
		a.scanners = append(a.scanners, master)
		fmt.Fprintf(&toml, "[lane.scanner]\ndriver = \"line\"\npath = %q\nbaud = 9600\n", slave.Name())
		_ = slave.Close()
	}
	for name, text := range map[string][]byte{"tillwire.toml": toml.Bytes(), "till.token": []byte(till), "merchant.pem": privatePEM(key),
		"platform.pem": publicPEM(c.platform), "apiv3.key": []byte("0123456789abcdef0123456789ABCDEF")} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return nil, err
		}
	}
	return a, a.people()
}

func (a *agent) config() string { return filepath.Join(a.dir, "tillwire.toml") }

// configure adds to the configuration.
func (a *agent) configure(more string) error {
	f, err := os.OpenFile(a.config(), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(more)
	return errors.Join(err, f.Close())
}

func (a *agent) people() error {
	cmd := exec.Command(program, "people", "set", "--config", a.config(), "--role", "owner", "--name", "Bench")
	cmd.Stdin = strings.NewReader(benchPassword + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("people set: %v\n%s", err, out)
	}
	return nil
}

// start runs the agent; preload is a library for LD_PRELOAD or empty.
func (a *agent) start(preload string) error {
	log, err := os.OpenFile(filepath.Join(a.dir, "agent.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	a.log = log
	a.cmd = exec.Command(program, "run", "--config", a.config())
	a.cmd.Stderr, a.cmd.Stdout = log, log
	a.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if preload != "" {
		a.cmd.Env = append(os.Environ(), "LD_PRELOAD="+preload)
	}
	began := time.Now()
	if err := a.cmd.Start(); err != nil {
		return err
	}
	for time.Since(began) < 30*time.Second {
		resp, err := a.client.Get(a.base + "/readyz")
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				a.readyAfter = time.Since(began)
				return nil
			}
		}
		<-time.After(500 * time.Microsecond)
	}
	text, _ := os.ReadFile(log.Name())
	a.stop()
	return fmt.Errorf("the agent was not ready within 30 s:\n%s", text)
}

func (a *agent) stop() {
	_ = a.cmd.Process.Signal(syscall.SIGTERM)
	_ = a.cmd.Wait()
	_ = a.log.Close()
}

// do sends one request of the local API.
func (a *agent) do(method, path string, body any) (int, map[string]any, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err
	}
	req, err := http.NewRequest(method, a.base+"/api/v1"+path, bytes.NewReader(text))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+a.token)
	resp, err := a.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	var out map[string]any
	return resp.StatusCode, out, json.NewDecoder(resp.Body).Decode(&out)
}

// open asks for a payment and returns its id and order number.
func (a *agent) open(lane int, request string) (id, orderNo string, err error) {
	status, p, err := a.do("POST", "/payments", map[string]any{"request_id": request, "lane": strconv.Itoa(lane + 1),
		"amount": map[string]any{"value": price, "currency": "CNY"}, "reference": "bench", "mode": "scan"})
	if err != nil || status != http.StatusCreated {
		return "", "", fmt.Errorf("open: %d %v %v", status, p, err)
	}
	id = fmt.Sprint(p["id"])
	a.mu.Lock()
	a.paid[id] = make(chan verdict, 1)
	a.mu.Unlock()
	return id, fmt.Sprint(p["order_no"]), nil
}

func (a *agent) verdict(id string) <-chan verdict {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.paid[id]
}

// listen follows the event stream and notes when each verdict arrives.
func (a *agent) listen(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, "GET", a.base+"/api/v1/events", nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+a.token)
	resp, err := a.client.Do(req)
	if err != nil {
		return err
	}
	go func() {
		defer resp.Body.Close()
		lines := bufio.NewScanner(resp.Body)
		lines.Buffer(make([]byte, 1<<20), 1<<20)
		for lines.Scan() {
			text, ok := bytes.CutPrefix(lines.Bytes(), []byte("data:"))
			if !ok || !bytes.Contains(text, []byte(`"status":"paid"`)) {
				continue
			}
			at := time.Now()
			var p struct {
				ID, Status string
				Facts      []struct {
					Kind string
					At   time.Time
				}
			}
			if json.Unmarshal(text, &p) != nil || p.Status != "paid" {
				continue
			}
			a.mu.Lock()
			if c := a.paid[p.ID]; c != nil {
				select {
				case c <- verdict{at: at, sent: p.Facts[1].At, known: p.Facts[2].At}:
				default:
				}
			}
			a.mu.Unlock()
		}
	}()
	return nil
}

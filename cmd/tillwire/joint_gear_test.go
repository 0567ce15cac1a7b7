package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// gear is a device on a pseudo-terminal in a socket: it is plugged in by a link to a
// new terminal, and pulled out by closing that.
type gear struct {
	id     string // as the agent knows it
	link   string
	answer func(heard []byte) (left, say []byte) // what it says to what it was told

	master *os.File // nil while it is out
	pulls  int
}

// openTerminal opens a pseudo-terminal whose master stands in Go's poller, so that
// closing it pulls it out at once, even while somebody reads.
func openTerminal() (master *os.File, slave string, err error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, "", fmt.Errorf("this test needs pseudo-terminals: %w", err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	err = errors.Join(err, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	return os.NewFile(uintptr(fd), "master"), fmt.Sprintf("/dev/pts/%d", number), err
}

func (g *gear) plug() error {
	if g.master != nil {
		return nil
	}
	master, name, err := openTerminal()
	if err != nil {
		return err
	}
	g.master = master
	go func() {
		var heard []byte
		buf := make([]byte, 1024)
		for {
			n, err := master.Read(buf)
			if err != nil {
				return
			}
			var say []byte
			heard, say = g.answer(append(heard, buf[:n]...))
			if len(say) > 0 {
				_, _ = master.Write(say) // pulled out meanwhile
			}
		}
	}()
	return os.Symlink(name, g.link)
}

func (g *gear) pull() error {
	if g.master == nil {
		return nil
	}
	g.pulls++
	err := errors.Join(os.Remove(g.link), g.master.Close())
	g.master = nil
	return err
}

// tongue is how a scanner speaks: how it sends a code and answers what it is told.
type tongue struct {
	driver string
	encode func(code string) string
	answer func(heard []byte) (left, say []byte)
}

// tongues are the three families at this counter.
func tongues() []tongue {
	return []tongue{
		{"zebra-ds-ssi", func(code string) string {
			return string(sealed(append([]byte{byte(5 + len(code)), 0xf3, 0, 0, 0x1c}, code...)))
		}, answerSSI},
		{"honeywell-packets", func(code string) string {
			return fmt.Sprintf("\x16\xfe%c\x00\x00\x00\rMSGGET%04dsQ1\x1d%s\r", rune(len(code)+15), len(code)+1, code)
		}, func(heard []byte) ([]byte, []byte) {
			const menu = "DECHDR1"
			if i := bytes.Index(heard, []byte(menu+"!")); i >= 0 {
				return heard[i+len(menu)+1:], []byte(menu + "\x06!")
			}
			return heard, nil
		}},
		{"line", func(code string) string { return code + "\r" }, func([]byte) ([]byte, []byte) { return nil, nil }},
	}
}

// sealed appends the checksum of SSI: all bytes and it are zero in sixteen bits.
func sealed(b []byte) []byte {
	sum := 0
	for _, c := range b {
		sum -= int(c)
	}
	return append(b, byte(sum>>8), byte(sum))
}

// answerSSI acknowledges every command but acknowledgements.
func answerSSI(heard []byte) (left, say []byte) {
	for len(heard) > 0 {
		n := int(heard[0]) + 2
		if heard[0] < 4 { // the tail of something that was begun before it was plugged in
			heard = heard[1:]
			continue
		}
		if len(heard) < n {
			break
		}
		if op := heard[1]; op != 0xd0 && op != 0xd1 {
			say = append(say, 0x04, 0xd0, 0x00, 0x00, 0xff, 0x2c)
		}
		heard = heard[n:]
	}
	return heard, say
}

// pole reads a CD5220 display: what customers saw that they paid.
type pole struct {
	mu   sync.Mutex
	paid []string // amounts behind "PAID"
	lies []string // those of them that nobody had taken
	took func(sum string) bool
}

// polePicture is one whole picture: both lines, each of twenty letters.
var polePicture = regexp.MustCompile(`\x1bQA(.{20})\r\x1bQB(.{20})\r`)

func (p *pole) answer(heard []byte) (left, say []byte) {
	for {
		m := polePicture.FindSubmatchIndex(heard)
		if m == nil {
			return heard, nil
		}
		words, sum := strings.TrimSpace(string(heard[m[2]:m[3]])), strings.TrimSpace(string(heard[m[4]:m[5]]))
		heard = heard[m[1]:]
		if !strings.HasPrefix(words, "TEST PAID") {
			continue
		}
		sum = strings.TrimPrefix(sum, "CNY ")
		p.mu.Lock()
		p.paid = append(p.paid, sum)
		if !p.took(sum) {
			p.lies = append(p.lies, sum)
		}
		p.mu.Unlock()
	}
}

// atRest counts what the devices hold open while everything is plugged in and idle: a
// device that calls itself ready may still begin something, so it looks until nothing has
// changed for a while.
func (j *joint) atRest() (devices, drivers int) {
	j.t.Helper()
	same := 0
	if err := poll("the devices come to rest", func() (bool, error) {
		d, g := deviceCounts(j.t)
		if same++; d != devices || g != drivers {
			devices, drivers, same = d, g, 0
		}
		return same == restLooks, nil
	}); err != nil {
		j.t.Fatal(err)
	}
	return devices, drivers
}

// restLooks is how many looks in a row have to agree.
const restLooks = 100

// deviceCounts is how many terminals this process has open, and how many goroutines run
// in drivers.
func deviceCounts(t *testing.T) (devices, goroutines int) {
	t.Helper()
	for _, target := range descriptorTargets(t) {
		if strings.HasPrefix(target, "/dev/pts/") || strings.HasPrefix(target, "/dev/ptmx") {
			devices++
		}
	}
	stacks := make([]byte, 4<<20)
	for _, g := range strings.Split(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
		if strings.Contains(g, "tillwire/drivers") {
			goroutines++
		}
	}
	return devices, goroutines
}

// descriptorTargets is what the descriptors of this process lead to.
func descriptorTargets(t *testing.T) (targets []string) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil { // else it was the directory's own
			targets = append(targets, target)
		}
	}
	return targets
}

package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	tw "tillwire/agent"
	"tillwire/offline"
)

// starts is how often the start is measured.
const starts = 7

// process measures what the agent costs when nothing happens.
func process(b *testing.B) {
	info, err := os.Stat(program)
	if err != nil {
		b.Fatal(err)
	}
	fmt.Printf("binary: %.1f MB\n", float64(info.Size())/1e6)
	c, err := openCloud(0)
	if err != nil {
		b.Fatal(err)
	}
	defer c.close()
	a, err := prepare(b.TempDir(), c, 2, true)
	if err != nil {
		b.Fatal(err)
	}
	empty, rss, err := a.starts()
	if err != nil {
		b.Fatal(err)
	}
	fmt.Printf("start to /readyz, empty journal: %s s\n", empty)
	fmt.Printf("resident memory after 10 s of idling: %.1f MiB\n", rss)
	fill := time.Now()
	if err := a.fill(200_000); err != nil {
		b.Fatal(err)
	}
	fmt.Printf("(200,000 payments written in %.0f s)\n", time.Since(fill).Seconds())
	full, rss, err := a.starts()
	if err != nil {
		b.Fatal(err)
	}
	fmt.Printf("start to /readyz, 200,000 payments: %s s\n", full)
	fmt.Printf("resident memory after 10 s of idling, 200,000 payments: %.1f MiB\n", rss)
}

// starts measures several starts, and the memory after idling in the last one.
func (a *agent) starts() (figures, float64, error) {
	var took figures
	for i := range starts {
		if err := a.start(""); err != nil {
			return nil, 0, err
		}
		took = append(took, a.readyAfter.Seconds())
		if i < starts-1 {
			a.stop()
		}
	}
	<-time.After(10 * time.Second)
	rss, err := resident(a.cmd.Process.Pid)
	a.stop()
	return took, rss, err
}

func resident(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(text) {
		if rest, ok := strings.CutPrefix(string(line), "VmRSS:"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("no VmRSS for %d", pid)
}

// fill writes n paid payments through the store itself.
func (a *agent) fill(n int) error {
	s, err := offline.Open(context.Background(), offline.Options{Dir: a.data, Clock: tw.NewSystemClock(),
		Timers: func(string) tw.Timers { return tw.DefaultTimers("wechat") }, BackupEvery: -1})
	if err != nil {
		return err
	}
	if _, err := trade(s, 64, n); err != nil {
		return err
	}
	return s.Close()
}

package sim

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// Line is a terminal's line. One that is cut takes its connections with it, as a
// cable does that is pulled: nobody says good bye.
type Line struct {
	mu    sync.Mutex
	down  bool
	conns map[net.Conn]struct{}
}

func newLine() *Line { return &Line{conns: map[net.Conn]struct{}{}} }

var errCut = errors.New("the simulated line is cut")

// Dial opens a connection over the line.
func (l *Line) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	l.mu.Lock()
	down := l.down
	l.mu.Unlock()
	if down {
		return nil, errCut
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down {
		return nil, errors.Join(errCut, conn.Close())
	}
	l.conns[conn] = struct{}{}
	return &onLine{conn, l}, nil
}

// onLine forgets itself when it is closed.
type onLine struct {
	net.Conn
	line *Line
}

// Close implements net.Conn.
func (c *onLine) Close() error {
	c.line.mu.Lock()
	delete(c.line.conns, c.Conn)
	c.line.mu.Unlock()
	return c.Conn.Close()
}

// set cuts the line or mends it.
func (l *Line) set(down bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = down
	if !down {
		return
	}
	for conn := range l.conns {
		_ = conn.Close() // it is gone either way
	}
	clear(l.conns)
}

// Outage is one step of a script.
type Outage struct {
	At      time.Duration // since the script began
	Percent int           // of the terminals whose lines are cut
	For     time.Duration
}

// ReadScript reads one outage a line: "30s 50% 10s" cuts the lines of half of the
// terminals after thirty seconds, for ten. What stands behind # is a remark.
func ReadScript(r io.Reader) (script []Outage, err error) {
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(text)
		if len(words) == 0 {
			continue
		}
		var o Outage
		ok := len(words) == 3 && strings.HasSuffix(words[1], "%")
		if ok {
			var errs [3]error
			o.At, errs[0] = time.ParseDuration(words[0])
			_, errs[1] = fmt.Sscanf(words[1], "%d%%", &o.Percent)
			o.For, errs[2] = time.ParseDuration(words[2])
			ok = errors.Join(errs[:]...) == nil && o.At >= 0 && o.Percent >= 1 && o.Percent <= 100 && o.For > 0
		}
		if !ok {
			return nil, fmt.Errorf("line %d: %q is no outage. Write for example \"30s 50%% 10s\": when, how many terminals, for how long", n, strings.TrimSpace(lines.Text()))
		}
		script = append(script, o)
	}
	slices.SortStableFunc(script, func(a, b Outage) int { return int(a.At - b.At) })
	return script, lines.Err()
}

// Play cuts and mends lines as a script says, and returns when it is over or ctx
// ends. said hears each step.
func (f *Fleet) Play(ctx context.Context, script []Outage, said func(text string)) {
	began := f.opt.Clock.Mono()
	var all sync.WaitGroup
	defer all.Wait()
	for _, o := range script {
		select {
		case <-ctx.Done():
			return
		case <-f.opt.Clock.After(max(o.At-(f.opt.Clock.Mono()-began), 0)):
		}
		cut := f.some(o.Percent)
		said(fmt.Sprintf("the lines of %d terminals are cut for %v", len(cut), o.For))
		for _, t := range cut {
			t.line.set(true)
		}
		all.Go(func() {
			select {
			case <-ctx.Done():
			case <-f.opt.Clock.After(o.For):
			}
			for _, t := range cut {
				t.line.set(false)
			}
			said(fmt.Sprintf("%d lines are mended", len(cut)))
		})
	}
}

// some are so many in a hundred of the terminals, evenly among the others.
func (f *Fleet) some(percent int) (list []*terminal) {
	for i, t := range f.terminals {
		if i*percent/100 != (i+1)*percent/100 {
			list = append(list, t)
		}
	}
	return list
}

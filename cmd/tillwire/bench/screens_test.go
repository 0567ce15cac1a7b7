package bench

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A crowd of pages, of which some have stopped reading.
const (
	pagesOpen    = 100
	pagesStalled = 20
	crowdRounds  = 6
	crowdSales   = 60
)

// screens measures what pages cost a sale: the time that the agent adds, with and
// without a hundred pages that watch it, twenty of which read nothing.
func screens(b *testing.B) {
	c, err := openCloud(0)
	if err != nil {
		b.Fatal(err)
	}
	defer c.close()
	a, err := prepare(b.TempDir(), c, 1, true)
	if err != nil {
		b.Fatal(err)
	}
	if err := a.start(""); err != nil {
		b.Fatal(err)
	}
	defer a.stop()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := a.listen(ctx); err != nil {
		b.Fatal(err)
	}
	cookie, err := a.signIn()
	if err != nil {
		b.Fatal(err)
	}
	<-time.After(time.Second) // the scanner's grace
	sale := 0
	var alone, crowded, ratios figures
	var workAlone, workCrowded time.Duration
	for round := range crowdRounds + 1 {
		one, work, err := a.added(c, &sale)
		if err != nil {
			b.Fatal(err)
		}
		leave, err := a.crowd(cookie)
		if err != nil {
			b.Fatal(err)
		}
		many, workMany, err := a.added(c, &sale)
		leave()
		if err != nil {
			b.Fatal(err)
		}
		<-time.After(time.Second) // until the agent has noticed that they left
		if round == 0 {
			continue // connections are opened and caches filled
		}
		workAlone, workCrowded = workAlone+work, workCrowded+workMany
		alone, crowded, ratios = append(alone, one...), append(crowded, many...), append(ratios, many.median()/one.median())
	}
	fmt.Printf("a sale beside %d pages, %d of them stalled: added p50 %.2f ms, p99 %.2f ms; alone p50 %.2f ms, p99 %.2f ms; ratio of medians %s (%d rounds of %d sales)\n",
		pagesOpen, pagesStalled, crowded.median(), crowded.at(0.99), alone.median(), alone.at(0.99), ratios, crowdRounds, crowdSales)
	fmt.Printf("  the agent's processor for a sale: %.2f ms beside them, %.2f ms alone\n", ms(workCrowded)/float64(len(crowded)), ms(workAlone)/float64(len(alone)))
}

// added makes some sales and returns what the agent added to each, in milliseconds, and
// how long it worked for all of them.
func (a *agent) added(c *cloud, sale *int) (f figures, work time.Duration, err error) {
	before, err := worked(a.cmd.Process.Pid)
	if err != nil {
		return nil, 0, err
	}
	for range crowdSales {
		last, v, took, err := a.scan(c, *sale)
		if err != nil {
			return nil, 0, err
		}
		*sale++
		f = append(f, ms(v.at.Sub(last)-took))
	}
	after, err := worked(a.cmd.Process.Pid)
	return f, after - before, err
}

// worked is the processor time that a process has used, in its threads' own clocks.
func worked(pid int) (time.Duration, error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	var sum time.Duration
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if err != nil {
			continue // it has ended meanwhile
		}
		var ns int64
		if _, err := fmt.Sscan(string(text), &ns); err != nil {
			return 0, err
		}
		sum += time.Duration(ns)
	}
	return sum, err
}

// crowd opens the event streams of pages in which somebody is signed in, and returns
// what closes them. A page that has
// stalled reads no further than the answer's head.
func (a *agent) crowd(cookie string) (leave func(), err error) {
	var conns []net.Conn
	leave = func() {
		for _, conn := range conns {
			_ = conn.Close()
		}
	}
	host := strings.TrimPrefix(a.base, "http://")
	for i := range pagesOpen {
		conn, err := net.Dial("tcp", host)
		if err != nil {
			leave()
			return nil, err
		}
		conns = append(conns, conn)
		if i < pagesStalled {
			// As little as the system allows, so that it is the agent who notices.
			_ = conn.(*net.TCPConn).SetReadBuffer(1)
		}
		if _, err := fmt.Fprintf(conn, "GET /api/v1/events HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\nSec-Fetch-Site: same-origin\r\n\r\n", host, cookie); err != nil {
			leave()
			return nil, err
		}
		head := make([]byte, len("HTTP/1.1 200"))
		if _, err := io.ReadFull(conn, head); err != nil || string(head) != "HTTP/1.1 200" {
			leave()
			return nil, fmt.Errorf("page %d: %s %v, want %d", i, head, err, http.StatusOK)
		}
		if i >= pagesStalled {
			go func() { _, _ = io.Copy(io.Discard, conn) }()
		}
	}
	return leave, nil
}

package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	tw "tillwire/agent"
	"tillwire/offline"
)

// looks is how often each page of the owner is asked for.
const looks = 30

// year is how many payments a busy shop takes in one.
const year = 200_000

// owner measures the owner's pages and exports over a year's journal, and what an
// export makes of the agent's memory.
func owner(b *testing.B) {
	c, err := openCloud(0)
	if err != nil {
		b.Fatal(err)
	}
	defer c.close()
	a, err := prepare(b.TempDir(), c, 2, true)
	if err != nil {
		b.Fatal(err)
	}
	if err := a.fillYear(); err != nil {
		b.Fatal(err)
	}
	if err := a.start(""); err != nil {
		b.Fatal(err)
	}
	defer a.stop()
	cookie, err := a.signIn()
	if err != nil {
		b.Fatal(err)
	}
	today := time.Now().UTC()
	fmt.Printf("the owner's pages over %d payments of a year, %d looks each:\n", year, looks)
	for _, page := range []struct{ what, path string }{
		{"today", "/owner"}, {"a day a month ago", "/owner?day=" + today.AddDate(0, -1, 0).Format(time.DateOnly)},
		{"payments, the newest", "/owner/payments"}, {"payments, a month of one person", "/owner/payments?cashier=Ann&since=" + today.AddDate(0, -1, 0).Format(time.DateOnly)},
		{"payments, a text that none has", "/owner/payments?q=no-such-number"}, {"refunds", "/owner/refunds"}, {"open items", "/owner/queue"},
		{"offline", "/owner/offline"}, {"log", "/owner/log"},
	} {
		var took figures
		size := 0
		for range looks {
			began := time.Now()
			n, _, err := a.fetch(page.path, cookie)
			if err != nil {
				b.Fatal(page.what, err)
			}
			took, size = append(took, ms(time.Since(began))), n
		}
		fmt.Printf("  %-34s p50 %6.1f ms, slowest %6.1f ms, %d KiB\n", page.what, took.median(), took.at(1), size>>10)
	}
	for _, form := range []string{"csv", "xlsx"} {
		if err := a.exports(form, cookie); err != nil {
			b.Fatal(err)
		}
	}
}

// exports fetches a year as a file while it watches the agent's memory.
func (a *agent) exports(form, cookie string) error {
	before, err := resident(a.cmd.Process.Pid)
	if err != nil {
		return err
	}
	most := before
	ctx, cancel := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() {
		for ctx.Err() == nil {
			if now, err := resident(a.cmd.Process.Pid); err == nil {
				most = max(most, now)
			}
			<-time.After(20 * time.Millisecond)
		}
	})
	began := time.Now()
	n, lines, err := a.fetch("/owner/payments."+form+"?since="+began.AddDate(-1, 0, -1).Format(time.DateOnly)+"&until="+began.AddDate(0, 0, 1).Format(time.DateOnly), cookie)
	took := time.Since(began)
	cancel()
	watching.Wait()
	if err != nil {
		return err
	}
	if form == "csv" && lines != year+1 {
		return fmt.Errorf("the export has %d lines, want %d", lines, year+1)
	}
	fmt.Printf("a year's export as %s: %.1f s, %.1f MB; resident memory %.1f MiB before, %.1f MiB at most\n", form, took.Seconds(), float64(n)/1e6, before, most)
	return nil
}

// fetch reads a page or a file and counts its bytes and lines.
func (a *agent) fetch(path, cookie string) (size, lines int, err error) {
	req, err := http.NewRequest("GET", a.base+path, nil)
	if err != nil {
		return 0, 0, err
	}
	req.Header.Set("Cookie", cookie)
	resp, err := a.client.Do(req)
	if err != nil {
		return 0, 0, err
	}
	defer resp.Body.Close()
	piece := make([]byte, 64<<10)
	for {
		n, err := resp.Body.Read(piece)
		size, lines = size+n, lines+bytes.Count(piece[:n], []byte{'\n'})
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return size, lines, err
		}
	}
	if resp.StatusCode != http.StatusOK {
		return size, lines, fmt.Errorf("%s: %s", path, resp.Status)
	}
	return size, lines, nil
}

// signIn opens the owner's pages and returns the cookie.
func (a *agent) signIn() (string, error) {
	people, err := a.staff()
	if err != nil {
		return "", err
	}
	form := url.Values{"person": {people["owner"]}, "password": {benchPassword}}
	req, err := http.NewRequest("POST", a.base+"/owner/login", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", a.base)
	resp, err := a.client.Transport.RoundTrip(req) // which follows no redirect
	if err != nil {
		return "", err
	}
	_ = resp.Body.Close()
	for _, c := range resp.Cookies() {
		return c.Name + "=" + c.Value, nil
	}
	return "", fmt.Errorf("the owner cannot sign in: %s", resp.Status)
}

// staff are the ids of the shop's people by role.
func (a *agent) staff() (map[string]string, error) {
	out, err := exec.Command(program, "people", "list", "--json", "--config", a.config()).Output()
	if err != nil {
		return nil, err
	}
	var list struct{ People []struct{ ID, Role string } }
	if err := json.Unmarshal(out, &list); err != nil {
		return nil, err
	}
	staff := map[string]string{}
	for _, p := range list.People {
		staff[p.Role] = p.ID
	}
	return staff, nil
}

// fillYear writes a year of payments at even distances, of four people.
func (a *agent) fillYear() error {
	s, err := offline.Open(context.Background(), offline.Options{Dir: a.data, Clock: tw.NewSystemClock(),
		Timers: func(string) tw.Timers { return tw.DefaultTimers("wechat") }, BackupEvery: -1})
	if err != nil {
		return err
	}
	const lanes = 64
	people := []string{"Ann", "Bob", "Eve", ""}
	now := time.Now()
	var wg sync.WaitGroup
	failed := make(chan error, lanes)
	for lane := range lanes {
		wg.Go(func() {
			for i := lane; i < year; i += lanes {
				at := now.Add(-365 * 24 * time.Hour / year * time.Duration(year-i))
				if err := one(s, fmt.Sprint("L", lane), people[i%len(people)], at); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(failed)
	return errors.Join(<-failed, s.Close())
}

package alipay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

// opBill names the two requests of a bill in metrics and logs.
const opBill agent.Operation = "bill"

// What a bill may be: a chain's day is some megabytes, packed.
const (
	maxBill     = 64 << 20
	maxUnpacked = 1 << 30
	billLimit   = 2 * time.Minute
)

// billBody is biz_content of alipay.data.dataservice.bill.downloadurl.query.
type billBody struct {
	Type string `json:"bill_type"`
	Day  string `json:"bill_date"`
}

type billAnswer struct {
	result
	URL string `json:"bill_download_url"`
}

// Bill implements agent.Biller. Alipay makes the bill of a day in the night after
// it; the address it gives lives for 30 seconds, so it is fetched at once. The
// file itself is not signed: the address came in a signed answer, and TLS does
// the rest.
func (w *Wallet) Bill(ctx context.Context, day string) ([]agent.BillLine, error) {
	at, err := time.ParseInLocation(time.DateOnly, day, shanghai)
	if err != nil {
		return nil, w.billError(agent.Invalid, "error.bill_day", "Write the day as YYYY-MM-DD.", err)
	}
	ctx, cancel := context.WithTimeout(ctx, billLimit)
	defer cancel()
	var address string
	a := w.do(ctx, request{op: opBill, method: "alipay.data.dataservice.bill.downloadurl.query", biz: billBody{"trade", day},
		read: func(content []byte) agent.Answer {
			return read(content, func(b billAnswer) agent.Answer {
				if b.Code != codeDone {
					return refuse(b.result, agent.Payment{}, billRefusals, true, false)
				}
				address = b.URL
				return agent.Answer{Verdict: agent.Accepted}
			})
		}})
	switch {
	case a.Verdict == agent.Absent && w.c.Clock.Now().Before(billReady(at)):
		return nil, w.billLater(day, errors.New("it is made in the morning after"))
	case a.Verdict == agent.Absent:
		return nil, nil
	case a.Verdict == agent.Refused:
		return nil, w.billError(agent.Invalid, "error.bill_refused", "The wallet refuses the bill. Allow this account to fetch bills.", errors.New(a.Code+" "+a.Text))
	case a.Verdict != agent.Accepted:
		return nil, w.billLater(day, cmp.Or(a.Err, errors.New(a.Code+" "+a.Text)))
	}
	packed, err := w.fetch(ctx, address)
	if err != nil {
		return nil, w.billLater(day, err)
	}
	lines, err := unpack(packed, w.c.Name)
	if err != nil {
		return nil, w.billError(agent.Corrupt, "error.bill_unreadable", "The bill cannot be read. Fetch it from the merchant site and compare by hand.", err)
	}
	return lines, nil
}

// billReady is when the bill of a day is surely made: ten in the morning after it.
func billReady(day time.Time) time.Time { return day.Add(34 * time.Hour) }

func (w *Wallet) billError(class agent.Class, id, english string, err error) error {
	return &agent.Error{Op: "bill of " + w.c.Name, Class: class, Code: agent.CodeWallet, Err: err,
		Say: agent.Sentence{ID: id, Args: []string{w.c.Name}, English: english}}
}

func (w *Wallet) billLater(day string, err error) error {
	return &agent.Error{Op: "bill of " + w.c.Name, Class: agent.Unavailable, Code: agent.CodeWallet, Err: err,
		Say: agent.Sentence{ID: "error.bill_unavailable", Args: []string{w.c.Name, day},
			English: "The bill of " + day + " is not there yet. Try again later."}}
}

// fetch gets the file. It goes to no other place than Alipay or, with a test
// cloud, to the machine that cloud runs on: the address is somebody else's text.
func (w *Wallet) fetch(ctx context.Context, address string) (body []byte, err error) {
	u, err := w.fetchable(address)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", w.c.UserAgent)
	// Its own connection, no proxy and, without an http.Client, no redirects.
	t := &http.Transport{DialContext: w.c.Dial, TLSClientConfig: w.c.TLS.Clone(), DisableKeepAlives: true, DisableCompression: true}
	begun := w.c.Clock.Mono()
	answer, err := t.RoundTrip(r)
	x := wallet.Exchange{Wallet: w.c.Name, Op: opBill, Host: u.Host, Written: err == nil, Err: err}
	defer func() {
		x.Took = w.c.Clock.Mono() - begun
		if w.c.Observe != nil {
			w.c.Observe(x)
		}
	}()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, answer.Body.Close()) }()
	if x.Status = answer.StatusCode; x.Status != http.StatusOK {
		return nil, fmt.Errorf("%s answers HTTP %d", u.Host, x.Status)
	}
	body, err = io.ReadAll(io.LimitReader(answer.Body, maxBill+1))
	if err == nil && len(body) > maxBill {
		err = fmt.Errorf("the bill is longer than %d bytes", maxBill)
	}
	return body, err
}

// fetchable says where a bill may come from.
func (w *Wallet) fetchable(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || !w.billHost(u) {
		return nil, errors.New("the address of the bill is not Alipay's")
	}
	return u, nil
}

func (w *Wallet) billHost(u *url.URL) bool {
	if slices.Contains(w.c.BillHosts, u.Host) {
		return true
	}
	if below(u.Hostname(), "alipay.com") || below(u.Hostname(), "alipaydev.com") {
		return u.Scheme == "https"
	}
	return slices.ContainsFunc(w.c.Hosts, func(h string) bool {
		own, err := url.Parse(h)
		return err == nil && own.Hostname() == u.Hostname() && own.Scheme == u.Scheme && w.c.test()
	})
}

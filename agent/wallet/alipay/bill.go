package alipay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet"
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
	bill := wallet.BillOf{Wallet: w.c.Name, Day: day}
	at, err := bill.Begins(shanghai)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, wallet.BillLimit)
	defer cancel()
	var address string
	a := w.do(ctx, request{op: wallet.OpBill, method: "alipay.data.dataservice.bill.downloadurl.query", biz: billBody{"trade", day},
		read: func(content []byte) agent.Answer {
			return read(content, func(b billAnswer) agent.Answer {
				if b.Code != codeDone {
					return refuse(b.result, agent.Payment{}, billRefusals, true, false)
				}
				address = b.URL
				return agent.Answer{Verdict: agent.Accepted}
			})
		}})
	if a.Verdict != agent.Accepted {
		return nil, bill.Without(a, !w.c.Clock.Now().Before(billReady(at)))
	}
	packed, err := w.fetch(ctx, address)
	if err != nil {
		return nil, bill.Later(err)
	}
	lines, err := unpack(packed, w.c.Name)
	if err != nil {
		return nil, bill.Unreadable(err)
	}
	return lines, nil
}

// billReady is when the bill of a day is surely made: ten in the morning after it.
func billReady(day time.Time) time.Time { return day.Add(34 * time.Hour) }

// fetch gets the file. It goes to no other place than Alipay or, with a test
// cloud, to the machine that cloud runs on: the address is somebody else's text.
func (w *Wallet) fetch(ctx context.Context, address string) ([]byte, error) {
	if err := w.fetchable(address); err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", w.c.UserAgent)
	got, err := wallet.Download{Wallet: w.c.Name, Clock: w.c.Clock, TLS: w.c.TLS, Dial: w.c.Dial, Observe: w.c.Observe}.Get(r)
	if err == nil && got.Status != http.StatusOK {
		err = fmt.Errorf("%s answers HTTP %d", got.Host, got.Status)
	}
	return got.Body, err
}

// fetchable says where a bill may come from.
func (w *Wallet) fetchable(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || !w.billHost(u) {
		return errors.New("the address of the bill is not Alipay's")
	}
	return nil
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

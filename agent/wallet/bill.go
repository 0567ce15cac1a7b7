package wallet

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"tillwire/agent"
)

// OpBill names the requests of a bill in metrics and logs.
const OpBill agent.Operation = "bill"

// What a bill may be. It is of the merchant number, which may be a chain's: its day
// is some megabytes, packed.
const (
	MaxBill         = 64 << 20 // bytes as they come
	MaxUnpackedBill = 1 << 30
	BillLimit       = 2 * time.Minute
)

// BillOf is the bill of a day, as errors speak of it. Days are written YYYY-MM-DD.
type BillOf struct{ Wallet, Day string }

// Begins is the first moment of the day in the zone that the wallet counts in.
func (b BillOf) Begins(zone *time.Location) (time.Time, error) {
	at, err := time.ParseInLocation(time.DateOnly, b.Day, zone)
	if err != nil {
		return at, b.failed(agent.Invalid, "error.bill_day", "Write the day as YYYY-MM-DD.", err)
	}
	return at, nil
}

// Without says why an answer brought no bill; nil means that there is none because
// nothing happened that day. Before ready the wallet may not have made it yet.
func (b BillOf) Without(a agent.Answer, ready bool) error {
	said := errors.New(a.Code + " " + a.Text)
	switch {
	case a.Verdict == agent.Absent && !ready:
		return b.Later(errors.New("it is made in the morning after"))
	case a.Verdict == agent.Absent:
		return nil
	case a.Verdict == agent.Refused:
		return b.failed(agent.Invalid, "error.bill_refused", "The wallet refuses the bill. Allow this account to fetch bills.", said)
	}
	return b.Later(cmp.Or(a.Err, said))
}

// Unreadable is for a file that came and is no bill.
func (b BillOf) Unreadable(err error) error {
	return b.failed(agent.Corrupt, "error.bill_unreadable", "The bill cannot be read. Fetch it from the merchant site and compare by hand.", err)
}

// Later is for a bill that may come when it is asked for again.
func (b BillOf) Later(err error) error {
	return b.failed(agent.Unavailable, "error.bill_unavailable", "The bill of "+b.Day+" is not there yet. Try again later.", err, b.Day)
}

func (b BillOf) failed(class agent.Class, id, english string, err error, args ...string) error {
	return &agent.Error{Op: "bill of " + b.Wallet, Class: class, Code: agent.CodeWallet, Err: err,
		Say: agent.Sentence{ID: id, Args: append([]string{b.Wallet}, args...), English: english}}
}

// Download gets the files that an answer gives the address of. The address is
// somebody else's text: whoever asks has held it against the hosts it may name.
type Download struct {
	Wallet  string
	Clock   agent.Clock
	TLS     *tls.Config    // nil: the system's trust
	Dial    Dial           // nil: TCP
	Observe func(Exchange) // may be nil
}

// Get sends the request on a connection of its own, without a proxy and, there being
// no http.Client, without redirects. A file longer than MaxBill is an error.
func (d Download) Get(r *http.Request) (got Reply, err error) {
	t := &http.Transport{DialContext: d.Dial, TLSClientConfig: d.TLS.Clone(), DisableKeepAlives: true, DisableCompression: true}
	begun := d.Clock.Mono()
	answer, err := t.RoundTrip(r)
	x := Exchange{Wallet: d.Wallet, Op: OpBill, Host: r.URL.Host, Written: err == nil, Err: err}
	defer func() {
		x.Took = d.Clock.Mono() - begun
		if d.Observe != nil {
			d.Observe(x)
		}
	}()
	if err != nil {
		return got, err
	}
	defer func() { err = errors.Join(err, answer.Body.Close()) }()
	x.Status = answer.StatusCode
	got = Reply{Host: r.URL.Host, Status: answer.StatusCode, Header: answer.Header}
	got.Body, err = io.ReadAll(io.LimitReader(answer.Body, MaxBill+1))
	if err == nil && len(got.Body) > MaxBill {
		err = fmt.Errorf("the bill is longer than %d bytes", MaxBill)
	}
	return got, err
}

package wallet

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"time"

	"tillwire/agent"
)

// maxBody bounds an answer in bytes; a wallet's are below 20 KiB.
const maxBody = 1 << 20

// Do carries one operation to the first host that answers, within Timers.Pay in
// all. Its verdict is NotDelivered only if no connection to any host took a byte
// of the request; otherwise it is what Call.Read makes of the answer, and
// InDoubt without one.
func (t *Transport) Do(ctx context.Context, c Call) agent.Answer {
	whole, cancel := context.WithTimeout(ctx, t.o.Timers.Pay)
	defer cancel()
	var last agent.Answer
	left := false
	hosts := route(t.hosts)
	for i, h := range hosts {
		a, written, again := t.try(whole, ctx, h, c, len(hosts)-i)
		if a.Verdict != agent.NotDelivered || !left {
			last = a
		}
		left = left || written
		if !again || whole.Err() != nil {
			break
		}
	}
	return last
}

// try makes one exchange with one host, and a second one when a kept connection
// turned out to be dead before it took a byte. again tells that the next host
// may be asked.
func (t *Transport) try(ctx, caller context.Context, h *host, c Call, hostsLeft int) (a agent.Answer, written, again bool) {
	if !c.Once && hostsLeft > 1 {
		// A host that swallows requests must leave time for the next one.
		limited, cancel := context.WithTimeout(ctx, t.o.Timers.Pay/time.Duration(len(t.hosts)))
		defer cancel()
		ctx = limited
	}
	permitted := h.breaker.TryAcquirePermit()
	x, reply := t.send(ctx, h, c)
	if x.Err != nil && x.stale {
		x, reply = t.send(ctx, h, c)
	}
	switch {
	case x.Err == nil:
		a = c.Read(reply)
	case x.Written:
		a = agent.Answer{Verdict: agent.InDoubt, Reason: agent.ReasonNoAnswer, Err: x.Err}
	default:
		a = agent.Answer{Verdict: agent.NotDelivered, Reason: agent.ReasonLineDown, Err: x.Err}
	}
	failed := x.Err != nil || x.Status >= 500 || a.Verdict == agent.InDoubt && a.Reason == agent.ReasonUnverified
	switch {
	case !failed:
		h.note(good, permitted)
	case errors.Is(caller.Err(), context.Canceled):
		h.note(silent, permitted)
	default:
		h.note(bad, permitted)
	}
	if x.Err != nil {
		// What broke one connection has often broken its neighbours.
		t.http.CloseIdleConnections()
	}
	x.Verdict, x.Reason, x.Code = a.Verdict, a.Reason, a.Code
	t.report(ctx, x.Exchange)
	return a, x.Written, failed && a.Verdict != agent.Approved && (!x.Written || !c.Once)
}

// sent is an exchange before it is judged.
type sent struct {
	Exchange
	stale bool // a kept connection took nothing: the same host deserves a fresh one
}

func (t *Transport) send(ctx context.Context, h *host, c Call) (sent, Reply) {
	begun := t.o.Clock.Mono()
	x := sent{Exchange: Exchange{Wallet: cmp.Or(c.Wallet, t.o.Wallet), Op: c.Op, Host: h.base.Host}}
	var seen witness
	answer, err := t.roundTrip(httptrace.WithClientTrace(ctx, seen.trace()), h, c)
	if err == nil {
		x.Written, x.Status, x.RequestID = true, answer.StatusCode, answer.Header.Get(t.o.RequestID)
		var body []byte
		if body, err = readBody(answer); err == nil {
			x.Took = t.o.Clock.Mono() - begun
			return x, Reply{Host: h.base.Host, Status: answer.StatusCode, Header: answer.Header, Body: body}
		}
	}
	wrote, reused := seen.wrote()
	x.Written = x.Written || wrote
	x.stale = reused && !x.Written && ctx.Err() == nil
	x.Err = fmt.Errorf("%s at %s: %w", c.Op, h.base.Host, err)
	x.Took = t.o.Clock.Mono() - begun
	return x, Reply{}
}

// roundTrip hands one request to net/http. GetBody stays nil and the body is
// opaque, so that net/http cannot send it a second time by itself. There is no
// http.Client around it: that is what would follow redirects.
func (t *Transport) roundTrip(ctx context.Context, h *host, c Call) (*http.Response, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, c.Method, h.base.String()+c.Target, nil)
	if err != nil {
		return nil, err
	}
	if c.Body != nil {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(c.Body)), int64(len(c.Body))
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", t.o.Agent)
	for name, values := range c.Header {
		r.Header[name] = values
	}
	sign := t.o.Sign
	if c.Sign != nil {
		sign = c.Sign
	}
	if sign != nil {
		if err := sign(r, c.Body); err != nil {
			return nil, fmt.Errorf("sign: %w", err)
		}
	}
	return t.http.RoundTrip(r)
}

func readBody(answer *http.Response) (body []byte, err error) {
	defer func() { err = errors.Join(err, answer.Body.Close()) }()
	body, err = io.ReadAll(io.LimitReader(answer.Body, maxBody+1))
	if err == nil && len(body) > maxBody {
		err = fmt.Errorf("the answer is longer than %d bytes", maxBody)
	}
	return body, err
}

func (t *Transport) report(ctx context.Context, x Exchange) {
	level := slog.LevelDebug
	if x.Err != nil || x.Verdict == agent.InDoubt {
		level = slog.LevelWarn
	}
	t.o.Log.Log(ctx, level, "wallet exchange", "wallet", x.Wallet, "op", x.Op, "host", x.Host, "status", x.Status, "verdict", x.Verdict.String(),
		"code", x.Code, "request_id", x.RequestID, "took_ms", x.Took.Milliseconds(), "written", x.Written, "err", x.Err)
	if t.o.Observe != nil {
		t.o.Observe(x)
	}
}

package network

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	"tillwire/agent/sandbox"
)

// wait lets time pass; false when the proxy was closed meanwhile.
func (t *Trip) wait(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-t.proxy.done:
		return false
	}
}

// redial replaces the connection to the cloud, which may have grown too old.
func (t *Trip) redial() error {
	fresh, err := t.again(context.Background())
	if err != nil {
		return err
	}
	if !t.proxy.keep(fresh) {
		return errors.Join(errOver, fresh.Close())
	}
	_ = t.cloud.Close() // the old one is not used any more
	t.proxy.drop(t.cloud)
	t.cloud, t.answers = fresh, bufio.NewReader(fresh)
	return nil
}

// LateAnswer executes the request and holds its answer for d.
func LateAnswer(d time.Duration) Fault {
	return func(t *Trip) error {
		t.held.Store(true)
		answer, err := t.Deliver()
		if err != nil || !t.wait(d) {
			return errors.Join(err, errOver)
		}
		t.acts()
		return t.Tell(answer)
	}
}

// LateRequest delivers the request only after d, whether anybody still waits or not.
func LateRequest(d time.Duration) Fault {
	return func(t *Trip) error {
		t.held.Store(true)
		if !t.wait(d) {
			return errOver
		}
		if err := t.redial(); err != nil {
			return err
		}
		t.acts()
		return Carry(t)
	}
}

// TwoAnswers tells the answer twice: the second lies in wait for the next request of
// the connection.
func TwoAnswers(t *Trip) error {
	answer, err := t.Deliver()
	if err != nil {
		return err
	}
	t.mixes()
	return t.Tell(append(slices.Clone(answer), answer...))
}

// TwoRequests delivers the request twice, byte by byte the same, and tells one of the
// answers. The sandbox refuses the second because it has seen its nonce; to a
// payment that refusal is never told, see bound.
func TwoRequests(last bool) Fault {
	return func(t *Trip) error {
		first, err := t.Deliver()
		if err != nil {
			return err
		}
		if err := t.redial(); err != nil {
			return err
		}
		second, err := t.Deliver()
		if err != nil {
			return err
		}
		t.acts()
		if last && t.bound(second) {
			return t.Tell(second)
		}
		return t.Tell(first)
	}
}

// bound holds for an answer that may be told to a request it was not given to. A
// refusal of WeChat Pay or Alipay is signed and names no order, so only the connection
// tells which payment it refuses: TLS is what keeps it there. A shop that believes such a
// refusal looks again after fifteen seconds and pays back; the oracle would call it
// a no that was not proven all the same. A gateway's answers are signed over their
// requests and may be told to any.
func (t *Trip) bound(m Message) bool {
	return t.Op != sandbox.OpPay || success(m) || bytes.Contains(m, []byte(`"signature";req;`))
}

// success holds for an answer that is no error, neither by its status nor, as
// Alipay's are, by a member of its body.
func success(m Message) bool {
	return bytes.HasPrefix(m, []byte("HTTP/1.1 2")) && !bytes.Contains(m, []byte(`"sub_code":`))
}

// Slow tells the answer byte by byte.
func Slow(tick time.Duration) Fault {
	return func(t *Trip) error {
		answer, err := t.Deliver()
		if err != nil {
			return err
		}
		t.acts()
		for i := range answer {
			if err := t.Tell(answer[i : i+1]); err != nil {
				return err
			}
			if !t.wait(tick) {
				return errOver
			}
		}
		return nil
	}
}

// offer is an answer that looks for another to change places with.
type offer struct {
	answer Message
	back   chan Message
}

// Swap exchanges the answer with that of another request that is under way to the
// same fault within d.
func Swap(d time.Duration) Fault {
	return func(t *Trip) error {
		mine, err := t.Deliver()
		if err != nil {
			return err
		}
		if !success(mine) {
			return t.Tell(mine) // the other request may be a payment, see bound
		}
		swapped := func(other Message) error {
			if !bytes.Equal(other, mine) {
				t.mixes()
			}
			return t.Tell(other)
		}
		o := offer{mine, make(chan Message, 1)}
		select {
		case t.proxy.swaps <- o:
			return swapped(<-o.back)
		case other := <-t.proxy.swaps:
			other.back <- mine
			return swapped(other.answer)
		case <-time.After(d):
			return t.Tell(mine)
		case <-t.proxy.done:
			return errOver
		}
	}
}

// Stale executes the request and tells what was answered before: to the same order
// or to another one. Without such an answer it tells the true one.
func Stale(same bool) Fault {
	return func(t *Trip) error {
		before := t.proxy.recall(t.Op, t.OrderNo, same)
		answer, err := t.Deliver()
		if err != nil {
			return err
		}
		if before != nil && (same || t.bound(before)) {
			if !bytes.Equal(answer, before) {
				t.mixes()
			}
			answer = before
		}
		return t.Tell(answer)
	}
}

// Lie tells something else than the cloud's answer. The request is executed, or, with
// lost, never arrives and the lie is made of nothing. With hangUp that is the
// connection's end.
func Lie(lost, hangUp bool, lie func(Answer) Message) Fault {
	return func(t *Trip) error {
		var answer Message
		if !lost {
			var err error
			if answer, err = t.Deliver(); err != nil {
				return err
			}
		}
		a, err := read(answer)
		if err != nil {
			return err
		}
		a.Request = t.Request
		told := lie(a)
		if hangUp || !bytes.Equal(told, answer) {
			t.acts()
		}
		if err := t.Tell(told); err != nil || !hangUp {
			return err
		}
		return errOver
	}
}

// Answer is a cloud's answer taken apart, to be changed and written again.
type Answer struct {
	Request Message
	Raw     Message // as the cloud wrote it; nil when it wrote none
	Status  int
	Header  http.Header
	Body    []byte
}

func read(m Message) (a Answer, err error) {
	if m == nil {
		return Answer{Status: http.StatusOK, Header: http.Header{}}, nil
	}
	r, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(m)), nil)
	if err != nil {
		return a, err
	}
	body, err := io.ReadAll(r.Body)
	return Answer{Raw: m, Status: r.StatusCode, Header: r.Header, Body: body}, errors.Join(err, r.Body.Close())
}

// Message writes the answer as a server would.
func (a Answer) Message() Message {
	var m bytes.Buffer
	fmt.Fprintf(&m, "HTTP/1.1 %d %s\r\n", a.Status, http.StatusText(a.Status))
	a.Header.Del("Content-Length")
	for _, name := range slices.Sorted(maps.Keys(a.Header)) {
		for _, value := range a.Header[name] {
			fmt.Fprintf(&m, "%s: %s\r\n", name, value)
		}
	}
	if a.Status != http.StatusNoContent {
		fmt.Fprintf(&m, "Content-Length: %d\r\n", len(a.Body))
	}
	m.WriteString("\r\n")
	m.Write(a.Body)
	return m.Bytes()
}

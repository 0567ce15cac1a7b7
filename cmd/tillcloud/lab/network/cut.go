package network

import "net"

// Way is how a connection ends that is cut.
type Way int

// The ways of a cut.
const (
	Reset   Way = iota // RST to both sides
	Close              // FIN to both sides
	Silence            // nothing flows any more and nobody is told
)

// String names a way for figures and failures.
func (w Way) String() string { return [...]string{"reset", "close", "silence"}[w] }

// Cut lets the first at bytes of a request, or of its answer, through and cuts the
// connection there; at is brought down to the message's length.
func Cut(answer bool, at int, w Way) Fault {
	return func(t *Trip) error {
		told, m := t.Pass, t.Request
		if answer {
			var err error
			if m, err = t.Deliver(); err != nil {
				return err
			}
			told = t.Tell
		}
		if w == Silence {
			t.held.Store(true)
		}
		if err := told(m[:min(at, len(m))]); err != nil {
			return err
		}
		t.acts()
		return t.end(w)
	}
}

// end cuts the connection; it returns when there is nothing left to do for it.
func (t *Trip) end(w Way) error {
	switch w {
	case Reset:
		abortive(t.shop)
		abortive(t.cloud)
	case Silence:
		<-t.proxy.done
	}
	return errOver
}

// abortive makes closing a TCP connection a reset.
func abortive(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // fails only on a connection that is closed already
	}
}

// Measure carries an exchange faithfully and tells the lengths of its messages.
func Measure(note func(request, answer int)) Fault {
	return func(t *Trip) error {
		answer, err := t.Deliver()
		if err != nil {
			return err
		}
		note(len(t.Request), len(answer))
		t.acts()
		return t.Tell(answer)
	}
}

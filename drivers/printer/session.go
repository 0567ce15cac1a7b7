package printer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"tillwire/agent"
)

// The patience of a session (devices reference, 7.6).
const (
	answerPatience = time.Second     // for answers to DLE EOT; serial printers need most of it
	jobPatience    = 7 * time.Second // for a job, besides the time that its bytes take
	endPatience    = time.Second / 4 // for the rest of what the printer has begun to say
	afterwards     = time.Second     // how long paper is watched after a job that is not proved
	askAgain       = time.Second     // between two looks while a job is printed
	chunkSize      = 1024            // bytes handed to the line at a time
	leastRate      = 2000            // bytes a second that any printer on USB or network takes
)

// errSilent reports a printer that should answer and does not.
var errSilent = errors.New("the printer does not answer")

// session is one opening of the line. Its methods belong to one goroutine.
type session struct {
	conn  conn
	clock agent.Clock
	demux Demux
	rate  int // bytes a second

	input  chan []byte   // closed when the line is lost
	ending chan struct{} // closed by close
	gone   chan struct{} // closed when the reader has returned
	err    error         // why input was closed; read it after that

	awaited string // id of the job whose end is waited for; no other one proves anything
	proved  bool   // that job is on paper
}

// newSession takes over an open line. A printer that never answers is not read: some
// USB printers hang in a read for ever.
func newSession(c conn, clock agent.Clock, rate int, listen bool) *session {
	s := &session{conn: c, clock: clock, rate: rate, input: make(chan []byte, 16), ending: make(chan struct{}), gone: make(chan struct{})}
	if !listen {
		close(s.gone)
		return s
	}
	go s.read()
	return s
}

func (s *session) read() {
	defer close(s.gone)
	defer close(s.input)
	buf := make([]byte, 256)
	for {
		n, err := s.conn.Read(buf)
		if n > 0 {
			select {
			case s.input <- append([]byte(nil), buf[:n]...):
			case <-s.ending:
				return
			}
		}
		if err != nil {
			s.err = err
			return
		}
	}
}

func (s *session) close() error {
	close(s.ending)
	err := s.conn.Close()
	<-s.gone
	return err
}

// write sends all of b within its time. n is how much the line took.
func (s *session) write(b []byte) (n int, err error) {
	limit := jobPatience + s.takes(len(b))
	if err := s.conn.SetWriteDeadline(s.clock.Now().Add(limit)); err != nil && !errors.Is(err, os.ErrNoDeadline) {
		return 0, fmt.Errorf("set the time for writing: %w", err)
	}
	for n < len(b) {
		m, err := s.conn.Write(b[n:min(n+chunkSize, len(b))])
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// takes is how long the line needs for so many bytes.
func (s *session) takes(bytes int) time.Duration {
	return time.Duration(bytes) * time.Second / time.Duration(s.rate)
}

// look asks the printer how it is and waits for its answers. errSilent when none of
// them comes. What the printer is in the middle of saying may be the end of a job, so
// that is let finish first.
func (s *session) look(ctx context.Context) (Status, error) {
	if err := s.listen(ctx, endPatience, func() bool { return !s.demux.Within() }); err != nil {
		return s.demux.Status(), err
	}
	s.demux.Forget()
	all := []byte{askPrinter, askOffline, askError, askPaper}
	for _, n := range all {
		s.demux.Asked(n)
		if _, err := s.write(ask(n)); err != nil {
			return s.demux.Status(), err
		}
	}
	err := s.listen(ctx, answerPatience, func() bool { return s.demux.Waiting() == 0 })
	if err == nil && s.demux.Waiting() == len(all) {
		err = errSilent
	}
	return s.demux.Status(), err
}

// listen takes what the printer sends until enough holds or the time is over. The
// error is that of a line that is lost, or of ctx.
func (s *session) listen(ctx context.Context, limit time.Duration, enough func() bool) error {
	late := s.clock.After(limit)
	for !enough() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-late:
			return nil
		case b, ok := <-s.input:
			if !ok {
				return s.lost()
			}
			s.take(b)
		}
	}
	return nil
}

func (s *session) take(b []byte) {
	for _, r := range s.demux.Feed(b) {
		if r.Kind == ReplyDone && s.awaited != "" && r.ID == s.awaited {
			s.proved = true
		}
	}
}

// await begins to wait for the end of a job. Call it before the bytes leave that ask for
// that end: what the printer has said until then cannot be about it, even under its id.
func (s *session) await(id string) {
	for more := true; more; {
		select {
		case b, ok := <-s.input:
			s.take(b)
			more = ok // a line that ended says so to whoever listens next
		default:
			more = false
		}
	}
	s.awaited, s.proved = id, false
}

func (s *session) lost() error {
	if s.err == nil {
		return errors.New("the line ended")
	}
	return s.err
}

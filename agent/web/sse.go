package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"tillwire/agent"
)

const (
	heartbeat    = 2 * time.Second  // a page that hears nothing for 5 s says so
	writeLimit   = 10 * time.Second // a reader that takes longer for one event is cut off
	statusEvery  = 3                // heartbeats between two status events without news
	maxStreams   = 512
	reconnectFor = time.Second
)

// slots bounds how many streams, or downloads, there are at once.
type slots struct {
	held atomic.Int64
	max  int64
}

// take reserves a place; the caller gives it back with free. Its error is about streams.
func (s *slots) take() error {
	if s.held.Add(1) > s.max {
		s.held.Add(-1)
		return waiting{fail(agent.Unavailable, codeStreams, "error.streams", "Too many event streams are open. Close some pages."), reconnectFor}
	}
	return nil
}

func (s *slots) free() { s.held.Add(-1) }

// stream writes server-sent events (WHATWG HTML, 9.2) to one client.
type stream struct {
	w     http.ResponseWriter
	ctl   *http.ResponseController
	clock agent.Clock
	held  *strings.Builder // what is gathered for one write; nil: each event is written at once
}

// newStream begins the answer. The server's own limits end ordinary answers, so
// both are lifted here: reading, because a passed read limit would cancel the
// request, and writing, because each event sets its own.
func newStream(w http.ResponseWriter, clock agent.Clock) (*stream, error) {
	st := &stream{w: w, ctl: http.NewResponseController(w), clock: clock}
	if err := st.ctl.SetReadDeadline(time.Time{}); err != nil {
		return nil, fmt.Errorf("open stream: %w", err)
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	return st, st.write("retry: " + strconv.FormatInt(reconnectFor.Milliseconds(), 10) + "\n\n")
}

// noID leaves the client's last id as it is. An id of 0 is one: whoever listened
// before the first payment resumes from there.
const noID = -1

// send writes one event.
func (st *stream) send(id int64, name string, data any) error {
	body, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("send event %s: %w", name, err)
	}
	return st.sendBody(id, name, body)
}

// sendBody writes one event that is encoded already.
func (st *stream) sendBody(id int64, name string, body []byte) error {
	head := ""
	if id != noID {
		head = "id: " + strconv.FormatInt(id, 10) + "\n"
	}
	return st.write(head + "event: " + name + "\ndata: " + string(body) + "\n\n")
}

// together lets events go out in one piece.
func (st *stream) together(send func() error) error {
	st.held = &strings.Builder{}
	err := send()
	text := st.held.String()
	st.held = nil
	if err != nil || text == "" {
		return err
	}
	return st.write(text)
}

func (st *stream) write(text string) error {
	if st.held != nil {
		st.held.WriteString(text)
		return nil
	}
	if err := st.ctl.SetWriteDeadline(st.clock.Now().Add(writeLimit)); err != nil {
		return err
	}
	if _, err := st.w.Write([]byte(text)); err != nil {
		return err
	}
	return st.ctl.Flush()
}

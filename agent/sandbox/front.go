package sandbox

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"regexp"
	"strconv"
	"sync"
	"time"

	"tillwire/agent"
)

// maxBody bounds a request's body; the largest real one is a few kilobytes.
const maxBody = 1 << 20

// dropPatience bounds the wait for the bytes of a request that will be dropped.
const dropPatience = 30 * time.Second

// book numbers the requests and writes them down.
type book struct {
	ledger *Ledger
	mu     sync.Mutex
	last   int64
}

// arrived numbers and queues in one step, so that the numbers are the order.
func (b *book) arrived(s Seen) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	b.ledger.arrived(b.last, s)
	return b.last
}

// front is the HTTP around one host of a wallet: it writes every request down,
// applies at most one fault to it, and leaves the rest to the wallet.
type front struct {
	speaker Speaker // the wallet, or the door
	door    Door    // nil for a wallet's own listener
	host    int     // 1 is the first
	faults  *faultList
	book    *book
	clock   agent.Clock
	log     *slog.Logger
}

// visit is one request on its way through a front.
type visit struct {
	*front
	wallet  Speaker // whom the request is for
	w       http.ResponseWriter
	r       *http.Request
	fault   Fault
	seen    Seen
	id      int64
	orderNo string
	head    []byte // of the body: what had to be read to know the operation
}

// ServeHTTP implements http.Handler.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	wallet, head := f.whom(r)
	op, orderNo := wallet.Classify(r)
	if s, ok := wallet.(Sniffer); ok && op == OpOther {
		op, orderNo, head = sniff(s, r)
	}
	// The fault is taken before the body is read: a request that will be dropped
	// must not be read further than the fault says.
	v := &visit{front: f, wallet: wallet, w: w, r: r, orderNo: orderNo, head: head, fault: f.fault(wallet, op)}
	v.seen = Seen{Wallet: wallet.Name(), Operation: string(op), OrderNo: orderNo, Method: r.Method, Path: legiblePath(op, r.URL.Path), Fault: string(v.fault.Kind)}
	v.id = f.book.arrived(v.seen)
	if v.fault.Kind == DropRequest || v.fault.Kind == RefuseConnection {
		v.dropRequest()
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if v.orderNo == "" {
		v.orderNo = v.wallet.OrderNo(body)
	}
	switch {
	case err != nil:
		// Cut off or too long: no wallet executes half a request.
		v.plain(http.StatusBadRequest, "text/plain; charset=utf-8", "the request could not be read\n")
	case v.fault.Kind == StatusOnly:
		v.plain(v.fault.Status, "text/html; charset=utf-8", statusPage(v.fault.Status))
	case v.fault.Kind == CaptivePortal:
		v.plain(http.StatusOK, "text/html; charset=utf-8", portalPage)
	default:
		v.execute(body)
	}
}

// whom finds the wallet behind a door that a request is for; what is for none is
// the door's own.
func (f *front) whom(r *http.Request) (Speaker, []byte) {
	if f.door == nil {
		return f.speaker, nil
	}
	w, more := f.door.Behind(r, nil)
	var head []byte
	if more {
		head = peek(r, func(head []byte) bool {
			w, more = f.door.Behind(r, head)
			return !more
		})
	}
	if w == nil {
		return f.speaker, head
	}
	return w, head
}

// fault is what a request meets. A door cannot be shut to one wallet alone, so a
// wallet whose connections are refused is cut off there as soon as it is known.
func (f *front) fault(wallet Speaker, op Operation) Fault {
	if wallet != f.speaker && f.faults.refused(wallet.Name(), f.host) {
		return Fault{Kind: RefuseConnection}
	}
	return f.faults.take(wallet.Name(), op, f.host)
}

// sniff reads so much of a body as the wallet needs to name the operation.
func sniff(s Sniffer, r *http.Request) (op Operation, orderNo string, head []byte) {
	op = OpOther
	head = peek(r, func(head []byte) bool {
		op, orderNo = s.Sniff(r, head)
		return op != OpOther
	})
	return op, orderNo, head
}

// peek reads a body until enough of it is there, and puts it back for whoever
// reads the body after.
func peek(r *http.Request, enough func(head []byte) bool) (head []byte) {
	chunk := make([]byte, 512)
	for len(head) < maxBody {
		n, err := r.Body.Read(chunk)
		head = append(head, chunk[:n]...)
		if enough(head) || err != nil {
			break // enough, the end, or the client left; whoever reads on will see which
		}
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head), r.Body), r.Body}
	return head
}

// execute lets the wallet do its work and then treats the answer.
func (v *visit) execute(body []byte) {
	// A slow customer is waited for as long as the client waits.
	ctx := v.r.Context()
	call := Call{Request: v.r, Body: body}
	switch v.fault.Kind {
	case BadSignature:
		call.Lie = LieSignature
	case WrongAmount:
		call.Lie = LieAmount
	case DropResponse, Delay:
		// The client may hang up early; the order must not depend on it.
		ctx = context.WithoutCancel(ctx)
	}
	answer := v.wallet.Answer(ctx, call)
	if ctx.Err() != nil {
		return // the client left while a slow customer thought; nothing was answered
	}
	v.book.ledger.answered(v.id, v.orderNo, answer.Status)
	switch v.fault.Kind {
	case Duplicate:
		// The network delivered it twice; the client hears the later answer,
		// because only that one describes what the cloud now holds.
		call.Again = true
		id := v.book.arrived(v.seen)
		answer = v.wallet.Answer(ctx, call)
		v.book.ledger.answered(id, v.orderNo, answer.Status)
	case DropResponse:
		v.dropResponse(answer)
		return
	case Delay:
		select {
		case <-v.clock.After(time.Duration(v.fault.DelayMS) * time.Millisecond):
		case <-v.r.Context().Done():
			return
		}
	}
	v.write(answer)
}

// write sends an answer as it is.
func (v *visit) write(a Answer) {
	header := v.w.Header()
	for name, values := range a.Header {
		header[name] = values
	}
	if a.Status != http.StatusNoContent {
		header.Set("Content-Length", strconv.Itoa(len(a.Body)))
	}
	v.w.WriteHeader(a.Status)
	if _, err := v.w.Write(a.Body); err != nil && len(a.Body) > 0 {
		v.log.Debug("the client left before the answer", "operation", v.seen.Operation, "error", err)
	}
}

// plain answers without a signature and without executing anything.
func (v *visit) plain(status int, contentType, body string) {
	v.book.ledger.answered(v.id, v.orderNo, status)
	a := Answer{Status: status, Header: http.Header{"Content-Type": {contentType}}, Body: []byte(body)}
	if status == http.StatusNoContent || status == http.StatusNotModified {
		a.Body = nil
	}
	v.write(a)
}

// hijack takes the connection away from the server.
func (v *visit) hijack() (net.Conn, *bufio.ReadWriter) {
	conn, buffered, err := http.NewResponseController(v.w).Hijack()
	if err != nil {
		// Only a test's recorder cannot be hijacked; aborting is the nearest to a reset.
		panic(http.ErrAbortHandler)
	}
	return conn, buffered
}

// dropRequest reads so much of the request as the fault says and resets. The
// operation is only known once the header has been read, so that much is
// always taken; a body is read no further than asked.
func (v *visit) dropRequest() {
	head, err := httputil.DumpRequest(v.r, false)
	if err != nil {
		head = nil
	}
	conn, buffered := v.hijack()
	defer reset(conn)
	body := bytes.NewBuffer(bytes.Clone(v.head))
	want := v.fault.AfterBytes - int64(len(head)+len(v.head))
	if v.r.ContentLength >= 0 {
		want = min(want, v.r.ContentLength-int64(len(v.head)))
	}
	if want > 0 {
		// The server's own clock rules sockets; the injected one rules payments.
		stop := time.AfterFunc(dropPatience, func() { reset(conn) })
		_, err = io.CopyN(body, buffered, want)
		stop.Stop()
		if err != nil {
			v.log.Debug("the client left before its request was dropped", "error", err)
		}
	}
	// What has arrived already may tell the order number; nothing is waited for.
	rest, err := buffered.Peek(buffered.Reader.Buffered())
	if err == nil && v.orderNo == "" {
		v.orderNo = v.wallet.OrderNo(append(body.Bytes(), rest...))
	}
	v.book.ledger.answered(v.id, v.orderNo, 0)
}

// dropResponse sends the first bytes of an answer and resets.
func (v *visit) dropResponse(a Answer) {
	conn, _ := v.hijack()
	defer reset(conn)
	if _, err := conn.Write(cut(raw(v.r, a, v.clock.Now()), v.fault.AfterBytes)); err != nil {
		v.log.Debug("the client left before its answer was dropped", "error", err)
	}
}

// cut is the first n bytes, or all of them.
func cut(b []byte, n int64) []byte { return b[:min(n, int64(len(b)))] }

// raw writes an answer as the server would have.
func raw(r *http.Request, a Answer, now time.Time) []byte {
	header := a.Header.Clone()
	header.Set("Date", now.UTC().Format(http.TimeFormat))
	response := http.Response{StatusCode: a.Status, ProtoMajor: 1, ProtoMinor: 1, Request: r, Header: header,
		ContentLength: int64(len(a.Body)), Body: io.NopCloser(bytes.NewReader(a.Body))}
	var b bytes.Buffer
	if err := response.Write(&b); err != nil {
		return nil // a buffer does not fail
	}
	return b.Bytes()
}

// longDigits may be a payment code that somebody put into a path.
var longDigits = regexp.MustCompile(`[0-9]{12,}`)

// legiblePath is the path for the list of requests. Paths that a wallet knows
// hold only numbers of orders, refunds and transactions.
func legiblePath(op Operation, path string) string {
	if op == OpOther {
		path = longDigits.ReplaceAllString(path, "…")
	}
	return path
}

// statusPage is what a gateway in front of the cloud says when the cloud is ill.
func statusPage(status int) string {
	return fmt.Sprintf("<html>\r\n<head><title>%[1]d %[2]s</title></head>\r\n<body><center><h1>%[1]d %[2]s</h1></center></body>\r\n</html>\r\n", status, http.StatusText(status))
}

const portalPage = `<!doctype html><html><head><title>Welcome to FreeMall WiFi</title></head>` +
	`<body><h1>Welcome</h1><p>Accept the terms to go online.</p><form><button>Accept</button></form></body></html>` + "\n"

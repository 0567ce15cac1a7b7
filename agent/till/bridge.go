package till

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"time"

	"tillwire/agent"
)

// serviceID is the till's own number of a message (nexo Sale to POI, MessageHeader).
var serviceID = regexp.MustCompile(`^[A-Za-z0-9]{1,10}$`)

// Hold is how long a payment's answer is waited for on one connection. A till that has
// none by then gets none there, and asks for the transaction's status: no answer but a
// certain one is given.
const Hold = 120 * time.Second

// maxMessage bounds a message, in bytes.
const maxMessage = 1 << 20

// counter opens payments and ends them.
type counter interface {
	Open(ctx context.Context, r agent.Request) (p agent.Payment, repeated bool, err error)
	Cancel(ctx context.Context, id agent.PaymentID, by string) (p agent.Payment, repeated bool, err error)
}

// journal finds payments.
type journal interface {
	Payment(ctx context.Context, id agent.PaymentID) (agent.Payment, error)
	ByRequest(ctx context.Context, client, requestID string) (agent.Payment, error)
	List(ctx context.Context, f agent.Filter) (agent.Page, error)
}

// Register is what a till knows by one POIID.
type Register struct {
	Lane       string
	Protection *Protection // nil: messages come as they are
}

// Options are the bridge's surroundings; Log and Condition may be nil.
type Options struct {
	Counter   counter
	Journal   journal
	Feed      *agent.Feed
	Clock     agent.Clock
	Log       *slog.Logger
	Registers map[string]Register         // by POIID
	Condition func(lane string) Condition // how a register stands now
}

// Bridge answers a till's messages.
type Bridge struct{ Options }

// New returns a bridge.
func New(o Options) *Bridge {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Condition == nil {
		o.Condition = func(string) Condition { return Condition{} }
	}
	return &Bridge{o}
}

// exchange is one message and who sent it.
type exchange struct {
	*Bridge
	client   string   // of the payments it opens: "till:NAME"
	register Register // without a lane when there is none of that POIID
	in       message
}

// Serve answers one message of a till that was let in as client.
func (b *Bridge) Serve(w http.ResponseWriter, r *http.Request, client string) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxMessage))
	var e envelope
	if err == nil {
		err = json.Unmarshal(text, &e)
	}
	switch {
	case err != nil:
		b.reject(w, header{}, "the message is no JSON of nexo")
		return
	case e.Request == nil || e.Request.Header.MessageCategory == "":
		b.reject(w, header{}, "a SaleToPOIRequest with a MessageHeader is wanted")
		return
	case !serviceID.MatchString(e.Request.Header.ServiceID):
		// Without a number of its own, the next sale of the same sum would be taken for this one.
		b.reject(w, e.Request.Header, "a ServiceID of 1 to 10 letters and digits is wanted, another for each message")
		return
	}
	in, register := *e.Request, b.Registers[e.Request.Header.POIID]
	if register.Protection != nil {
		if in, err = register.Protection.unwrap(in); err != nil {
			b.Log.Warn("a till's message is not taken", "comp", "till", "code", "nexo_protection", "till", client, "err", err)
			b.reject(w, e.Request.Header, err.Error())
			return
		}
	}
	// An answer may take as long as Hold, and the server's own limit is for pages.
	_ = http.NewResponseController(w).SetWriteDeadline(b.Clock.Now().Add(Hold + time.Minute))
	exchange{b, client, register, in}.answer(r.Context(), w)
}

func (x exchange) answer(ctx context.Context, w http.ResponseWriter) {
	out := message{Header: answerTo(x.in.Header)}
	switch {
	case x.in.Header.MessageCategory == "Payment" && x.in.Payment != nil:
		paid, ok := x.pay(ctx)
		if !ok {
			// Nothing certain can be said. A broken connection says just that, and the
			// till asks for the status.
			panic(http.ErrAbortHandler)
		}
		out.Paid = &paid
	case x.in.Header.MessageCategory == "TransactionStatus" && x.in.Status != nil:
		stands := x.status(ctx)
		out.Stands = &stands
	case x.in.Header.MessageCategory == "Abort" && x.in.Abort != nil:
		x.abort(ctx)
		w.WriteHeader(http.StatusOK) // without a body: it is a request and no promise
		return
	case x.in.Header.MessageCategory == "Diagnosis" && x.in.Diagnose != nil:
		looked := x.diagnose()
		out.Diagnosed = &looked
	case x.in.Header.MessageCategory == "Login":
		out.LoggedIn = &plainResponse{response{Result: "Success"}}
	case x.in.Header.MessageCategory == "Logout":
		out.LoggedOut = &plainResponse{response{Result: "Success"}}
	case x.in.Header.MessageCategory == "Reversal":
		out.Reversed = &plainResponse{failure("NotAllowed", "refunds are given at the register, with a manager's PIN")}
	default:
		x.reject(w, x.in.Header, "this terminal takes Payment, TransactionStatus, Abort, Diagnosis, Login and Logout")
		return
	}
	x.write(w, envelope{Response: &out})
}

// reject says that a message was not understood.
func (b *Bridge) reject(w http.ResponseWriter, h header, why string) {
	h.MessageClass, h.MessageCategory, h.MessageType = "Event", "Event", "Notification"
	event := notification{TimeStamp: stamp(b.Clock.Now()), EventToNotify: "Reject", EventDetails: "message=" + escape(why)}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(envelope{Request: &message{Header: h, Event: &event}}) // the till is gone when this fails
}

func (x exchange) write(w http.ResponseWriter, e envelope) {
	if x.register.Protection != nil {
		protected, err := x.register.Protection.wrap(e)
		if err != nil {
			x.Log.Error("an answer to a till cannot be protected", "comp", "till", "code", "nexo_protection", "err", err)
			panic(http.ErrAbortHandler)
		}
		e = protected
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(e) // the till is gone when this fails
}

// status answers what became of an earlier payment: of the one that is named, else of the
// till's last one.
func (x exchange) status(ctx context.Context) statusResponse {
	var ref reference
	if x.in.Status.MessageReference != nil {
		ref = *x.in.Status.MessageReference
	}
	out := statusResponse{MessageReference: x.in.Status.MessageReference}
	if ref.ServiceID != "" && !serviceID.MatchString(ref.ServiceID) {
		out.Response = failure("MessageFormat", "a ServiceID of 1 to 10 letters and digits names a payment")
		return out
	}
	p, err := x.find(ctx, ref)
	if err == nil {
		ref.MessageCategory = "Payment"
		ref.SaleID, ref.ServiceID = namesOf(p.RequestID)
		out.MessageReference = &ref
	}
	switch {
	case agent.ClassOf(err) == agent.NotFound:
		out.Response = failure("NotFound", "no such payment was ever opened here")
		return out
	case err != nil:
		out.Response = failure("UnavailableService", "the journal cannot be read now; ask again")
		return out
	}
	paid, certain := outcome(p)
	if !certain {
		out.Response = failure("InProgress", "")
		return out
	}
	out.Response = response{Result: "Success"}
	h := answerTo(x.in.Header)
	h.MessageCategory, h.SaleID, h.ServiceID = "Payment", ref.SaleID, ref.ServiceID
	out.Repeated = &repeatedMessage{MessageHeader: h}
	// The till's own time of the sale is in its books; ours is when it was opened.
	paid.SaleData.SaleTransactionID = transaction{p.Reference, stamp(p.Created)}
	out.Repeated.Body.PaymentResponse = paid
	return out
}

// abort asks to end a payment. What comes of it, the payment's own answer says.
func (x exchange) abort(ctx context.Context) {
	if !serviceID.MatchString(x.in.Abort.MessageReference.ServiceID) {
		return // which payment is meant, a till has to say
	}
	p, err := x.find(ctx, x.in.Abort.MessageReference)
	if err == nil {
		_, _, err = x.Counter.Cancel(context.WithoutCancel(ctx), p.ID, x.client)
	}
	var known *agent.Error
	if err != nil && !(errors.As(err, &known) && (known.Class == agent.NotFound || known.Code == agent.CodeFinal)) {
		x.Log.Warn("a till's abort failed", "comp", "till", "code", "nexo_abort", "till", x.client, "err", err)
	}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

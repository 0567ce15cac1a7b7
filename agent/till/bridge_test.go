package till

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
)

// shop is a counter with a journal, in memory: one payment is what its facts say.
type shop struct {
	t    *testing.T
	feed *agent.Feed

	mu       sync.Mutex
	payments map[agent.PaymentID]*agent.Payment
	wanted   []agent.Request // that were opened
	charges  int
	stands   Condition
}

func newShop(t *testing.T) *shop {
	return &shop{t: t, feed: agent.NewFeed(), payments: map[agent.PaymentID]*agent.Payment{}}
}

func (s *shop) Open(_ context.Context, r agent.Request) (agent.Payment, bool, error) {
	if r.Lane != "1" {
		return agent.Payment{}, false, &agent.Error{Class: agent.NotFound, Code: agent.CodeLaneUnknown}
	}
	s.mu.Lock()
	for _, p := range s.payments {
		if p.Client == r.Client && p.RequestID == r.RequestID {
			defer s.mu.Unlock()
			if !bytes.Equal(p.RequestHash, r.Hash()) {
				return *p, false, &agent.Error{Class: agent.Conflict, Code: agent.CodeRequestReused, Say: agent.Sentence{English: "used before"}}
			}
			return *p, true, nil
		}
		if p.Status.Held() {
			defer s.mu.Unlock()
			return *p, false, &agent.Error{Class: agent.Conflict, Code: agent.CodeLaneBusy}
		}
	}
	id := agent.PaymentID(fmt.Sprintf("P%d", len(s.payments)+1))
	s.payments[id] = &agent.Payment{ID: id, OrderNo: "TW0001" + string(id), Client: r.Client, RequestID: r.RequestID, RequestHash: r.Hash(), Lane: r.Lane,
		Amount: r.Amount, Reference: r.Reference, Mode: r.Mode, Created: time.Now()}
	s.wanted = append(s.wanted, r)
	s.mu.Unlock()
	s.commit(id, agent.Fact{Kind: agent.FactOpened})
	if r.Mode == agent.ModeShow {
		s.commit(id, agent.Fact{Kind: agent.FactPresentStarted, Op: agent.OpPresent, Attempt: 1, Wallet: "wechat"}, agent.Fact{Kind: agent.FactQRReady, QR: "weixin://x"})
	}
	p, err := s.Payment(context.Background(), id)
	return p, false, err
}

// commit adds facts and tells of them, as the engine does.
func (s *shop) commit(id agent.PaymentID, facts ...agent.Fact) {
	s.t.Helper()
	s.mu.Lock()
	p := s.payments[id]
	for _, f := range facts {
		if f.Kind == agent.FactPayStarted {
			s.charges++
		}
	}
	p.Facts = append(p.Facts, facts...)
	status, err := agent.Decide(p.Facts)
	if err != nil {
		s.t.Error(err)
	}
	p.Status = status
	now := *p
	s.mu.Unlock()
	s.feed.Publish(agent.Event{Kind: "payment", Payment: &now})
}

// scanned is a customer's code that is charged at once.
func (s *shop) scanned(id agent.PaymentID, verdict agent.Fact) {
	s.commit(id, agent.Fact{Kind: agent.FactPayStarted, Op: agent.OpPay, Attempt: 1, Wallet: "wechat"})
	verdict.Op = agent.OpPay
	s.commit(id, verdict)
}

func (s *shop) Cancel(_ context.Context, id agent.PaymentID, _ string) (agent.Payment, bool, error) {
	p, _ := s.Payment(context.Background(), id)
	switch {
	case p.Status.Final():
		return p, false, &agent.Error{Class: agent.Conflict, Code: agent.CodeFinal}
	case p.Status.State == agent.Created:
		s.commit(id, agent.Fact{Kind: agent.FactUnsent, Reason: agent.ReasonCancelled})
	case p.Status.State == agent.QRShown:
		s.commit(id, agent.Fact{Kind: agent.FactCloseDecided, Reason: agent.ReasonCancelled})
	}
	p, err := s.Payment(context.Background(), id)
	return p, false, err
}

func (s *shop) Payment(_ context.Context, id agent.PaymentID) (agent.Payment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.payments[id]; p != nil {
		return *p, nil
	}
	return agent.Payment{}, &agent.Error{Class: agent.NotFound, Code: agent.CodeNotFound}
}

func (s *shop) ByRequest(_ context.Context, client, requestID string) (agent.Payment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.payments {
		if p.Client == client && p.RequestID == requestID {
			return *p, nil
		}
	}
	return agent.Payment{}, &agent.Error{Class: agent.NotFound, Code: agent.CodeNotFound}
}

// List gives one payment a page, so that whoever looks has to turn pages.
func (s *shop) List(_ context.Context, f agent.Filter) (page agent.Page, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []agent.Payment
	for _, p := range s.payments {
		if strings.Contains(p.RequestID, f.Text) && !p.Created.Before(f.From) && (f.Cursor == "" || string(p.ID) < f.Cursor) {
			found = append(found, *p)
		}
	}
	if len(found) == 0 {
		return page, nil
	}
	slices.SortFunc(found, func(a, b agent.Payment) int { return strings.Compare(string(b.ID), string(a.ID)) })
	page.Payments = found[:1]
	if len(found) > 1 {
		page.Next = string(found[0].ID)
	}
	return page, nil
}

func (s *shop) bridge(p *Protection) *Bridge {
	return New(Options{Counter: s, Journal: s, Feed: s.feed, Clock: agent.NewSystemClock(), Registers: map[string]Register{"P1": {"1", p}},
		Condition: func(string) Condition { return s.stands }})
}

// reply is what came back; broken when the connection was cut without an answer.
type reply struct {
	code   int
	body   string
	broken bool
	out    envelope
}

// send sends one message and reads its answer.
func (s *shop) send(b *Bridge, text string) (r reply) {
	s.t.Helper()
	w := httptest.NewRecorder()
	func() {
		defer func() { r.broken = recover() != nil }()
		b.Serve(w, httptest.NewRequestWithContext(s.t.Context(), http.MethodPost, "/nexo", strings.NewReader(text)), "till:kasse")
	}()
	r.code, r.body = w.Code, w.Body.String()
	if r.body != "" {
		if err := json.Unmarshal([]byte(r.body), &r.out); err != nil {
			s.t.Errorf("%s is no JSON: %v", r.body, err)
		}
	}
	return r
}

// sent is send beside the test.
func (s *shop) sent(b *Bridge, text string) <-chan reply {
	c := make(chan reply, 1)
	go func() { c <- s.send(b, text) }()
	synctest.Wait()
	return c
}

func headed(category, service, body string) string {
	return fmt.Sprintf(`{"SaleToPOIRequest":{"MessageHeader":{"ProtocolVersion":"3.0","MessageClass":"Service","MessageCategory":%q,"MessageType":"Request","ServiceID":%q,"SaleID":"T1","POIID":"P1"},%s}}`, category, service, body)
}

func payment(service, conditions string) string {
	return headed("Payment", service, `"PaymentRequest":{"SaleData":{"SaleTransactionID":{"TransactionID":"sale 7","TimeStamp":"2026-05-01T10:00:00+02:00"}},`+
		`"PaymentTransaction":{"AmountsReq":{"Currency":"CNY","RequestedAmount":10.99}`+conditions+`}}`)
}

func status(asked, service string) string {
	return headed("TransactionStatus", asked, `"TransactionStatusRequest":{"MessageReference":{"MessageCategory":"Payment","SaleID":"T1","ServiceID":"`+service+`"}}`)
}

func abort(asked, service string) string {
	return headed("Abort", asked, `"AbortRequest":{"MessageReference":{"MessageCategory":"Payment","SaleID":"T1","ServiceID":"`+service+`"},"AbortReason":"MerchantAbort"}`)
}

// Vector 35 of the devices reference: the answer that was lost is asked for.
func TestTheStatusTellsWhatBecameOfAPayment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		b := s.bridge(nil)
		first := s.sent(b, payment("S1", ""))
		if r := s.send(b, status("A1", "S1")); r.out.Response.Stands.Response != (response{Result: "Failure", ErrorCondition: "InProgress"}) {
			t.Errorf("while it runs: %s", r.body)
		}
		s.scanned("P1", agent.Fact{Kind: agent.FactApproved, Amount: 1099, Txn: "W1"})
		paid := (<-first).out.Response.Paid
		if paid == nil || paid.Response.Result != "Success" || paid.PaymentResult.AmountsResp.AuthorizedAmount != "10.99" || !paid.PaymentResult.OnlineFlag || paid.PaymentResult.PaymentInstrumentData.CardData.PaymentBrand != "wechat" {
			t.Fatalf("the payment answers %+v", paid)
		}
		r := s.send(b, status("A2", "S1"))
		stands := r.out.Response.Stands
		if stands.Response.Result != "Success" || stands.Repeated == nil || stands.Repeated.MessageHeader.ServiceID != "S1" || stands.Repeated.MessageHeader.MessageCategory != "Payment" {
			t.Fatalf("after it: %s", r.body)
		}
		again := stands.Repeated.Body.PaymentResponse
		if again.POIData != paid.POIData || again.SaleData.SaleTransactionID.TransactionID != "sale 7" || fmt.Sprint(*again.PaymentResult) != fmt.Sprint(*paid.PaymentResult) {
			t.Errorf("repeated %+v, first %+v", again, *paid)
		}
		if r := s.send(b, status("A3", "S9")); r.out.Response.Stands.Response.ErrorCondition != "NotFound" {
			t.Errorf("one that never was: %s", r.body)
		}
		if r := s.send(b, status("A4", "S:1")); r.out.Response.Stands.Response.ErrorCondition != "MessageFormat" {
			t.Errorf("a number that is none: %s", r.body)
		}
	})
}

// A till that has forgotten its last number asks without one: it is told of the last payment
// that it asked for itself, never of another till's.
func TestTheStatusWithoutAReferenceIsOfTheLastPayment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		b := s.bridge(nil)
		ask := headed("TransactionStatus", "A1", `"TransactionStatusRequest":{}`)
		if r := s.send(b, ask); r.out.Response.Stands.Response.ErrorCondition != "NotFound" || r.out.Response.Stands.MessageReference != nil {
			t.Errorf("before the first one: %s", r.body)
		}
		for _, service := range []string{"S1", "S2"} {
			paid := s.sent(b, strings.Replace(payment(service, ""), "sale 7", "sale "+service, 1))
			if r := s.send(b, ask); r.out.Response.Stands.Response.ErrorCondition != "InProgress" || r.out.Response.Stands.MessageReference.ServiceID != service {
				t.Errorf("while %s runs: %s", service, r.body)
			}
			s.scanned(agent.PaymentID("P"+service[1:]), agent.Fact{Kind: agent.FactApproved, Amount: 1099})
			<-paid
			<-time.After(time.Minute)
		}
		another := strings.NewReplacer(`"SaleID":"T1"`, `"SaleID":"T2"`, "sale 7", "sale 9").Replace(payment("S3", ""))
		paid := s.sent(b, another)
		s.scanned("P3", agent.Fact{Kind: agent.FactApproved, Amount: 1099})
		<-paid
		for _, later := range []time.Duration{0, 100 * time.Hour} { // however long ago
			<-time.After(later)
			r := s.send(b, ask)
			stands := r.out.Response.Stands
			if stands.Response.Result != "Success" || *stands.MessageReference != (reference{"Payment", "T1", "S2"}) || stands.Repeated.Body.PaymentResponse.SaleData.SaleTransactionID.TransactionID != "sale S2" {
				t.Errorf("answered %s", r.body)
			}
		}
		// Whose payment it was the header says, whoever asks.
		asked := strings.Replace(status("A3", "S2"), `"SaleID":"T1","POIID"`, `"SaleID":"T2","POIID"`, 1)
		if r := s.send(b, asked); r.out.Response.Stands.Repeated == nil || r.out.Response.Stands.Repeated.MessageHeader.SaleID != "T1" || r.out.Response.Header.SaleID != "T2" {
			t.Errorf("asked by another till: %s", r.body)
		}
	})
}

// A till's numbers are four digits or ten, and come again. For two days a number is its
// message's alone; later it is free, and the old message still finds its own payment.
func TestANumberIsFreeAgainAfterTwoDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		b := s.bridge(nil)
		pay := func(message string, id agent.PaymentID) string {
			answer := s.sent(b, message)
			if s.payments[id] != nil && s.payments[id].Status.State == agent.Created {
				s.scanned(id, agent.Fact{Kind: agent.FactApproved, Amount: 1099, Txn: string(id)})
			}
			return (<-answer).body
		}
		old := payment("S1", "")
		other := strings.Replace(old, "sale 7", "sale 8", 1)
		twin := strings.Replace(old, "2026-05-01T10", "2026-05-09T10", 1) // a till that begins its sales anew, too
		first := pay(old, "P1")
		<-time.After(Keep - time.Minute)
		if answer := pay(other, "P2"); !strings.Contains(answer, "NotAllowed") {
			t.Errorf("within two days another sale is answered %s", answer)
		}
		if answer := pay(twin, "P2"); answer == "" || s.charges != 1 {
			t.Errorf("within two days the same sale with another time is charged %d times: %s", s.charges, answer)
		}
		<-time.After(2 * time.Minute)
		second := pay(other, "P2")
		if !strings.Contains(second, "Success") || second == first || s.charges != 2 {
			t.Fatalf("after two days another sale is answered %s, %d charges", second, s.charges)
		}
		<-time.After(Keep + time.Minute)
		third := pay(twin, "P3")
		if !strings.Contains(third, "Success") || s.charges != 3 {
			t.Fatalf("a new sale that looks like an old one is answered %s, %d charges", third, s.charges)
		}
		for message, want := range map[string]string{old: first, other: second, twin: third} {
			if answer := pay(message, "P4"); answer != want || s.charges != 3 {
				t.Errorf("sent again it answers %s, at first %s; %d charges", answer, want, s.charges)
			}
		}
		if r := s.send(b, status("A1", "S1")); r.out.Response.Stands.Repeated == nil || r.out.Response.Stands.Repeated.Body.PaymentResponse.POIData.POITransactionID.TransactionID != "TW0001P3" {
			t.Errorf("the number means %s", r.body)
		}
	})
}

// Two tills whose names would run into each other stay apart.
func TestNamesDoNotRunTogether(t *testing.T) {
	seen := map[string]string{}
	for _, names := range [][3]string{{"P1", "T1", "S1"}, {"P1:T1", "", "S1"}, {"P1", ":T1", "S1"}, {"P1%3AT1", "", "S1"}, {"P1", "T1", ""}} {
		got := name(names[0], names[1], names[2])
		if before, twice := seen[got]; twice {
			t.Errorf("%q and %s are both called %s", names, before, got)
		}
		seen[got] = fmt.Sprint(names)
		if sale, service := namesOf(got + ":0123456789abcdef"); names[2] != "" && (sale != names[1] || service != names[2]) {
			t.Errorf("%s reads as %q %q", got, sale, service)
		}
	}
}

// What is accepted without the wallet's word says so, and a till that rules it out is heard.
func TestAPromiseIsToldFromMoney(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		b := s.bridge(nil)
		first := s.sent(b, payment("S1", ""))
		s.commit("P1", agent.Fact{Kind: agent.FactOfflineAccepted, At: time.Now(), Way: agent.WayDeferred, Wallet: "alipay", Amount: 1099})
		paid := (<-first).out.Response.Paid
		if paid.Response != (response{Result: "Success", AdditionalResponse: "offline=1"}) || paid.PaymentResult.OnlineFlag {
			t.Errorf("answered %+v", paid)
		}
		if len(s.wanted) != 1 || s.wanted[0].OnlineOnly {
			t.Errorf("asked for %+v", s.wanted)
		}
		s.commit("P1", agent.Fact{Kind: agent.FactVoided})
		second := s.sent(b, payment("S2", `,"TransactionConditions":{"ForceOnlineFlag":true}`))
		s.scanned("P2", agent.Fact{Kind: agent.FactApproved, Amount: 1099})
		if paid := (<-second).out.Response.Paid; paid.Response != (response{Result: "Success"}) || !paid.PaymentResult.OnlineFlag || len(s.wanted) != 2 || !s.wanted[1].OnlineOnly {
			t.Errorf("answered %+v, asked for %+v", paid, s.wanted)
		}
	})
}

func TestADiagnosisTellsWhatAPaymentWouldMeet(t *testing.T) {
	gear := func(kind agent.DeviceKind, state agent.DeviceState, trouble string) agent.DeviceStatus {
		return agent.DeviceStatus{Kind: kind, State: state, Say: agent.Sentence{ID: trouble}}
	}
	reads, shows := gear(agent.KindScanner, agent.DeviceReady, ""), gear(agent.KindDisplay, agent.DeviceDegraded, "device.letters")
	gone := gear(agent.KindScanner, agent.DeviceAbsent, "device.absent")
	up := agent.Line{State: agent.LineDegraded, Wallets: map[string]agent.WalletLine{"wechat": {State: agent.LineOnline}, "alipay": {State: agent.LineDown}}}
	for name, c := range map[string]struct {
		stands Condition
		flag   bool
		want   string
	}{
		"well": {Condition{Line: up, Devices: []agent.DeviceStatus{reads, shows, gear(agent.KindPrinter, agent.DeviceReady, "")}}, false,
			`"Response":{"Result":"Success"},"POIStatus":{"GlobalStatus":"OK","CommunicationOKFlag":true,"PrinterStatus":"OK","CardReaderOKFlag":true}}`},
		"a payment runs": {Condition{Busy: true, Line: up, Devices: []agent.DeviceStatus{reads}}, true,
			`"GlobalStatus":"Busy","CommunicationOKFlag":true,"CardReaderOKFlag":true},"HostStatus":[{"AcquirerID":"alipay","IsReachableFlag":false},{"AcquirerID":"wechat","IsReachableFlag":true}]}`},
		"only shows":       {Condition{Line: up, Devices: []agent.DeviceStatus{gone, shows}}, false, `"GlobalStatus":"OK","CommunicationOKFlag":true,"CardReaderOKFlag":false}`},
		"neither":          {Condition{Line: up, Devices: []agent.DeviceStatus{gone}}, false, `"GlobalStatus":"Maintenance"`},
		"no line":          {Condition{Line: agent.Line{State: agent.LineDown}, Devices: []agent.DeviceStatus{reads}}, false, `"GlobalStatus":"Unreachable","CommunicationOKFlag":false`},
		"another scanner":  {Condition{Line: up, Devices: []agent.DeviceStatus{gone, reads}}, false, `"CardReaderOKFlag":true`},
		"out of paper":     {Condition{Line: up, Devices: []agent.DeviceStatus{reads, gear(agent.KindPrinter, agent.DeviceDegraded, "device.paper_out")}}, false, `"PrinterStatus":"NoPaper"`},
		"little paper":     {Condition{Line: up, Devices: []agent.DeviceStatus{reads, gear(agent.KindPrinter, agent.DeviceDegraded, "device.paper_low")}}, false, `"PrinterStatus":"PaperLow"`},
		"a stuck knife":    {Condition{Line: up, Devices: []agent.DeviceStatus{reads, gear(agent.KindPrinter, agent.DeviceDegraded, "device.knife")}}, false, `"PrinterStatus":"PaperJam"`},
		"an open cover":    {Condition{Line: up, Devices: []agent.DeviceStatus{reads, gear(agent.KindPrinter, agent.DeviceDegraded, "device.cover")}}, false, `"PrinterStatus":"OutOfOrder"`},
		"no printer there": {Condition{Line: up, Devices: []agent.DeviceStatus{reads, gear(agent.KindPrinter, agent.DeviceLost, "device.gone")}}, false, `"PrinterStatus":"OutOfOrder"`},
	} {
		s := newShop(t)
		s.stands = c.stands
		r := s.send(s.bridge(nil), headed("Diagnosis", "D1", fmt.Sprintf(`"DiagnosisRequest":{"HostDiagnosisFlag":%v}`, c.flag)))
		if r.code != http.StatusOK || !strings.Contains(r.body, `"MessageCategory":"Diagnosis","MessageType":"Response"`) || !strings.Contains(r.body, c.want) {
			t.Errorf("%s: %d %s, want %s", name, r.code, r.body, c.want)
		}
	}
	s := newShop(t)
	if r := s.send(s.bridge(nil), strings.Replace(headed("Diagnosis", "D1", `"DiagnosisRequest":{}`), `"POIID":"P1"`, `"POIID":"P9"`, 1)); r.out.Response.Diagnosed.Response.ErrorCondition != "UnavailableDevice" {
		t.Errorf("no such register: %s", r.body)
	}
}

// Vector 36: the same message again is the same payment, charged once.
func TestARepeatedMessageIsOnePayment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		b := s.bridge(nil)
		first := s.sent(b, payment("S1", ""))
		twin := s.sent(b, payment("S1", "")) // while the first one waits
		s.scanned("P1", agent.Fact{Kind: agent.FactApproved, Amount: 1099})
		one, two, three := <-first, <-twin, s.send(s.bridge(nil), payment("S1", "")) // the last one after a restart
		if one.code != http.StatusOK || one.body != two.body || one.body != three.body || s.charges != 1 || len(s.payments) != 1 {
			t.Errorf("%d charges of %d payments\nfirst %sbeside it %safter %s", s.charges, len(s.payments), one.body, two.body, three.body)
		}
		changed := strings.Replace(payment("S1", ""), "10.99", "11.00", 1)
		if r := s.send(b, changed); r.out.Response.Paid.Response.ErrorCondition != "NotAllowed" {
			t.Errorf("another sale under the same number: %s", r.body)
		}
	})
}

// Vector 37: an abort is a wish; what comes of it the payment says, once that is certain.
func TestAnAbortEndsWhatIsNotPaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		b := s.bridge(nil)
		first := s.sent(b, payment("S1", `,"TransactionConditions":{"ForceEntryMode":["Mobile"]}`))
		if p, _ := s.Payment(t.Context(), "P1"); p.Status.State != agent.QRShown {
			t.Fatalf("the payment is %s", p.Status.State)
		}
		r := s.send(b, abort("A0", "")) // which one is meant, a till has to say
		if p, _ := s.Payment(t.Context(), "P1"); r.code != http.StatusOK || p.Status.State != agent.QRShown {
			t.Errorf("the abort of nobody's payment answers %d %q, and the payment is %s", r.code, r.body, p.Status.State)
		}
		if r := s.send(b, abort("A1", "S1")); r.code != http.StatusOK || r.body != "" {
			t.Errorf("the abort answers %d %q", r.code, r.body)
		}
		if r := s.send(b, status("A2", "S1")); r.out.Response.Stands.Response.ErrorCondition != "InProgress" {
			t.Errorf("before the wallet has closed it: %s", r.body)
		}
		s.commit("P1", agent.Fact{Kind: agent.FactCloseAccepted, Op: agent.OpClose}, agent.Fact{Kind: agent.FactClosed, Op: agent.OpQuery})
		if r := <-first; r.out.Response.Paid.Response.Result != "Failure" || r.out.Response.Paid.Response.ErrorCondition != "Aborted" || r.out.Response.Paid.PaymentResult != nil {
			t.Errorf("the payment answers %s", r.body)
		}
		if r := s.send(b, abort("A3", "S9")); r.code != http.StatusOK || r.body != "" {
			t.Errorf("the abort of nothing answers %d %q", r.code, r.body)
		}
	})
}

// Where nothing certain can be said nothing is: the connection breaks, and the status
// goes on saying that it runs.
func TestDoubtIsNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		b := s.bridge(nil)
		first := s.sent(b, payment("S1", ""))
		s.scanned("P1", agent.Fact{Kind: agent.FactInDoubt, Reason: agent.ReasonNoAnswer})
		<-time.After(Hold - time.Second)
		select {
		case r := <-first:
			t.Fatalf("answered %+v", r)
		default:
		}
		<-time.After(2 * time.Second)
		if r := <-first; !r.broken || r.body != "" {
			t.Errorf("after %s: %+v", Hold, r)
		}
		if r := s.send(b, status("A1", "S1")); r.out.Response.Stands.Response.ErrorCondition != "InProgress" {
			t.Errorf("the status: %s", r.body)
		}
	})
}

func TestWhyAPaymentCameToNothing(t *testing.T) {
	for reason, want := range map[agent.Reason]string{agent.ReasonNotEnough: "Refusal", agent.ReasonCodeExpired: "InvalidCard", agent.ReasonNotConfirmed: "Cancel"} {
		synctest.Test(t, func(t *testing.T) {
			s := newShop(t)
			first := s.sent(s.bridge(nil), payment("S1", ""))
			s.scanned("P1", agent.Fact{Kind: agent.FactRefused, Reason: reason})
			if r := <-first; r.out.Response.Paid.Response.ErrorCondition != want {
				t.Errorf("%s: %s", reason, r.body)
			}
		})
	}
}

func TestWhatCannotBeAPaymentIsRefusedAtOnce(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{`"POIID":"P1"`, `"POIID":"P2"`, "UnavailableDevice"},
		{"10.99", "10.999", "MessageFormat"},
		{"10.99", "1e3", "MessageFormat"},
		{"10.99", "-1", "MessageFormat"},
		{"10.99", "0", "MessageFormat"},
		{`"CNY"`, `"XXX"`, "MessageFormat"},
		{`"SaleTransactionID"`, `"SaleReferenceID":"r","SaleTransaction"`, "MessageFormat"},
		{`"TransactionID":"sale 7",`, ``, "MessageFormat"},
		{`,"TimeStamp":"2026-05-01T10:00:00+02:00"`, ``, "MessageFormat"},
		{`"PaymentTransaction"`, `"PaymentData":{"PaymentType":"Refund"},"PaymentTransaction"`, "NotAllowed"},
	} {
		s := newShop(t)
		r := s.send(s.bridge(nil), strings.Replace(payment("S1", ""), c.from, c.to, 1))
		if r.out.Response == nil || r.out.Response.Paid == nil || r.out.Response.Paid.Response.ErrorCondition != c.want || len(s.payments) != 0 {
			t.Errorf("%s: %d %s", c.to, r.code, r.body)
		}
	}
}

func TestAnotherSaleOnABusyRegister(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		b := s.bridge(nil)
		first := s.sent(b, payment("S1", ""))
		if r := s.send(b, payment("S2", "")); r.out.Response.Paid.Response.ErrorCondition != "Busy" {
			t.Errorf("answered %s", r.body)
		}
		s.send(b, abort("A1", "S1"))
		if r := <-first; r.out.Response.Paid.Response.ErrorCondition != "Aborted" {
			t.Errorf("the first: %s", r.body)
		}
	})
}

func TestMessagesThatAreNotTaken(t *testing.T) {
	s := newShop(t)
	for _, text := range []string{"", "no json", "{}", `{"SaleToPOIRequest":{}}`, headed("Display", "D1", `"DisplayRequest":{}`), headed("Payment", "S1", `"StatusRequest":{}`),
		payment("", ""), payment("S-1", ""), payment("S1234567890", ""), strings.Replace(payment("S1", ""), "ServiceID", "DeviceID", 1)} {
		r := s.send(s.bridge(nil), text)
		if r.code != http.StatusBadRequest || r.out.Request == nil || r.out.Request.Event == nil || r.out.Request.Event.EventToNotify != "Reject" {
			t.Errorf("%q: %d %s", text, r.code, r.body)
		}
	}
	if len(s.payments) != 0 {
		t.Errorf("a payment was opened: %+v", s.payments)
	}
	for category, body := range map[string]string{"Login": `"LoginRequest":{}`, "Logout": `"LogoutRequest":{}`} {
		if r := s.send(s.bridge(nil), headed(category, "L1", body)); r.code != http.StatusOK || !strings.Contains(r.body, category+`Response":{"Response":{"Result":"Success"}`) {
			t.Errorf("%s: %d %s", category, r.code, r.body)
		}
	}
	if r := s.send(s.bridge(nil), headed("Reversal", "R1", `"ReversalRequest":{}`)); r.out.Response.Reversed.Response.ErrorCondition != "NotAllowed" {
		t.Errorf("a reversal: %s", r.body)
	}
}

// A shop that has a passphrase takes nothing in the clear, and answers nothing so.
func TestAProtectedTill(t *testing.T) {
	s := newShop(t)
	b := s.bridge(protection(t, "mypassphrase"))
	if r := s.send(b, headed("Login", "L1", `"LoginRequest":{}`)); r.code != http.StatusBadRequest {
		t.Errorf("in the clear: %d %s", r.code, r.body)
	}
	tills := protection(t, "mypassphrase")
	plain := headed("Login", "L1", `"LoginRequest":{}`)
	var e envelope
	if err := json.Unmarshal([]byte(plain), &e); err != nil {
		t.Fatal(err)
	}
	blob, tr, err := tills.seal([]byte(plain))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(envelope{Request: &message{Header: e.Request.Header, Blob: blob, Trailer: &tr}})
	if err != nil {
		t.Fatal(err)
	}
	r := s.send(b, string(text))
	if r.code != http.StatusOK || r.out.Response.LoggedIn != nil || r.out.Response.Trailer == nil {
		t.Fatalf("answered %d %s", r.code, r.body)
	}
	answer, err := tills.open(r.out.Response.Blob, *r.out.Response.Trailer)
	if err != nil || !strings.Contains(string(answer), `"LoginResponse":{"Response":{"Result":"Success"}}`) {
		t.Errorf("opened %s, %v", answer, err)
	}
}

func TestAmountsAreDecimalsOfTheCurrency(t *testing.T) {
	for _, c := range []struct {
		text     string
		currency agent.Currency
		want     int64
	}{{"10.99", "CNY", 1099}, {"10", "CNY", 1000}, {"10.5", "CNY", 1050}, {"500", "JPY", 500}, {"1.25", "KWD", 1250}, {"0.01", "EUR", 1},
		{"0.001", "EUR", 0}, {"500.0", "JPY", 0}, {"", "CNY", 0}, {"+1", "CNY", 0}, {"9999999999999999", "CNY", 0}} {
		m, err := amount(json.Number(c.text), c.currency)
		if (err == nil) != (c.want > 0) || err == nil && m.Value != c.want {
			t.Errorf("%q %s: %+v, %v", c.text, c.currency, m, err)
		}
	}
}

package web

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
)

func TestPaymentsGoOutAsTheListFindsThem(t *testing.T) {
	tm := newTerminal(t).abroad()
	tm.lanes[0].Name = "Counter"
	tm.sale("a", "wechat", agent.Money{Value: 128000, Currency: "CNY"})
	tm.sale("b", "jpqr", agent.Money{Value: 980, Currency: "JPY"})
	evil := tm.sale("=HYPERLINK(1)", "alipay", agent.Money{Value: 500, Currency: "CNY"})
	p, _ := tm.Payment(t.Context(), evil)
	tm.fact(evil, agent.Fact{Kind: agent.FactRefundRequested, RefundNo: p.NextRefundNo(), RequestID: "r", Amount: 200, By: "person:mia", Text: "cold"}, agent.Fact{Kind: agent.FactRefundDone, RefundNo: p.NextRefundNo()})
	c := tm.owner()
	a := c.do("GET", "/owner/payments.csv", "")
	if a.status != 200 || a.header.Get("Content-Type") != "text/csv; charset=utf-8" || a.header.Get("Content-Disposition") != `attachment; filename="payments.csv"` {
		t.Fatalf("%d %v", a.status, a.header)
	}
	lines := strings.Split(strings.TrimSpace(a.body), "\n")
	stamp := tm.clock.Now().In(tm.web.Zone).Format(time.DateTime)
	want := []string{
		"\ufefftime,order_no,transaction,wallet,lane,cashier,reference,status,currency,amount,taken,given_back,kept,test",
		stamp + "," + tm.payments[0].OrderNo + ",a,wechat,1,,a,paid,CNY,1280.00,1280.00,0.00,1280.00,TEST",
		stamp + "," + tm.payments[1].OrderNo + ",b,jpqr,1,,b,paid,JPY,980,980,0,980,TEST",
		stamp + "," + tm.payments[2].OrderNo + ",'=HYPERLINK(1),alipay,1,,'=HYPERLINK(1),paid,CNY,5.00,5.00,2.00,3.00,TEST",
	}
	if strings.Join(lines, "\n") != strings.Join(want, "\n") {
		t.Errorf("the file is\n%s, want\n%s", a.body, strings.Join(want, "\n"))
	}
	day := tm.clock.Now().In(tm.web.Zone).Format(time.DateOnly)
	for query, rows := range map[string]int{"?wallet=jpqr": 1, "?currency=CNY": 2, "?given_back=true": 1, "?status=declined": 0, "?since=" + day + "&until=" + day: 3, "?until=2020-01-01": 0} {
		if got := strings.Count(c.do("GET", "/owner/payments.csv"+query, "").body, "\n") - 1; got != rows {
			t.Errorf("%s: %d rows, want %d", query, got, rows)
		}
	}
	if got := c.do("GET", "/owner/payments.csv?since=2026-01-01&until=2026-12-31", "").header.Get("Content-Disposition"); got != `attachment; filename="payments-2026-01-01-2026-12-31.csv"` {
		t.Errorf("a year is called %s", got)
	}
	book := c.do("GET", "/owner/payments.xlsx?currency=CNY&lang=zh-CN", "")
	if !strings.HasSuffix(book.header.Get("Content-Disposition"), `.xlsx"`) || !strings.Contains(book.header.Get("Content-Type"), "spreadsheetml.sheet") {
		t.Errorf("the book is sent as %v", book.header)
	}
	rows := read(t, unzipped(t, []byte(book.body))["xl/worksheets/sheet1.xml"])
	if len(rows) != 3 || !strings.HasPrefix(rows[0], "A1=时间/1 B1=订单号/1") {
		t.Fatalf("the sheet is %q", rows)
	}
	for _, has := range []string{"C3==HYPERLINK(1)/0", "D3=支付宝", "E3=Counter/0", "J3=5.00/4", "L3=2.00/4", "M3=3.00/4", "N3=测试/0"} {
		if !strings.Contains(rows[2], has) {
			t.Errorf("the row lacks %s: %s", has, rows[2])
		}
	}
	if got := tm.audited("export"); got != 9 {
		t.Errorf("%d exports in the log", got)
	}
}

// TestRefundsGoOutARowEach: the file holds what the page lists, by the days of the refunds and
// with their own amounts, however many days one payment was given back on.
func TestRefundsGoOutARowEach(t *testing.T) {
	tm := newTerminal(t)
	stamp := func() string { return tm.clock.Now().In(tm.web.Zone).Format(time.DateTime) }
	old := tm.open("old", "scan")
	tm.pay(old)
	asks := func(request string, amount int64, why string) (no string) {
		p, _ := tm.Payment(t.Context(), old)
		tm.fact(old, agent.Fact{Kind: agent.FactRefundRequested, RefundNo: p.NextRefundNo(), RequestID: request, Amount: amount, By: "person:mia", Text: why})
		return p.NextRefundNo()
	}
	sold, first := stamp(), asks("first", 100, "=cold")
	tm.fact(old, agent.Fact{Kind: agent.FactRefundDone, RefundNo: first})
	tm.clock.advance(48 * time.Hour)
	late := tm.open("late", "scan")
	tm.fact(late, agent.Fact{Kind: agent.FactPayStarted, Op: agent.OpPay, Attempt: 1, Wallet: "wechat"}, agent.Fact{Kind: agent.FactRefused, Op: agent.OpPay, Reason: agent.ReasonNotEnough})
	tm.fact(late, agent.Fact{Kind: agent.FactApproved, Op: agent.OpQuery, Amount: 1280, Txn: "4200002"})
	later, second := stamp(), asks("second", 250, "")
	itself := later + "," + tm.payments[1].OrderNo + "R0," + tm.payments[1].OrderNo + ",4200002,wechat,1,T-late,requested,CNY,12.80,tillwire,,TEST\n"
	done := sold + "," + first + "," + tm.payments[0].OrderNo + ",4200001,wechat,1,T-old,done,CNY,1.00,Mia,'=cold,TEST\n"
	asked := later + "," + second + "," + tm.payments[0].OrderNo + ",4200001,wechat,1,T-old,requested,CNY,2.50,Mia,,TEST\n"
	c := tm.owner()
	for query, want := range map[string]string{
		"": itself + done + asked,
		"?since=" + sold[:10] + "&until=" + sold[:10]:   done,
		"?since=" + later[:10] + "&until=" + later[:10]: itself + asked,
		"?since=2020-01-01&until=2020-01-01":            "",
	} {
		a := c.do("GET", "/owner/refunds.csv"+query, "")
		if want = "\ufefftime,refund_no,order_no,transaction,wallet,lane,reference,status,currency,amount,approved_by,reason,test\n" + want; a.status != 200 || a.body != want {
			t.Errorf("%q: %d\n%s, want\n%s", query, a.status, a.body, want)
		}
	}
	book := c.do("GET", "/owner/refunds.xlsx?lang=fr&since="+later[:10], "")
	if !strings.HasSuffix(book.header.Get("Content-Disposition"), `"refunds-`+later[:10]+`.xlsx"`) {
		t.Errorf("the book is sent as %v", book.header)
	}
	rows := read(t, unzipped(t, []byte(book.body))["xl/worksheets/sheet1.xml"])
	if len(rows) != 3 || !strings.Contains(rows[0], "B1=N° de remboursement/1") || !strings.Contains(rows[2], "J3=2.50/4 K3=Mia/0") {
		t.Errorf("the sheet is %q", rows)
	}
	// More than are read at a time.
	for i := range refundsAtOnce {
		p := tm.payments[1]
		p.ID = agent.PaymentID(fmt.Sprint("more ", i))
		tm.payments = append(tm.payments, p)
	}
	if got := strings.Count(c.do("GET", "/owner/refunds.csv", "").body, "\n"); got != 1+refundsAtOnce+3 {
		t.Errorf("%d lines", got)
	}
	if got := tm.audited("export"); got != 6 {
		t.Errorf("%d exports in the log", got)
	}
}

func TestADayGoesOutAsASpreadsheet(t *testing.T) {
	tm := newTerminal(t, func(o *Options) { o.Test = true }).abroad()
	tm.sale("a", "wechat", agent.Money{Value: 128000, Currency: "CNY"})
	a := tm.owner().do("GET", "/owner/day.xlsx", "")
	rows := read(t, unzipped(t, []byte(a.body))["xl/worksheets/sheet1.xml"])
	if len(rows) != 2 || !strings.Contains(rows[1], "C2=WeChat Pay/0") || !strings.Contains(rows[1], "G2=1/3") || !strings.Contains(rows[1], "K2=1280.00/4 L2=TEST/0") {
		t.Errorf("the sheet is %q", rows)
	}
}

func TestDaysInTheWrongOrderAreRefused(t *testing.T) {
	tm := newTerminal(t)
	for _, path := range []string{"/owner/payments", "/owner/payments.csv", "/owner/refunds", "/owner/refunds.csv"} {
		a := tm.owner().do("GET", path+"?since=2026-05-02&until=2026-05-01", "")
		if a.status != 400 || !strings.Contains(a.body, "Swap them") || a.header.Get("Content-Disposition") != "" {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}

func readAll(res *http.Response) (string, error) {
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return string(text), err
}

// crooked breaks off in the middle of an export.
type crooked struct {
	*shop
	rows int
	err  error
}

func (c crooked) Rows(_ context.Context, _ agent.Filter, each func(PaymentRow) error) error {
	for i := range c.rows {
		noise := sha256.Sum256([]byte(fmt.Sprint(i))) // which does not get smaller when it is packed
		if err := each(PaymentRow{OrderNo: fmt.Sprint(i), Reference: fmt.Sprintf("%x", noise), Amount: agent.Money{Value: 1, Currency: "CNY"}}); err != nil {
			return err
		}
	}
	return c.err
}

// TestAFileThatIsNotWholeDoesNotArrive: a short file must never look like a whole year.
func TestAFileThatIsNotWholeDoesNotArrive(t *testing.T) {
	broken := &agent.Error{Op: "read store", Class: agent.Unavailable, Say: agent.Sentence{English: "The store cannot be read."}}
	for _, c := range []struct {
		what  string
		rows  int
		whole bool
	}{{"before anything went out", 0, true}, {"in the middle", 5000, false}} {
		tm := newTerminal(t)
		tm.web.Store = crooked{tm.shop, c.rows, broken}
		owner := tm.owner()
		for _, form := range []string{"csv", "xlsx"} {
			res, err := owner.agent.Do(owner.request("GET", "/owner/payments."+form, ""))
			if !c.whole {
				if err == nil {
					_, err = readAll(res)
				}
				if err == nil {
					t.Errorf("%s: the %s looks whole", c.what, form)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			text, err := readAll(res)
			if res.StatusCode != http.StatusServiceUnavailable || err != nil || !strings.Contains(text, "cannot be read") || res.Header.Get("Content-Disposition") != "" {
				t.Errorf("%s: %d %v %v %s", c.what, res.StatusCode, res.Header, err, text)
			}
		}
	}
}

// held keeps an export open until it is told to go on.
type held struct {
	*shop
	begun, goOn chan struct{}
}

func (h held) Rows(context.Context, agent.Filter, func(PaymentRow) error) error {
	h.begun <- struct{}{}
	<-h.goOn
	return nil
}

func TestAThirdDownloadWaits(t *testing.T) {
	tm := newTerminal(t)
	h := held{tm.shop, make(chan struct{}), make(chan struct{})}
	tm.web.Store = h
	owner := tm.owner()
	done := make(chan error, 2)
	for range 2 {
		go func() {
			res, err := owner.agent.Do(owner.request("GET", "/owner/payments.csv", ""))
			if err == nil {
				_, err = readAll(res)
			}
			done <- err
		}()
		<-h.begun
	}
	if a := owner.do("GET", "/owner/payments.csv", ""); a.status != http.StatusServiceUnavailable || !strings.Contains(a.body, "Wait until one is done") {
		t.Errorf("%d %s", a.status, a.body)
	}
	close(h.goOn)
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	go func() { <-h.begun }()
	if a := owner.do("GET", "/owner/payments.csv", ""); a.status != 200 {
		t.Errorf("when they are done: %d", a.status)
	}
	if tm.web.exports.held.Load() != 0 {
		t.Error("a place is not given back")
	}
}

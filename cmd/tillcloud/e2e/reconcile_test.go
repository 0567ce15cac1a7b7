package e2e

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3" // to change the cloud's ledger behind its back
)

// alipayDay is the day of Alipay's bills that it is now.
func alipayDay() string {
	return time.Now().In(time.FixedZone("", 8*60*60)).Format(time.DateOnly)
}

// notAtMidnight is for a test that looks at the shop's day: one that is nearly over is
// waited for.
func notAtMidnight() {
	const takes = 5 * time.Minute
	now := time.Now().In(time.FixedZone("", 8*60*60))
	if end := time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 1, 0, now.Location()); end.Sub(now) < takes {
		pause(end.Sub(now))
	}
}

// onTomorrowsBill are the kinds of difference that wait for tomorrow's bill when the day
// is nearly over: what was paid in its last ten minutes may stand there. That they are
// told then, and only then, is shown in agent/reconcile.
func onTomorrowsBill(since time.Time) []string {
	const slack, takes = 10 * time.Minute, 5 * time.Minute
	for at := since.Add(-takes); at.Before(time.Now().Add(slack + takes)); at = at.Add(time.Minute) {
		if at := at.In(time.FixedZone("", 8*60*60)); at.Hour() == 0 && at.Minute() < 2 {
			return []string{"missing_there", "refund_missing"}
		}
	}
	return nil
}

// difference is what the test reads of one.
type difference struct {
	Kind, Wallet, Payment, State, Say string
	OrderNo                           string `json:"order_no"`
	Asked                             bool
}

// reconcile runs the command for every day since begun, which is one but around
// midnight, and returns all differences.
func (s *shop) reconcile(begun string) (all []difference) {
	s.t.Helper()
	for _, day := range slices.Compact([]string{begun, alipayDay()}) {
		cmd := exec.Command(filepath.Join(bins, "tillwire"), "reconcile", day, "--wallet", "alipay", "--json", "--config", s.Config)
		out, err := cmd.Output()
		var exit *exec.ExitError
		if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
			s.t.Fatalf("reconcile: %v %s", err, stderr(err))
		}
		var r struct {
			Whole   bool
			Wallets []struct {
				Why         string
				Differences []difference
			}
		}
		if err := json.Unmarshal(out, &r); err != nil || !r.Whole || len(r.Wallets) != 1 {
			s.t.Fatalf("reconcile: %v %s %s", err, out, stderr(err))
		}
		if differs := len(r.Wallets[0].Differences) > 0; differs != (err != nil) {
			s.t.Errorf("reconcile ends with %v and %d differences", err, len(r.Wallets[0].Differences))
		}
		all = append(all, r.Wallets[0].Differences...)
	}
	return all
}

// alipay takes one payment by an Alipay code.
func (s *shop) alipay(phone string, value int64) object {
	s.t.Helper()
	p := s.open(0, value, "scan")
	s.scan(0, s.paycode(phone))
	return p
}

func (s *shop) alipayPhone(behaviour string) string {
	s.t.Helper()
	return fmt.Sprint(s.sandbox("POST", "/customers", object{"wallet": "alipay", "balance": 100_000_00, "behaviour": behaviour})["id"])
}

// watched waits until the agent has looked a second time at a refusal.
func (s *shop) watched(p object) {
	s.t.Helper()
	if !until(func() bool {
		facts, _ := s.payment(p)["facts"].([]any)
		return slices.ContainsFunc(facts, func(f any) bool { return f.(object)["kind"] == "watched" })
	}) {
		s.t.Errorf("the refusal is not looked at again: %v", s.payment(p))
	}
}

// plant is one thing that is changed in the cloud's ledger, and what is then found.
type plant struct {
	kind string
	no   string // the order number that it is about
	sql  []string
}

// TestE2EReconciliationFindsTenPlantedDifferencesAndNothingElse makes a day with
// Alipay, finds no difference in it, changes the cloud's ledger by hand in ten ways,
// and finds those ten.
func TestE2EReconciliationFindsTenPlantedDifferencesAndNothingElse(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	begun, since := alipayDay(), time.Now()
	phone := s.alipayPhone("approve")
	var paid []object
	for i := range 8 {
		paid = append(paid, s.reaches(s.alipay(phone, 1000+int64(i)), "paid"))
	}
	for _, p := range paid[4:7] {
		s.refund(p, 300)
		s.settled(p)
	}
	cancelled := s.alipay(s.alipayPhone("abandon"), 2000)
	s.reaches(cancelled, "await_payer")
	s.cancel(cancelled)
	s.reaches(cancelled, "reversed")
	declined := s.alipay(s.alipayPhone("decline"), 3000)
	s.reaches(declined, "declined")
	s.watched(declined)

	if list := s.reconcile(begun); len(list) != 0 {
		t.Fatalf("before anything was planted: %+v", list)
	}

	plants := plantsOf(paid, cancelled, declined, time.Now())
	s.plant(plants)
	var want, found []string
	for _, p := range plants {
		want = append(want, p.kind+" "+p.no)
	}
	if len(want) != 10 {
		t.Fatalf("%d differences are planted", len(want))
	}
	list, waits := s.reconcile(begun), onTomorrowsBill(since)
	told := func(list []difference) []difference {
		return slices.DeleteFunc(list, func(d difference) bool { return slices.Contains(waits, d.Kind) })
	}
	want = slices.DeleteFunc(want, func(text string) bool { return slices.Contains(waits, strings.Fields(text)[0]) })
	list = told(list)
	for _, d := range list {
		found = append(found, d.Kind+" "+d.OrderNo)
		if d.Say == "" || d.Asked != (d.Kind == "paid_there") {
			t.Errorf("it is told as %+v", d)
		}
	}
	slices.Sort(want)
	slices.Sort(found)
	if !slices.Equal(found, want) {
		t.Fatalf("planted\n%s\nfound\n%s", strings.Join(want, "\n"), strings.Join(found, "\n"))
	}

	// What the wallet took after the end goes back by itself, and then agrees.
	s.reaches(declined, "refunded")
	if row := s.ledger()[fmt.Sprint(declined["order_no"])]; kept(row) != 0 || num(row["captured"]) != 3000 {
		t.Errorf("the ledger has %v", row)
	}
	left := told(s.reconcile(begun))
	if len(left) != len(want)-1 || slices.ContainsFunc(left, func(d difference) bool { return d.Kind == "paid_there" }) {
		t.Errorf("after the refund: %+v", left)
	}
	s.noCodesOnDisk()
}

// plant changes the cloud's ledger past the cloud.
func (s *shop) plant(plants []plant) {
	s.t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(s.dir, "shop", "cloud", "ledger.db")+"?_busy_timeout=10000")
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	for _, p := range plants {
		for _, statement := range p.sql {
			done, err := db.Exec(statement)
			if err != nil {
				s.t.Fatalf("%s: %v: %s", p.kind, err, statement)
			}
			if n, err := done.RowsAffected(); err != nil || n != 1 {
				s.t.Fatalf("%s changes %d rows (%v): %s", p.kind, n, err, statement)
			}
		}
	}
}

// plantsOf has ten differences, each of another kind. The last payment is left alone.
func plantsOf(paid []object, cancelled, declined object, now time.Time) []plant {
	no := func(p object) string { return fmt.Sprint(p["order_no"]) }
	of := func(p object) string { return fmt.Sprintf("(SELECT id FROM orders WHERE order_no = '%s')", no(p)) }
	order := func(p object, set string) string {
		return fmt.Sprintf("UPDATE orders SET %s WHERE order_no = '%s'", set, no(p))
	}
	refund := func(p object, set string) string {
		return fmt.Sprintf("UPDATE refund SET %s WHERE order_id = %s", set, of(p))
	}
	reversal := func(id string) string {
		return fmt.Sprintf("INSERT INTO history (order_id, at, event, amount) VALUES (%s, %d, 'reversed', 700)", id, now.UnixMilli())
	}
	stranger := func(number string, at time.Time) string {
		return fmt.Sprintf(`INSERT INTO orders (wallet, merchant, order_no, kind, amount, currency, description, details, request, state, reason, customer,
			transaction_id, qr, created, expires, answers, paid, captured, reversed)
			SELECT wallet, merchant, '%[1]s', kind, amount, currency, description, details, request, state, reason, customer, 'T-%[1]s', '', %[2]d, expires, answers, %[2]d, captured, 0
			FROM orders WHERE order_no = '%[3]s'`, number, at.UnixMilli(), no(paid[0]))
	}
	return []plant{
		{"unknown_here", "other-till-1", []string{stranger("other-till-1", now)}},
		{"reversal_unknown", "other-till-2", []string{stranger("other-till-2", now.AddDate(0, 0, -5)), reversal("(SELECT id FROM orders WHERE order_no = 'other-till-2')")}},
		{"missing_there", no(paid[1]), []string{order(paid[1], "captured = 0")}},
		{"amount", no(paid[2]), []string{order(paid[2], "captured = captured + 1")}},
		{"reversed_there", no(paid[3]), []string{reversal(of(paid[3]))}},
		{"refund_missing", no(paid[4]), []string{refund(paid[4], "done = done - 900000000")}},
		{"refund_amount", no(paid[5]), []string{refund(paid[5], "amount = amount - 1")}},
		{"refund_unknown", no(paid[6]), []string{fmt.Sprintf(`INSERT INTO refund (order_id, wallet, merchant, refund_no, refund_id, amount, reason, state, created, done)
			SELECT order_id, wallet, merchant, 'portal-1', 'portal-1', 100, '', state, created, done FROM refund WHERE order_id = %s`, of(paid[6]))}},
		{"duplicate", no(cancelled), []string{reversal(of(cancelled)), reversal(of(cancelled))}},
		{"paid_there", no(declined), []string{order(declined, fmt.Sprintf("state = 'paid', reason = '', captured = amount, paid = %d, transaction_id = 'T-late'", now.UnixMilli()))}},
	}
}

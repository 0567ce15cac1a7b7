package voucher

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	"tillwire/agent/sandbox/sandboxtest"
)

const shopNumber = "SANDBOX01"

// street is an issuer with its ledger, and a shop that shows challenges.
type street struct {
	*testing.T
	clock  *sandboxtest.Clock
	ledger *sandbox.Ledger
	issuer *Issuer
}

func openStreet(t *testing.T) *street {
	t.Helper()
	s := &street{T: t, clock: sandboxtest.NewClock()}
	s.ledger = sandboxtest.Ledger(t, s.clock)
	s.open()
	return s
}

func (s *street) open() {
	s.Helper()
	var err error
	s.issuer, err = New(s.Context(), Options{Ledger: s.ledger, Clock: s.clock, Brand: "cornerpay", Title: "Corner Pay", Number: 7,
		Currencies: []agent.Currency{"CNY"}, Merchants: []string{shopNumber}})
	if err != nil {
		s.Fatal(err)
	}
}

func (s *street) phone(behaviour sandbox.Behaviour, balance int64) string {
	s.Helper()
	c, err := s.ledger.AddCustomer(s.Context(), sandbox.Customer{Wallet: "cornerpay", Balance: balance, Behaviour: behaviour})
	if err != nil {
		s.Fatal(err)
	}
	return c.ID
}

func (s *street) balance(id string) int64 {
	s.Helper()
	c, err := s.ledger.Customer(s.Context(), id)
	if err != nil {
		s.Fatal(err)
	}
	return c.Balance
}

func orderNo(n int) string { return fmt.Sprintf("DEMO01%026d", n) }

func (s *street) challenge(n int, amount int64) string {
	m := MerchantOf(shopNumber)
	return Challenge{Merchant: m, Order: OrderOf(m, orderNo(n)), Currency: "CNY", Amount: amount, At: s.clock.Now()}.Text()
}

func (s *street) scan(id, text string, want sandbox.ScanStatus) string {
	s.Helper()
	slip, err := s.issuer.Scan(s.Context(), id, text)
	if err != nil || slip.Status != want {
		s.Fatalf("the phone says %+v, %v; want %s", slip, err, want)
	}
	return slip.Code
}

func (s *street) fly(id, attack string) sandbox.Pocket {
	s.Helper()
	on := true
	p, err := s.issuer.Carry(s.Context(), id, sandbox.Carriage{Flight: &on, Attack: &attack})
	if err != nil {
		s.Fatal(err)
	}
	return p
}

// redeem hands a code in and wants "paid" or a reason.
func (s *street) redeem(n int, amount int64, code, want string) *sandbox.Order {
	s.Helper()
	o, err := s.issuer.Redeem(s.Context(), sandbox.Redemption{Key: sandbox.Key{Wallet: "cornerpay", Merchant: shopNumber, OrderNo: orderNo(n)},
		Amount: amount, Currency: "CNY", Code: code, Accepted: s.clock.Now()})
	got := string(sandbox.RefusedFor(err))
	if err == nil {
		got = string(o.State)
		if o.State == sandbox.StateDeclined {
			got = string(o.Reason)
		}
	}
	if got != want {
		s.Errorf("order %d: %q (%v), want %q", n, got, err, want)
	}
	return o
}

// captured is everything that the shop has had.
func (s *street) captured() (sum int64, rows int) {
	s.Helper()
	orders, err := s.ledger.Orders(s.Context(), 0)
	if err != nil {
		s.Fatal(err)
	}
	for _, o := range orders {
		sum += o.Captured
	}
	return sum, len(orders)
}

// A phone with a line pays the challenge at the wallet; the shop's redemption only
// gives the payment its number.
func TestAReceipt(t *testing.T) {
	s := openStreet(t)
	id := s.phone(sandbox.Approve, 10_000)
	shown := s.challenge(1, 1280)
	code := s.scan(id, shown, sandbox.ScanPaid)
	if !strings.HasPrefix(code, "RC1:") || s.balance(id) != 8720 {
		t.Fatalf("it shows %.8q and has %d left", code, s.balance(id))
	}
	if again := s.scan(id, shown, sandbox.ScanPaid); again != code || s.balance(id) != 8720 {
		t.Error("looking again at a challenge that was paid is not the same")
	}
	s.scan(s.phone(sandbox.Approve, 10_000), shown, sandbox.ScanClosed)
	o := s.redeem(1, 1280, code, "paid")
	if o.OrderNo != orderNo(1) || o.Captured != 1280 {
		t.Errorf("the order is %+v", o)
	}
	s.redeem(1, 1280, code, "paid")
	// The receipt of one sale pays no other.
	s.redeem(2, 1280, code, "spent")
	if sum, rows := s.captured(); sum != 1280 || rows != 2 {
		t.Errorf("%d was captured in %d orders", sum, rows)
	}
	stale := s.challenge(3, 100)
	s.clock.Move(11 * time.Minute)
	s.scan(id, stale, sandbox.ScanClosed)
}

// An order that its shop has given up is not payable any more, and one that its
// payer has paid cannot be given up unnoticed: whoever comes first.
func TestAChallengeAndItsNumber(t *testing.T) {
	s := openStreet(t)
	id := s.phone(sandbox.Approve, 10_000)
	key := func(n int) sandbox.Key {
		return sandbox.Key{Wallet: "cornerpay", Merchant: shopNumber, OrderNo: orderNo(n)}
	}
	if err := s.issuer.Know(t.Context(), key(1)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ledger.CloseOrder(t.Context(), key(1)); err != nil {
		t.Fatal(err)
	}
	s.scan(id, s.challenge(1, 500), sandbox.ScanClosed)

	s.scan(id, s.challenge(2, 500), sandbox.ScanPaid)
	if err := s.issuer.Know(t.Context(), key(2)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ledger.CloseOrder(t.Context(), key(2)); sandbox.RefusedFor(err) != sandbox.ReasonOrderPaid {
		t.Errorf("closing a paid challenge: %v", err)
	}
	if s.balance(id) != 9500 {
		t.Errorf("%d is left", s.balance(id))
	}
}

func TestAPasswordBeforeTheReceipt(t *testing.T) {
	s := openStreet(t)
	id := s.phone(sandbox.Password, 10_000)
	shown := s.challenge(1, 700)
	if code := s.scan(id, shown, sandbox.ScanPassword); code != "" {
		t.Error("there is a code before the password")
	}
	if status, err := s.ledger.Confirm(t.Context(), id); err != nil || status != sandbox.ScanPaid {
		t.Fatal(status, err)
	}
	slip, err := s.issuer.Confirmed(t.Context(), id)
	if err != nil || !strings.HasPrefix(slip.Code, "RC1:") {
		t.Fatalf("%+v %v", slip, err)
	}
	s.redeem(1, 700, slip.Code, "paid")
	for behaviour, want := range map[sandbox.Behaviour]sandbox.ScanStatus{sandbox.Decline: sandbox.ScanDeclined, sandbox.Abandon: sandbox.ScanAbandoned} {
		s.scan(s.phone(behaviour, 10_000), s.challenge(2, 700), want)
	}
	s.scan(s.phone(sandbox.Approve, 699), s.challenge(2, 700), sandbox.ScanDeclined)
	if _, rows := s.captured(); rows != 1 {
		t.Errorf("%d orders, where one was paid", rows)
	}
}

// A phone that asked for a password and got none leaves the sale to another.
func TestAnotherPhoneSigns(t *testing.T) {
	s := openStreet(t)
	shown := s.challenge(1, 700)
	s.scan(s.phone(sandbox.Password, 10_000), shown, sandbox.ScanPassword)
	second := s.phone(sandbox.Approve, 10_000)
	s.fly(second, "")
	code := s.scan(second, shown, sandbox.ScanSigned)
	s.clock.Move(5 * time.Minute)
	s.redeem(1, 700, code, "paid")
	if sum, rows := s.captured(); sum != 700 || rows != 1 {
		t.Errorf("%d in %d orders", sum, rows)
	}
}

// A phone in flight mode signs for what was taken from it before.
func TestVouchersOfADevice(t *testing.T) {
	s := openStreet(t)
	id := s.phone(sandbox.Approve, 200_000)
	p := s.fly(id, "")
	if p.Left != 100_000 || p.Most != 50_000 || s.balance(id) != 100_000 {
		t.Fatalf("it carries %+v and has %d left", p, s.balance(id))
	}
	exact := s.scan(id, s.challenge(1, 40_000), sandbox.ScanSigned)
	s.redeem(2, 40_000, exact, "other_order")
	s.redeem(1, 39_999, exact, "other_order")
	s.redeem(3, 40_000, "OV2:NOT A CODE", "malformed")

	exact = s.scan(id, s.challenge(4, 40_000), sandbox.ScanSigned)
	s.redeem(4, 40_000, exact, "paid")
	s.redeem(4, 40_000, exact, "paid")
	s.redeem(4, 40_000, exact+"A", "number_used")

	s.scan(id, s.challenge(5, 50_001), sandbox.ScanDeclined) // more than one payment may be
	slip, err := s.issuer.Voucher(t.Context(), id, sandbox.VoucherAsk{})
	if err != nil {
		t.Fatal(err)
	}
	s.redeem(6, 50_001, slip.Code, "over_limit")
	s.redeem(7, 45_000, slip.Code, "paid")
	s.redeem(8, 45_000, slip.Code, "spent")
	slip, err = s.issuer.Voucher(t.Context(), id, sandbox.VoucherAsk{})
	if err != nil {
		t.Fatal(err)
	}
	s.redeem(9, 20_000, slip.Code, "over_limit") // 15,000 are left behind it
	s.redeem(10, 15_000, slip.Code, "paid")
	if sum, _ := s.captured(); sum != 100_000 {
		t.Errorf("%d was captured of 100000", sum)
	}
}

func TestABearersVoucher(t *testing.T) {
	s := openStreet(t)
	id := s.phone(sandbox.Approve, 10_000)
	slip, err := s.issuer.Voucher(t.Context(), id, sandbox.VoucherAsk{Kind: "bearer", Amount: 5000})
	if err != nil || !strings.HasPrefix(slip.Code, "OV1:") || s.balance(id) != 5000 {
		t.Fatalf("%+v %v, %d left", slip, err, s.balance(id))
	}
	s.redeem(1, 4999, slip.Code, "other_order")
	s.redeem(2, 5000, slip.Code, "paid")
	s.redeem(3, 5000, slip.Code, "spent")
	if slip, err = s.issuer.Voucher(t.Context(), id, sandbox.VoucherAsk{Kind: "bearer", Amount: 5001}); err != nil || slip.Status != sandbox.ScanDeclined {
		t.Errorf("%+v %v", slip, err)
	}
}

// What a voucher does not cover any more: blocked, or handed in too late. What is
// left of it then goes back to the customer.
func TestDeniedAndExpired(t *testing.T) {
	s := openStreet(t)
	id := s.phone(sandbox.Approve, 50_000)
	p := s.fly(id, "")
	first := s.scan(id, s.challenge(1, 100), sandbox.ScanSigned)
	second := s.scan(id, s.challenge(2, 100), sandbox.ScanSigned)
	if err := s.issuer.Deny(t.Context(), p.Voucher, true); err != nil {
		t.Fatal(err)
	}
	s.redeem(1, 100, first, "denied")
	if err := s.issuer.Deny(t.Context(), p.Voucher, false); err != nil {
		t.Fatal(err)
	}
	s.clock.Move(deviceLife + sandbox.RedeemGrace)
	s.redeem(2, 100, second, "expired")
	s.scan(id, s.challenge(3, 100), sandbox.ScanDeclined) // its certificate has ended

	off := false
	if _, err := s.issuer.Carry(t.Context(), id, sandbox.Carriage{Flight: &off}); err != nil {
		t.Fatal(err)
	}
	slip, err := s.issuer.Voucher(t.Context(), id, sandbox.VoucherAsk{Kind: "bearer", Amount: 50_000})
	if err != nil || slip.Code == "" {
		t.Errorf("the money of the ended certificate did not come back: %+v %v", slip, err)
	}
}

// What thieves show is not honoured when a shop hands it in all the same.
func TestThieves(t *testing.T) {
	s := openStreet(t)
	for n, test := range []struct {
		attack Attack
		want   string
	}{
		{Replay, "other_order"}, {Fork, "spent"}, {WrongKey, "forged"}, {Forged, "forged"}, {Stranger, "forged"},
		{Expired, "expired"}, {OverLimit, "over_limit"}, {OtherSale, "other_order"}, {Unpaid, "forged"},
	} {
		t.Run(string(test.attack), func(t *testing.T) {
			id := s.phone(sandbox.Approve, 50_000)
			s.fly(id, "")
			honest := s.scan(id, s.challenge(10*n, 100), sandbox.ScanSigned)
			s.redeem(10*n, 100, honest, "paid")
			s.fly(id, string(test.attack))
			s.redeem(10*n+1, 100, s.scan(id, s.challenge(10*n+1, 100), sandbox.ScanSigned), test.want)
		})
	}
	if sum, _ := s.captured(); sum != 9*100 {
		t.Errorf("%d was captured", sum)
	}
}

// Keys, counters and lists survive a restart, and versions only rise.
func TestARestart(t *testing.T) {
	s := openStreet(t)
	id := s.phone(sandbox.Approve, 50_000)
	s.fly(id, "")
	code := s.scan(id, s.challenge(1, 100), sandbox.ScanSigned)
	ctx := context.WithoutCancel(t.Context())
	before, version, err := s.issuer.KeySet(ctx)
	if err != nil {
		t.Fatal(err)
	}
	s.open()
	after, same, err := s.issuer.KeySet(ctx)
	if err != nil || same != version || !bytes.Equal(before, after) {
		t.Errorf("version %d became %d, %v", version, same, err)
	}
	s.redeem(1, 100, code, "paid")
	if p := s.fly(id, ""); p.Counter != 1 || p.Left != 49_900 {
		t.Errorf("the phone forgot: %+v", p)
	}
	for _, do := range []func() error{
		func() error { return s.issuer.Rotate(ctx) },
		func() error { s.clock.Move(setFresh); return nil },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
		_, newer, err := s.issuer.KeySet(ctx)
		if err != nil || newer <= version {
			t.Errorf("version %d after %d: %v", newer, version, err)
		}
		version = newer
	}
	r, err := s.issuer.Report(ctx)
	if err != nil || len(r.Keys) != 2 || r.Keys[0].InUse || !r.Keys[1].InUse {
		t.Errorf("%+v %v", r, err)
	}
	if err := s.issuer.Revoke(ctx, r.Keys[1].ID); err != nil {
		t.Fatal(err)
	}
	if r, err = s.issuer.Report(ctx); err != nil || !r.Keys[1].Revoked || !r.Keys[0].InUse {
		t.Errorf("%+v %v", r, err)
	}
}

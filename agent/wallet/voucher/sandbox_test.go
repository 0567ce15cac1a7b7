package voucher_test

import (
	"strings"
	"testing"
	"time"

	qrcode "github.com/skip2/go-qrcode"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	"tillwire/agent/sandbox/sandboxtest"
	issuing "tillwire/agent/sandbox/voucher"
	"tillwire/agent/wallet/voucher"
)

// The sandbox's issuer was written from FORMATS.md alone. What it and its phones
// make is read here by the code that shops run: each side is the other's judge.

const shopNumber = "SANDBOX01"

// fixed is a clock that stands until the test moves it.
type fixed struct{ now time.Time }

func (c *fixed) Now() time.Time { return c.now }

func (c *fixed) Mono() time.Duration { return c.now.Sub(time.Unix(0, 0)) }

func (c *fixed) After(time.Duration) <-chan time.Time { return make(chan time.Time) }

// shelf keeps the key set as a store would.
type shelf struct {
	raw     []byte
	version uint64
}

func (s *shelf) LoadKeySet() ([]byte, uint64, error) { return s.raw, s.version, nil }

func (s *shelf) SaveKeySet(raw []byte, version uint64) error {
	s.raw, s.version = raw, version
	return nil
}

type counter struct {
	*testing.T
	clock  *fixed
	ledger *sandbox.Ledger
	issuer *issuing.Issuer
	trust  *voucher.Trust
}

func openCounter(t *testing.T) *counter {
	t.Helper()
	c := &counter{T: t, clock: &fixed{time.Date(2026, 10, 14, 12, 0, 0, 0, time.UTC)}}
	c.ledger = sandboxtest.Ledger(t, c.clock)
	var err error
	c.issuer, err = issuing.New(t.Context(), issuing.Options{Ledger: c.ledger, Clock: c.clock, Brand: "cornerpay", Title: "Corner Pay", Number: 7,
		Currencies: []agent.Currency{"CNY"}, Merchants: []string{shopNumber}})
	if err != nil {
		t.Fatal(err)
	}
	var roots []voucher.Root
	for _, key := range c.issuer.Roots() {
		root, err := voucher.NewRoot(key)
		if err != nil {
			t.Fatal(err)
		}
		roots = append(roots, root)
	}
	if c.trust, err = voucher.OpenTrust(roots, &shelf{}); err != nil {
		t.Fatal(err)
	}
	c.fetch("")
	return c
}

// fetch takes what the issuer publishes now, and wants a reason or none.
func (c *counter) fetch(want voucher.Reason) {
	c.Helper()
	raw, _, err := c.issuer.KeySet(c.Context())
	if err != nil {
		c.Fatal(err)
	}
	if _, err := c.trust.Offer(raw); voucher.ReasonOf(err) != want || err != nil && want == "" {
		c.Fatalf("the key set: %v, want %q", err, want)
	}
}

// sale is a challenge of one order on the lane's display.
func (c *counter) sale(orderNo string, value int64) (voucher.Ask, string) {
	c.Helper()
	m := voucher.MerchantOf(shopNumber)
	amount := agent.Money{Value: value, Currency: "CNY"}
	shown := &voucher.Challenge{Merchant: m, Order: voucher.HashOrder(m, orderNo), Amount: amount, At: c.clock.now}
	text, err := shown.Text()
	if err != nil {
		c.Fatal(err)
	}
	limits := voucher.DefaultLimits()
	limits.Caps["CNY"] = voucher.DefaultCap("CNY")
	return voucher.Ask{Amount: amount, Shown: shown, Clock: voucher.Clock{Wall: c.clock.now, Synced: true}, Limits: limits}, text
}

func (c *counter) phone(flight bool) string {
	c.Helper()
	p, err := c.ledger.AddCustomer(c.Context(), sandbox.Customer{Wallet: "cornerpay", Balance: 200_000, Behaviour: sandbox.Approve})
	if err == nil {
		_, err = c.issuer.Carry(c.Context(), p.ID, sandbox.Carriage{Flight: &flight})
	}
	if err != nil {
		c.Fatal(err)
	}
	return p.ID
}

func (c *counter) scan(phone, text string) string {
	c.Helper()
	slip, err := c.issuer.Scan(c.Context(), phone, text)
	if err != nil || slip.Code == "" {
		c.Fatalf("%+v %v", slip, err)
	}
	return slip.Code
}

func (c *counter) judge(code string, ask voucher.Ask, want voucher.Reason) voucher.Accepted {
	c.Helper()
	a, err := voucher.Verify(code, ask, c.trust.Current())
	if voucher.ReasonOf(err) != want || err != nil && want == "" {
		c.Errorf("%.4s: %v, want %q", code, err, want)
	}
	return a
}

// largest is what a code may be in bytes, and in the version of its QR symbol at level
// M: what serial scanners read off a phone's screen (TestSizes has the formats' bounds).
var largest = map[voucher.Kind]struct{ bytes, version int }{voucher.RC1: {150, 9}, voucher.OV1: {133, 8}, voucher.OV2: {290, 13}}

// Everything that the sandbox issues is accepted, is small enough for a phone's screen,
// and is handed in afterwards.
func TestWhatTheSandboxIssues(t *testing.T) {
	c := openCounter(t)
	online, flying := c.phone(false), c.phone(true)
	bearer, err := c.issuer.Voucher(t.Context(), online, sandbox.VoucherAsk{Kind: "bearer", Amount: 1280})
	if err != nil {
		t.Fatal(err)
	}
	ceiling, err := c.issuer.Voucher(t.Context(), flying, sandbox.VoucherAsk{})
	if err != nil {
		t.Fatal(err)
	}
	ask, shown := c.sale("ORDER1", 1280)
	receiptAsk, receiptShown := c.sale("ORDER2", 1280)
	for _, test := range []struct {
		kind  voucher.Kind
		code  string
		ask   voucher.Ask
		order string
	}{
		{voucher.RC1, c.scan(online, receiptShown), receiptAsk, "ORDER2"},
		{voucher.OV1, bearer.Code, ask, "ORDER3"},
		{voucher.OV2, ceiling.Code, ask, "ORDER4"},
		{voucher.OV2, c.scan(flying, shown), ask, "ORDER1"},
	} {
		a := c.judge(test.code, test.ask, "")
		if a.Kind != test.kind || a.Issuer != 7 {
			t.Errorf("%s of issuer %d", a.Kind, a.Issuer)
		}
		symbol, err := qrcode.New(test.code, qrcode.Medium)
		if err != nil {
			t.Fatal(err)
		}
		if most := largest[test.kind]; len(a.Raw()) > most.bytes || symbol.VersionNumber > most.version {
			t.Errorf("%s has %d bytes and QR version %d; at most %d and %d", test.kind, len(a.Raw()), symbol.VersionNumber, most.bytes, most.version)
		}
		o, err := c.issuer.Redeem(t.Context(), sandbox.Redemption{Key: sandbox.Key{Wallet: "cornerpay", Merchant: shopNumber, OrderNo: test.order},
			Amount: 1280, Currency: "CNY", Code: test.code, Accepted: c.clock.now})
		if err != nil || o.State != sandbox.StatePaid || o.Captured != 1280 {
			t.Errorf("%s is not honoured: %+v %v", test.kind, o, err)
		}
	}
}

// Each attack is refused by the reason that is named after it, with a challenge on
// the display and without one.
func TestEachAttackHasItsReason(t *testing.T) {
	c := openCounter(t)
	for attack, want := range map[issuing.Attack]voucher.Reason{
		issuing.Replay: voucher.OtherOrder, issuing.WrongKey: voucher.Copied, issuing.Forged: voucher.Forged, issuing.Stranger: voucher.KeyUnknown,
		issuing.Expired: voucher.Expired, issuing.Stale: voucher.Stale, issuing.OverLimit: voucher.OverVoucher, issuing.OtherSale: voucher.OtherOrder,
		issuing.Unpaid: voucher.Forged,
	} {
		t.Run(string(attack), func(t *testing.T) {
			c.T = t
			phone := c.phone(true)
			ask, shown := c.sale("BEFORE", 1280)
			c.judge(c.scan(phone, shown), ask, "")
			c.turn(phone, attack)
			ask, shown = c.sale("AFTER", 1280)
			c.judge(c.scan(phone, shown), ask, want)
		})
	}
}

func (c *counter) turn(phone string, attack issuing.Attack) {
	c.Helper()
	name := string(attack)
	if _, err := c.issuer.Carry(c.Context(), phone, sandbox.Carriage{Attack: &name}); err != nil {
		c.Fatal(err)
	}
}

// A replay and a fork look right to whoever sees them for the first time; the
// counter tells them, in the transaction that accepts.
func TestAForkIsToldByItsCounter(t *testing.T) {
	c := openCounter(t)
	phone := c.phone(true)
	ask, shown := c.sale("ORDER1", 1280)
	text := c.scan(phone, shown)
	first := c.judge(text, ask, "")
	c.turn(phone, issuing.Fork)
	ask2, shown2 := c.sale("ORDER2", 1280)
	fork := c.judge(c.scan(phone, shown2), ask2, "")
	if err := voucher.CheckCounter(first.Counter, fork.Counter); voucher.ReasonOf(err) != voucher.CounterUsed {
		t.Errorf("the fork: %v", err)
	}
	c.turn(phone, issuing.Replay)
	again := c.judge(text, ask, "")
	if again.Redemption() != first.Redemption() {
		t.Error("the same code has two keys")
	}
}

// What is malformed is refused, whatever was done to it.
func TestMaimedCodes(t *testing.T) {
	c := openCounter(t)
	ask, shown := c.sale("ORDER1", 1280)
	code := c.scan(c.phone(true), shown)
	seen := map[voucher.Reason]int{}
	for n := range uint64(3000) {
		_, err := voucher.Verify(issuing.Maim(code, n*2654435761), ask, c.trust.Current())
		if err == nil {
			t.Fatalf("try %d is accepted", n)
		}
		seen[voucher.ReasonOf(err)]++
	}
	for _, reason := range []voucher.Reason{voucher.Malformed, voucher.Unreadable, voucher.Forged, voucher.Copied} {
		if seen[reason] == 0 {
			t.Errorf("no try met %s: %v", reason, seen)
		}
	}
}

// Rotation, withdrawal and the deny list reach the shop with the next key set, and
// an older set is not taken.
func TestKeySetsOfTheSandbox(t *testing.T) {
	c := openCounter(t)
	phone := c.phone(true)
	ask, shown := c.sale("ORDER1", 1280)
	old := c.scan(phone, shown)
	if err := c.issuer.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.fetch("")
	c.judge(old, ask, "") // the old key overlaps
	newer := c.scan(c.phone(true), shown)
	c.judge(newer, ask, "")

	report, err := c.issuer.Report(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.issuer.Deny(t.Context(), report.Vouchers[1].ID, true); err != nil {
		t.Fatal(err)
	}
	if err := c.issuer.Revoke(t.Context(), report.Keys[0].ID); err != nil {
		t.Fatal(err)
	}
	c.judge(newer, ask, "") // the shop does not know yet
	c.fetch("")
	c.judge(newer, ask, voucher.Denied)
	c.judge(old, ask, voucher.KeyRevoked)

	if err := c.issuer.Publish(t.Context(), report.Version); err != nil {
		t.Fatal(err)
	}
	c.fetch(voucher.SetBack)
	c.judge(newer, ask, voucher.Denied)
	if err := c.issuer.Publish(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	c.fetch("")
	c.clock.now = c.clock.now.Add(73 * time.Hour)
	ask.Clock.Wall = c.clock.now
	c.judge(newer, ask, voucher.KeysOld)
	c.fetch("")
	c.judge(newer, ask, voucher.Denied)
}

func TestSizesOfTheSandbox(t *testing.T) {
	c := openCounter(t)
	_, shown := c.sale("ORDER1", 1280)
	_, paid := c.sale("ORDER2", 1280)
	for prefix, code := range map[string]string{"RC1:": c.scan(c.phone(false), paid), "OV2:": c.scan(c.phone(true), shown)} {
		read, err := voucher.Read(code)
		if err != nil || !strings.HasPrefix(code, prefix) || len(read.Raw()) > map[string]int{"RC1:": 150, "OV2:": 290}[prefix] {
			t.Errorf("%s has %d bytes: %v", prefix, len(read.Raw()), err)
		}
	}
}

// A phone whose secure element knows ES256 alone pays as the others do, and a thief
// gains nothing by it.
func TestAPhoneOfTheOtherCurve(t *testing.T) {
	c := openCounter(t)
	phone := c.phone(false)
	other, flight := true, true
	if _, err := c.issuer.Carry(t.Context(), phone, sandbox.Carriage{ES256: &other}); err != nil {
		t.Fatal(err)
	}
	if p, err := c.issuer.Carry(t.Context(), phone, sandbox.Carriage{Flight: &flight}); err != nil || !p.ES256 || p.Voucher == "" {
		t.Fatalf("the phone is %+v, %v", p, err)
	}
	for n, attack := range []issuing.Attack{"", issuing.WrongKey, issuing.Forged, issuing.Expired, issuing.Malformed} {
		orderNo := "ORDER" + string(rune('1'+n))
		ask, shown := c.sale(orderNo, 1280)
		c.turn(phone, attack)
		code := c.scan(phone, shown)
		want, paid := map[issuing.Attack]voucher.Reason{issuing.WrongKey: voucher.Copied, issuing.Forged: voucher.Forged, issuing.Expired: voucher.Expired}[attack], attack == ""
		if attack != issuing.Malformed {
			c.judge(code, ask, want)
		} else if _, err := voucher.Verify(code, ask, c.trust.Current()); err == nil {
			t.Error("damage is accepted")
		}
		o, err := c.issuer.Redeem(t.Context(), sandbox.Redemption{Key: sandbox.Key{Wallet: "cornerpay", Merchant: shopNumber, OrderNo: orderNo},
			Amount: 1280, Currency: "CNY", Code: code, Accepted: c.clock.now})
		if err != nil || (o.State == sandbox.StatePaid) != paid {
			t.Errorf("attack %q is redeemed as %+v, %v", attack, o, err)
		}
	}
	if _, err := c.issuer.Carry(t.Context(), phone, sandbox.Carriage{ES256: new(bool)}); err == nil {
		t.Error("a phone without a line got a new key")
	}
}

package voucher

import (
	"fmt"
	"slices"

	"tillwire/agent"
)

// Ask is the sale a code is shown for, and what the terminal knows.
type Ask struct {
	Amount agent.Money
	Shown  *Challenge // what the lane's display shows; nil without a display
	Groups []uint32   // the groups of shops this one belongs to
	Clock  Clock
	Limits Limits // of the shop; the key set's policy lowers them further
}

// Accepted is a code that passed every check that needs no store. It is not a
// payment yet: the caller inserts SpentKey (unique), asks CheckCounter for an
// OV2, counts and sums against Limits, and against Allowance what ID was accepted for
// before, and writes the payment, all in one transaction, and says yes after its commit.
type Accepted struct {
	Code
	KeySet uint64 // version of the key set that it was judged by
	Limits Limits // the shop's, lowered: what the transaction counts against
	Clock  Clock  // as it was used; MaxSeen is the latest time it proves, if Trusted
}

// SpentKey is what may be accepted only once: issuer, voucher or transaction,
// and counter. Keep it fourteen days longer than Until.
func (a Accepted) SpentKey() (issuer uint16, id []byte, counter uint32) {
	if a.Kind == RC1 {
		return a.Issuer, a.Txn[:], 0
	}
	return a.Issuer, a.ID[:], a.Counter
}

// Redemption is the key under which the code is redeemed at its issuer, made of
// SpentKey, so that sending it twice is sending it once.
func (a Accepted) Redemption() string {
	issuer, id, counter := a.SpentKey()
	return fmt.Sprintf("%d|%x|%d", issuer, id, counter)
}

// Verify judges a scanned text by a key set, nil when there is none. Every
// refusal is a *Refusal whose reason names the first step that failed; the cheap
// steps and those that keep a stranger's bytes away from the rest come first.
func Verify(text string, ask Ask, keys *KeySet) (Accepted, error) {
	code, err := Read(text)
	if err != nil {
		return Accepted{}, err
	}
	if keys == nil {
		return Accepted{}, refuse(NoKeys, nil)
	}
	j := judge{code: code, ask: ask, keys: keys, clock: ask.Clock.after(keys.Issued), limits: ask.Limits.Lowered(keys.Policy)}
	for _, step := range []func() error{j.list, j.key, j.issuer, j.validity, j.denied, j.device, j.fresh, j.binding, j.caps} {
		if err := step(); err != nil {
			return Accepted{}, err
		}
	}
	return Accepted{Code: code, KeySet: keys.Version, Limits: j.limits, Clock: j.clock}, nil
}

// judge is one code before the steps, each of which relies on those before it.
type judge struct {
	code   Code
	ask    Ask
	keys   *KeySet
	by     Key
	clock  Clock
	limits Limits
}

// list asks whether the key set itself may still be used.
func (j *judge) list() error { return j.keys.usable(j.clock, j.limits) }

func (s *KeySet) usable(c Clock, l Limits) error {
	switch {
	case !c.Latest().Before(s.Expires):
		return refuse(KeysExpired, nil)
	case s.Age(c) > l.KeySetAge:
		return refuse(KeysOld, nil)
	}
	return nil
}

// Usable is why no code can be judged by a key set now, nil when they can. limits are the
// shop's. Verify asks the same again.
func Usable(keys *KeySet, clock Clock, limits Limits) error {
	if keys == nil {
		return refuse(NoKeys, nil)
	}
	return keys.usable(clock.after(keys.Issued), limits.Lowered(keys.Policy))
}

// key finds the issuer's key and asks whether it may sign this now.
func (j *judge) key() error {
	key, ok := j.keys.Key(j.code.Key)
	if !ok || key.Issuer != j.code.Issuer {
		return refuse(KeyUnknown, nil)
	}
	j.by = key
	now := j.clock.Latest()
	switch {
	case key.Revoked:
		return refuse(KeyRevoked, nil)
	case now.Before(key.From):
		return refuse(KeyNotYet, nil)
	case !now.Before(key.Until):
		return refuse(KeyExpired, nil)
	case key.Uses&uses[j.code.Kind] == 0:
		return refuse(KeyUse, nil)
	}
	if _, listed := key.Most[j.code.Currency]; key.Most != nil && !listed {
		return refuse(KeyUse, nil)
	}
	return nil
}

var uses = map[Kind]Use{RC1: SignsReceipts, OV1: SignsBearer, OV2: SignsDevices}

func (j *judge) issuer() error {
	if err := j.code.issued.verify(j.code.issued.alg, j.by.public); err != nil {
		return refuse(Forged, err)
	}
	return nil
}

// validity is about vouchers: a receipt is for one sale and does not age.
func (j *judge) validity() error {
	if j.code.Kind == RC1 {
		return nil
	}
	now := j.clock.Latest()
	switch {
	case now.Before(j.code.From):
		return refuse(NotYet, nil)
	case !now.Before(j.code.Until):
		return refuse(Expired, nil)
	case j.code.Kind == OV2 && j.code.Until.Sub(j.code.From) > j.limits.Certificate:
		return refuse(LivesLong, nil)
	case !j.inScope():
		return refuse(OtherShop, nil)
	}
	return nil
}

func (j *judge) inScope() bool {
	return j.code.Scope == 0 || slices.Contains(j.ask.Groups, j.code.Scope)
}

func (j *judge) denied() error {
	switch {
	case j.code.Kind == RC1:
		return nil
	case j.clock.Latest().Sub(j.keys.DenyAsOf) > j.limits.DenyAge:
		return refuse(DenyOld, nil)
	case j.keys.Denies(j.code.ID):
		return refuse(Denied, nil)
	}
	return nil
}

func (j *judge) device() error {
	if j.code.Kind != OV2 {
		return nil
	}
	owner, err := j.code.owner.public()
	if err != nil {
		return refuse(Copied, err)
	}
	if err := j.code.device.verify(j.code.device.alg, owner); err != nil {
		return refuse(Copied, err)
	}
	return nil
}

// fresh asks when the device signed. An exact code needs no clock, because the
// order it names did not exist before the lane showed it; anything else can be a
// screenshot and is not taken by a terminal that does not know the time.
func (j *judge) fresh() error {
	trusted := j.clock.Trusted()
	switch {
	case !trusted && !j.code.Exact():
		return refuse(ClockUntrusted, nil)
	case !trusted || j.code.Kind != OV2:
		return nil
	}
	switch age := j.clock.Wall.Sub(j.code.Signed); {
	case age > j.limits.Fresh:
		return refuse(Stale, nil)
	case age < -j.limits.Fresh:
		return refuse(Ahead, nil)
	}
	return nil
}

// binding asks whether the code is for this sale and this amount.
func (j *judge) binding() error {
	if j.code.Currency != j.ask.Amount.Currency {
		return refuse(OtherCurrency, nil, string(j.code.Currency))
	}
	switch {
	case j.code.Exact() && !j.sameOrder():
		return refuse(OtherOrder, nil)
	case j.code.Kind != OV2 || j.code.Exact():
		if j.code.Amount != j.ask.Amount.Value {
			return refuse(OtherAmount, nil, j.money(j.code.Amount))
		}
	}
	if j.code.Kind == OV2 && j.ask.Amount.Value > j.code.Most {
		return refuse(OverVoucher, nil, j.money(j.code.Most))
	}
	return nil
}

func (j *judge) sameOrder() bool {
	if j.ask.Shown == nil {
		return false
	}
	if j.code.Kind == OV2 {
		return j.code.Order == j.ask.Shown.Order
	}
	binding, err := j.ask.Shown.Binding()
	return err == nil && j.code.Binding == binding
}

// caps asks what one payment may be. A receipt has no cap of the shop: its money
// is at the wallet already. What is summed and counted is asked by the
// transaction that accepts.
func (j *judge) caps() error {
	value := j.ask.Amount.Value
	if most, ok := j.by.Most[j.code.Currency]; ok && value > most {
		return refuse(OverIssuer, nil, j.money(most))
	}
	most := j.limits.Caps[j.code.Currency].Ceiling
	switch {
	case j.code.Kind == RC1:
		return nil
	case j.code.Exact():
		most = j.limits.Caps[j.code.Currency].Exact
	}
	if value > most {
		return refuse(OverShop, nil, j.money(most))
	}
	return nil
}

func (j *judge) money(value int64) string {
	return agent.Money{Value: value, Currency: j.code.Currency}.String()
}

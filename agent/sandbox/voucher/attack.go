package voucher

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"sync"
	"time"
)

// Attack is what a thief's phone does instead of paying. How a terminal should call
// it stands behind each, and how the issuer does where a shop hands it in all the
// same.
type Attack string

// The attacks of phones. A key set that is rolled back is the office's: see
// [Issuer.Publish].
const (
	Replay    Attack = "replay"     // the code shown last, again: spent, counter used or other order; spent
	Fork      Attack = "fork"       // a new code with a counter used before, from a copied phone: counter used; spent
	WrongKey  Attack = "wrong_key"  // signed by another device: copied; forged
	Forged    Attack = "forged"     // a certificate under the issuer's name that it did not sign: forged; forged
	Stranger  Attack = "stranger"   // a certificate of an issuer that nobody knows: key unknown; forged
	Expired   Attack = "expired"    // a certificate that has ended: expired; expired
	Stale     Attack = "stale"      // signed an hour ago, as on a screenshot: stale
	OverLimit Attack = "over_limit" // more than the certificate allows: over voucher; over limit
	OtherSale Attack = "other_sale" // signed for another sale: other order; other order
	Unpaid    Attack = "receipt"    // a receipt of a payment that nobody made: forged; forged
	Rooted    Attack = "rooted"     // a true phone that signs what no honest one would: malformed, ahead, stale, other amount or other order
	Malformed Attack = "malformed"  // bytes changed, cut, doubled or written in another form: any reason
)

// Attacks lists all of them.
var Attacks = []Attack{Replay, Fork, WrongKey, Forged, Stranger, Expired, Stale, OverLimit, OtherSale, Unpaid, Rooted, Malformed}

func (a Attack) known() bool { return a == "" || slices.Contains(Attacks, a) }

// Attacks implements [sandbox.Issuer].
func (i *Issuer) Attacks() []string {
	var names []string
	for _, a := range Attacks {
		names = append(names, string(a))
	}
	return names
}

// Thief makes codes that nobody should accept. It needs no ledger and is
// deterministic, so that a campaign makes millions and repeats any of them. It is
// not safe for concurrent use.
type Thief struct {
	Press  Press  // the true issuer's; what the thief cannot have is only used where an attack leaves it true
	Device Device // a true phone
	Worth  Worth  // of its certificate
	// Counter is that of Last, the code that the phone showed last; each is empty when
	// there was none.
	Counter uint32
	Last    string
}

// strange is the key of somebody else.
func strange(n uint64) Pen {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("stranger"), n))
	return NewPen(sum[:])
}

// stranger is somebody else's key of the same sort.
func (p Pen) stranger(n uint64) Pen {
	if p.alg() == algEdDSA {
		return strange(n)
	}
	sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("stranger"), n))
	return NewES256(sum[:])
}

// Code makes the code of an attack on a challenge, nil where the lane shows none.
// n tells one try of the same attack from another.
func (t *Thief) Code(a Attack, at time.Time, c *Challenge, n uint64) string {
	device, counter := t.Device, t.Counter+1
	switch a {
	case Replay:
		if t.Last != "" {
			return t.Last
		}
	case Fork:
		counter = max(t.Counter, 1)
	case WrongKey:
		device.Pen = device.Pen.stranger(n)
	case Forged:
		// The header names the true key; only the signature gives it away.
		liar := strange(n)
		liar.kid = t.Press.Pen.kid
		device.Certificate = Press{t.Press.Number, liar}.Certificate(t.Worth, device.Pen.Public())
	case Stranger:
		device.Certificate = Press{t.Press.Number, strange(n)}.Certificate(t.Worth, device.Pen.Public())
	case Expired:
		w := t.Worth
		w.Until = at.Add(-time.Minute)
		w.From = w.Until.Add(-deviceLife)
		device.Certificate = t.Press.Certificate(w, device.Pen.Public())
	case Stale:
		at = at.Add(-time.Hour)
	case OverLimit:
		w := t.Worth
		if c != nil {
			w.Most = max(c.Amount-1, 1)
		}
		device.Certificate = t.Press.Certificate(w, device.Pen.Public())
	case OtherSale:
		if c != nil {
			other := Challenge{Merchant: c.Merchant, Order: c.Order, Currency: c.Currency, Amount: c.Amount, At: c.At}
			other.Order[n%8]++
			c = &other
		}
	case Unpaid:
		return t.receipt(at, c, n)
	case Rooted:
		return device.odd(at, counter, c, n)
	case Malformed:
		return Maim(device.Sign(at, counter, c), n)
	}
	t.Counter, t.Last = counter, device.Sign(at, counter, c)
	return t.Last
}

// receipt is a receipt under the issuer's name with a stranger's signature.
func (t *Thief) receipt(at time.Time, c *Challenge, n uint64) string {
	if c == nil {
		c = &Challenge{Currency: t.Worth.Currency, Amount: 1, At: at}
	}
	pen := strange(n)
	txn := binary.BigEndian.AppendUint64([]byte("thie"), n)
	pen.kid = t.Press.Pen.kid
	return Press{t.Press.Number, pen}.Receipt(Receipt{At: at, Challenge: *c, Txn: txn})
}

// Maim damages a code in one of many ways that n chooses. The result is never the
// code itself.
func Maim(text string, n uint64) string {
	kind, body, _ := strings.Cut(text, ":")
	raw, ok := unbase45(body)
	if !ok || len(raw) < 2 {
		return text + "!"
	}
	how, n := n%8, n/8
	place := int(n % uint64(len(raw)))
	n /= uint64(len(raw))
	switch how {
	case 0, 1: // one bit
		raw[place] ^= 1 << (n % 8)
	case 2: // cut
		raw = raw[:place]
	case 3: // something behind
		raw = append(raw, byte(n), byte(n>>8))
	case 4: // a byte more in the middle
		raw = slices.Insert(raw, place, byte(n))
	case 5: // a byte less
		raw = slices.Delete(raw, place, place+1)
	case 6: // a length written longer than it must be, where the byte is one
		raw = slices.Replace(raw, place, place+1, raw[place]&0xe0|24, raw[place]&31)
	default: // one character, which may leave the alphabet
		i := int(n % uint64(len(body)))
		swapped := byte('!')
		if j := (strings.IndexByte(alphabet45, body[i]) + 1 + int(n%44)) % 45; n%5 != 0 {
			swapped = alphabet45[j]
		}
		return kind + ":" + body[:i] + string(swapped) + body[i+1:]
	}
	return kind + ":" + base45(raw)
}

// pockets are the thieves among the phones. What they showed last is worth money
// and is kept in memory alone.
type pockets struct {
	mu   sync.Mutex
	last map[string]*Thief
}

// of is the thief with this phone. Only the ledger's goroutine looks into one.
func (p *pockets) of(customer string) *Thief {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == nil {
		p.last = map[string]*Thief{}
	}
	if p.last[customer] == nil {
		p.last[customer] = &Thief{}
	}
	return p.last[customer]
}

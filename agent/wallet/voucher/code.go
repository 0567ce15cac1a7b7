package voucher

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"tillwire/agent"
)

// Kind is the format of a code, which is also its prefix.
type Kind string

// The formats.
const (
	PC1 Kind = "PC1" // challenge on the shop's display, signed by nobody
	RC1 Kind = "RC1" // receipt of a payment made, signed by the wallet
	OV1 Kind = "OV1" // bearer voucher of a fixed value, signed by its issuer
	OV2 Kind = "OV2" // voucher signed by a device under its issuer's certificate
)

// maxText bounds what is looked at at all, in bytes.
const maxText = 512

// maxRaw bounds the bytes behind a prefix by what a QR code holds at level M in
// the alphanumeric mode (ISO/IEC 18004, table 7): version 3 for PC1, 9 for RC1,
// 8 for OV1, 13 for OV2.
var maxRaw = map[Kind]int{PC1: 38, RC1: 172, OV1: 144, OV2: 319}

// VoucherID names a bearer voucher or the certificate of a device (claim cti).
type VoucherID [8]byte

// String is the id in hexadecimal.
func (id VoucherID) String() string { return hex.EncodeToString(id[:]) }

// Txn is the wallet's transaction id in a receipt.
type Txn [12]byte

// String is the id in hexadecimal.
func (t Txn) String() string { return hex.EncodeToString(t[:]) }

// Code is a code that was read and not verified: every field is what somebody
// claims. Fields that a kind does not have are zero.
type Code struct {
	Kind     Kind
	Issuer   uint16
	Key      KeyID // of the issuer's key that is said to have signed
	Currency agent.Currency
	Amount   int64 // minor units: paid (RC1), worth (OV1), signed for (exact OV2), 0 with a ceiling

	Signed time.Time // RC1: by the wallet; OV2: by the device

	Binding Binding // RC1: of the challenge it answers
	Txn     Txn     // RC1

	ID          VoucherID // OV1, OV2
	From, Until time.Time // OV1; of an OV2's certificate. Until is the first moment it is not valid
	Scope       uint32    // OV1, OV2: the group of shops, 0 for all of the issuer's

	Allowance int64     // OV2: minor units behind the certificate
	Most      int64     // OV2: minor units of one payment
	Counter   uint32    // OV2: from 1, higher with every code of the device
	Order     OrderHash // OV2: the sale it was signed for; zero with a ceiling

	raw    []byte
	issued signed  // what the issuer signed
	device signed  // OV2: what the device signed
	owner  coseKey // OV2: the device's key
}

// signed is an envelope with the algorithm its header names.
type signed struct {
	envelope
	alg int64
}

// Exact reports whether the code was signed for one sale and amount.
func (c Code) Exact() bool { return c.Kind == RC1 || c.Kind == OV2 && c.Amount > 0 }

// Raw is the code as bytes, without prefix and Base45: what is redeemed later.
func (c Code) Raw() []byte { return append([]byte(nil), c.raw...) }

// String says what the code is without any of it, because it may be worth money.
func (c Code) String() string { return fmt.Sprintf("(%s of issuer %d)", c.Kind, c.Issuer) }

// GoString is String, for the verb that would show the bytes.
func (c Code) GoString() string { return c.String() }

// KindOf tells the format of a scanned text by its prefix, or "". It says
// nothing about what follows.
func KindOf(text string) Kind {
	prefix, _, found := strings.Cut(Trim(text), ":")
	if _, known := maxRaw[Kind(prefix)]; found && known {
		return Kind(prefix)
	}
	return ""
}

// Trim takes away what serial scanners put around a line, which is no part of a code. A
// space is part of the alphabet and stays.
func Trim(text string) string { return strings.Trim(text, "\r\n\t") }

// Read takes a scanned text apart. Nothing in the result is verified. The
// reasons are TooLong, NotVoucher, Unreadable and Malformed.
func Read(text string) (Code, error) {
	kind, raw, err := open(text)
	if err != nil {
		return Code{}, err
	}
	return parse(kind, raw)
}

// open makes bytes of the text, cheapest check first.
func open(text string) (Kind, []byte, error) {
	if len(text) > maxText {
		return "", nil, refuse(TooLong, nil)
	}
	kind := KindOf(text)
	if kind == "" {
		return "", nil, refuse(NotVoucher, nil)
	}
	body := Trim(text)[len(kind)+1:]
	if len(body) > (maxRaw[kind]+1)/2*3 {
		return "", nil, refuse(TooLong, nil)
	}
	raw, err := unbase45(body)
	if err != nil {
		return "", nil, refuse(Unreadable, err)
	}
	return kind, raw, nil
}

func parse(kind Kind, raw []byte) (Code, error) {
	if len(raw) > maxRaw[kind] {
		return Code{}, refuse(TooLong, nil)
	}
	c := Code{Kind: kind, raw: raw}
	var err error
	switch kind {
	case RC1:
		err = c.readReceipt()
	case OV1:
		err = c.readBearer()
	case OV2:
		err = c.readDevice()
	default:
		return Code{}, refuse(NotVoucher, nil)
	}
	if err != nil {
		return Code{}, refuse(Malformed, err)
	}
	return c, nil
}

// whole opens a code that is what an issuer signed and nothing else.
func (c *Code) whole(claims any) error {
	e, err := tagged(c.raw)
	if err != nil {
		return err
	}
	return c.issuedBy(e, claims)
}

// issuedBy keeps what an issuer signed and opens its payload.
func (c *Code) issuedBy(e envelope, claims any) error {
	var h keyHeader
	if err := strict(e.Protected, &h); err != nil {
		return err
	}
	c.Key, c.issued = h.Kid, signed{e, h.Alg}
	return strict(e.Payload, claims)
}

func (c *Code) readReceipt() error {
	var claims receiptClaims
	if err := c.whole(&claims); err != nil {
		return err
	}
	c.Issuer, c.Signed, c.Binding, c.Txn = claims.Iss, moment(claims.Iat), claims.Binding, claims.Txn
	return claims.Worth.read(c)
}

func (c *Code) readBearer() error {
	var claims bearerClaims
	if err := c.whole(&claims); err != nil {
		return err
	}
	c.Issuer, c.ID, c.Scope = claims.Iss, claims.Cti, claims.Scope
	if err := claims.Worth.read(c); err != nil {
		return err
	}
	return span(c, claims.Nbf, claims.Exp)
}

func (c *Code) readDevice() error {
	outer, err := tagged(c.raw)
	if err != nil {
		return err
	}
	var h deviceHeader
	if err := strict(outer.Protected, &h); err != nil {
		return err
	}
	c.device = signed{outer, h.Alg}
	if err := c.readPayment(outer.Payload); err != nil {
		return err
	}
	inner, err := untagged(h.Kcwt)
	if err != nil {
		return err
	}
	var claims certificate
	if err := c.issuedBy(inner, &claims); err != nil {
		return err
	}
	c.Issuer, c.ID, c.Scope, c.owner = claims.Iss, claims.Cti, claims.Scope, claims.Cnf.Key
	if err := claims.Worth.read(c); err != nil {
		return err
	}
	if len(c.owner.X) != 32 {
		return errKeyShape
	}
	return span(c, claims.Nbf, claims.Exp)
}

func (c *Code) readPayment(payload []byte) (err error) {
	var claims deviceClaims
	if err := strict(payload, &claims); err != nil {
		return err
	}
	c.Signed, c.Counter = moment(claims.Iat), claims.Ctr
	switch {
	case claims.Ctr == 0:
		return errCounter
	case claims.Amount == 0 && len(claims.Order) == 0:
		return nil
	case len(claims.Order) != len(c.Order):
		return errPair
	}
	c.Order = OrderHash(claims.Order)
	c.Amount, err = amount(claims.Amount)
	return err
}

package voucher

import (
	"crypto"
	"strings"
	"time"
)

// code is an offline code as it came back from a shop. Only its form has been
// looked at; by and copied ask about the signatures.
type code struct {
	kind     string
	issuer   int64
	kid      []byte
	currency string
	amount   int64 // minor units: RC1 and OV1 their worth, OV2 what it was signed for, 0 with a ceiling
	at       time.Time
	binding  []byte // RC1
	txn      []byte // RC1
	worth    Worth  // OV1 and OV2
	counter  uint32 // OV2
	order    []byte // exact OV2
	issued   message
	device   message
	owner    crypto.PublicKey
}

// readCode takes a text apart, or answers false.
func readCode(text string) (code, bool) {
	kind, body, _ := strings.Cut(trimmed(text), ":")
	raw, ok := unbase45(body)
	if !ok || len(text) > 512 || len(raw) == 0 || raw[0] != tagSign1 {
		return code{}, false
	}
	v, err := unpack(raw[1:])
	if err != nil {
		return code{}, false
	}
	m, ok := open(v)
	if !ok {
		return code{}, false
	}
	c := code{kind: kind}
	switch kind {
	case "RC1":
		return c, c.readReceipt(m)
	case "OV1":
		return c, c.readIssued(m) && c.readWorth(2, claimIssuer, claimUntil, claimFrom, claimID, claimWorth, claimScope)
	case "OV2":
		return c, c.readDevice(m)
	}
	return code{}, false
}

// readIssued keeps what the issuer signed.
func (c *code) readIssued(m message) bool {
	c.issued, c.kid, c.issuer = m, m.header.blob(labelKid, 8), m.claims.number(claimIssuer, 0, 65535)
	return c.kid != nil && len(m.header) == 2 && c.issuer >= 0
}

func (c *code) readReceipt(m message) bool {
	if !c.readIssued(m) || !m.claims.has(claimIssuer, claimAt, claimWorth, claimBinding, claimTxn) {
		return false
	}
	at := m.claims.number(claimAt, 0, maxTime)
	c.at, c.binding, c.txn = time.Unix(at, 0), m.claims.blob(claimBinding, 16), m.claims.blob(claimTxn, 12)
	var amounts []int64
	c.currency, amounts = amountsOf(m.claims, 2)
	if amounts == nil {
		return false
	}
	c.amount = amounts[0]
	return at >= 0 && c.binding != nil && c.txn != nil
}

// amountsOf reads a claim [currency, amount …] with so many parts, or nil.
func amountsOf(t table, parts int) (string, []int64) {
	v, _ := t.get(claimWorth)
	list, _ := v.([]any)
	if len(list) != parts {
		return "", nil
	}
	currency, _ := list[0].(string)
	var amounts []int64
	for _, one := range list[1:] {
		n := number(one, 1, maxAmount)
		if n < 0 || !currencyLike(currency) {
			return "", nil
		}
		amounts = append(amounts, n)
	}
	return currency, amounts
}

// readWorth reads what a bearer voucher and a certificate have in common.
func (c *code) readWorth(parts int, labels ...int64) bool {
	t := c.issued.claims
	id, from, until := t.blob(claimID, 8), t.number(claimFrom, 1, maxTime), t.number(claimUntil, 1, maxTime)
	currency, amounts := amountsOf(t, parts)
	scope := t.number(claimScope, 0, maxTime)
	if !t.has(labels...) || id == nil || amounts == nil || from < 0 || until <= from || scope < 0 {
		return false
	}
	c.worth = Worth{ID: [8]byte(id), From: time.Unix(from, 0), Until: time.Unix(until, 0), Currency: currency, Total: amounts[0],
		Most: amounts[len(amounts)-1], Scope: scope}
	c.currency = currency
	if c.kind == "OV1" {
		c.amount = amounts[0]
	}
	return true
}

func (c *code) readDevice(m message) bool {
	certificate, _ := m.header.get(labelKCWT)
	inner, ok := open(certificate)
	if !ok || len(m.header) != 2 || !c.readIssued(inner) ||
		!c.readWorth(3, claimIssuer, claimUntil, claimFrom, claimID, claimKey, claimWorth, claimScope) {
		return false
	}
	confirm, _ := inner.claims.get(claimKey)
	confirmed, _ := confirm.(table)
	holder, _ := confirmed.get(1)
	key, _ := holder.(table)
	c.owner = readKey(key)
	if c.owner == nil || len(confirmed) != 1 {
		return false
	}
	at, counter := m.claims.number(claimAt, 0, maxTime), m.claims.number(claimCounter, 1, maxTime)
	c.device, c.at, c.counter = m, time.Unix(at, 0), uint32(max(counter, 0))
	if at < 0 || counter < 0 {
		return false
	}
	if m.claims.has(claimAt, claimCounter) {
		return true
	}
	c.amount, c.order = m.claims.number(claimAmount, 1, maxAmount), m.claims.blob(claimBinding, 8)
	return m.claims.has(claimAt, claimCounter, claimAmount, claimBinding) && c.amount > 0 && c.order != nil
}

// genuine reports whether the key signed it, and the device its part.
func (c *code) genuine(issuer crypto.PublicKey) bool {
	return c.issued.by(issuer) && (c.kind != "OV2" || c.device.by(c.owner))
}

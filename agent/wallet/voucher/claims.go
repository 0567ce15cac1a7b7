package voucher

import (
	"errors"
	"math"

	"tillwire/agent"
)

// The private claims start at -65601, outside what the CWT registry hands out.
// A number is never used for anything else again.

// money is an amount with its currency.
type money struct {
	_        struct{} `cbor:",toarray"`
	Currency string
	Amount   uint64 // minor units
}

// allowance is what an issuer has put behind a device: the customer's money,
// taken when the certificate was issued.
type allowance struct {
	_        struct{} `cbor:",toarray"`
	Currency string
	Total    uint64 // minor units, over the certificate's life
	Most     uint64 // minor units, one payment
}

// receiptClaims is the payload of RC1.
type receiptClaims struct {
	Iss     uint16  `cbor:"1,keyasint"`
	Iat     uint32  `cbor:"6,keyasint"` // Unix seconds, until 2106
	Worth   money   `cbor:"-65601,keyasint"`
	Binding Binding `cbor:"-65612,keyasint"`
	Txn     Txn     `cbor:"-65613,keyasint"`
}

// bearerClaims is the payload of OV1.
type bearerClaims struct {
	Iss   uint16    `cbor:"1,keyasint"`
	Exp   uint32    `cbor:"4,keyasint"`
	Nbf   uint32    `cbor:"5,keyasint"`
	Cti   VoucherID `cbor:"7,keyasint"`
	Worth money     `cbor:"-65601,keyasint"`
	Scope uint32    `cbor:"-65602,keyasint"`
}

// certificate is the payload of the issuer's CWT in an OV2.
type certificate struct {
	Iss   uint16    `cbor:"1,keyasint"`
	Exp   uint32    `cbor:"4,keyasint"`
	Nbf   uint32    `cbor:"5,keyasint"`
	Cti   VoucherID `cbor:"7,keyasint"`
	Cnf   confirm   `cbor:"8,keyasint"`
	Worth allowance `cbor:"-65601,keyasint"`
	Scope uint32    `cbor:"-65602,keyasint"`
}

// confirm is the claim cnf of RFC 8747: the key whose possession is proved.
type confirm struct {
	Key coseKey `cbor:"1,keyasint"`
}

// deviceClaims is the payload that a device signs. Amount and Order stand
// together or not at all.
type deviceClaims struct {
	Iat    uint32 `cbor:"6,keyasint"`
	Ctr    uint32 `cbor:"-65610,keyasint"`
	Amount uint64 `cbor:"-65611,keyasint,omitempty"`
	Order  []byte `cbor:"-65612,keyasint,omitempty"`
}

var (
	errAmount   = errors.New("an amount is not between one minor unit and twelve digits")
	errCurrency = errors.New("a currency is not three capital letters")
	errSpan     = errors.New("the validity ends before it begins")
	errCounter  = errors.New("the counter is zero")
	errPair     = errors.New("amount and order do not stand together")
)

func amount(n uint64) (int64, error) {
	if n < 1 || n > uint64(agent.MaxMinor) {
		return 0, errAmount
	}
	return int64(n), nil
}

func currency(text string) (agent.Currency, error) {
	if len(text) != 3 {
		return "", errCurrency
	}
	for _, c := range []byte(text) {
		if c < 'A' || c > 'Z' {
			return "", errCurrency
		}
	}
	return agent.Currency(text), nil
}

func (m money) read(into *Code) (err error) {
	if into.Currency, err = currency(m.Currency); err != nil {
		return err
	}
	into.Amount, err = amount(m.Amount)
	return err
}

func (a allowance) read(into *Code) (err error) {
	if into.Currency, err = currency(a.Currency); err != nil {
		return err
	}
	if into.Allowance, err = amount(a.Total); err != nil {
		return err
	}
	into.Most, err = amount(min(a.Most, math.MaxInt64))
	// No payment can take more than there is, whatever the issuer wrote.
	into.Most = min(into.Most, into.Allowance)
	return err
}

func span(into *Code, nbf, exp uint32) error {
	if nbf == 0 || exp <= nbf {
		return errSpan
	}
	into.From, into.Until = moment(nbf), moment(exp)
	return nil
}

package offline

import (
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"

	"tillwire/agent"
)

// event is one row of the journal as it is hashed: a map with integer keys in
// CBOR's core deterministic encoding, so that the same fact always has the same
// bytes. Keys are never used for anything else again.
type event struct {
	Kind    string `cbor:"1,keyasint"`           // agent.FactKind, or auditKind
	At      int64  `cbor:"2,keyasint"`           // Unix nanoseconds
	Version int64  `cbor:"3,keyasint,omitempty"` // of the payment, after the commit
	Asked   []byte `cbor:"4,keyasint,omitempty"` // with the first fact: digest of what the shop asked for

	Op            string `cbor:"5,keyasint,omitempty"`
	Attempt       int    `cbor:"6,keyasint,omitempty"`
	Wallet        string `cbor:"7,keyasint,omitempty"`
	Reason        string `cbor:"8,keyasint,omitempty"`
	Code          string `cbor:"9,keyasint,omitempty"`
	Text          string `cbor:"10,keyasint,omitempty"`
	Txn           string `cbor:"11,keyasint,omitempty"`
	QR            string `cbor:"12,keyasint,omitempty"`
	By            string `cbor:"13,keyasint,omitempty"`
	PayerAmount   int64  `cbor:"14,keyasint,omitempty"`
	PayerCurrency string `cbor:"15,keyasint,omitempty"`
	PayerRate     string `cbor:"16,keyasint,omitempty"`
	RefundNo      string `cbor:"17,keyasint,omitempty"`
	RequestID     string `cbor:"18,keyasint,omitempty"`
	Amount        int64  `cbor:"19,keyasint,omitempty"`
	Auto          bool   `cbor:"20,keyasint,omitempty"`
	CodePrint     []byte `cbor:"21,keyasint,omitempty"` // keyed, never the code

	Way string `cbor:"26,keyasint,omitempty"`
	Key string `cbor:"27,keyasint,omitempty"`

	Actor  string `cbor:"22,keyasint,omitempty"`
	Action string `cbor:"23,keyasint,omitempty"`
	Object string `cbor:"24,keyasint,omitempty"`
	Detail string `cbor:"25,keyasint,omitempty"`
}

// auditKind marks a row that is about no payment.
const auditKind = "audit"

// codec writes and reads events.
type codec struct {
	enc    cbor.EncMode
	dec    cbor.DecMode
	events *sync.Pool // of *event: they are large, and every fact needs one
}

func newCodec() (codec, error) {
	enc, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		return codec{}, fmt.Errorf("event encoding: %w", err)
	}
	dec, err := cbor.DecOptions{DupMapKey: cbor.DupMapKeyEnforcedAPF}.DecMode()
	if err != nil {
		return codec{}, fmt.Errorf("event encoding: %w", err)
	}
	return codec{enc, dec, &sync.Pool{New: func() any { return new(event) }}}, nil
}

// fact encodes a fact of the commit that makes version.
func (c codec) fact(f *agent.Fact, version int64, asked []byte) ([]byte, error) {
	e := c.events.Get().(*event)
	defer c.events.Put(e)
	*e = event{
		Kind: string(f.Kind), At: f.At.UnixNano(), Version: version, Asked: asked,
		Op: string(f.Op), Attempt: f.Attempt, Wallet: f.Wallet, Reason: string(f.Reason), Code: f.Code, Text: f.Text,
		Txn: f.Txn, QR: f.QR, By: f.By, PayerAmount: f.Payer.Amount.Value, PayerCurrency: string(f.Payer.Amount.Currency),
		PayerRate: f.Payer.Rate, RefundNo: f.RefundNo, RequestID: f.RequestID, Amount: f.Amount, Auto: f.Auto, CodePrint: f.CodePrint,
		Way: string(f.Way), Key: f.Key,
	}
	return c.enc.Marshal(e)
}

func (c codec) audit(a agent.Audit) ([]byte, error) {
	return c.enc.Marshal(event{Kind: auditKind, At: a.At.UnixNano(), Actor: a.Actor, Action: a.Action, Object: a.Object, Detail: a.Detail})
}

func (c codec) event(ev []byte) (e event, err error) {
	err = c.dec.Unmarshal(ev, &e)
	return e, err
}

func (e event) fact(seq int64) agent.Fact {
	return agent.Fact{
		Seq: seq, Kind: agent.FactKind(e.Kind), At: fromNano(e.At), Op: agent.Operation(e.Op), Attempt: e.Attempt, Wallet: e.Wallet,
		Reason: agent.Reason(e.Reason), Code: e.Code, Text: e.Text, Txn: e.Txn, QR: e.QR, By: e.By,
		Payer:    agent.PayerSum{Amount: agent.Money{Value: e.PayerAmount, Currency: agent.Currency(e.PayerCurrency)}, Rate: e.PayerRate},
		RefundNo: e.RefundNo, RequestID: e.RequestID, Amount: e.Amount, Auto: e.Auto, CodePrint: e.CodePrint,
		Way: agent.Way(e.Way), Key: e.Key,
	}
}

func (e event) audit() agent.Audit {
	return agent.Audit{At: fromNano(e.At), Actor: e.Actor, Action: e.Action, Object: e.Object, Detail: e.Detail}
}

// wanted is what the shop asked for, encoded as an array in this order.
type wanted struct {
	_                                  struct{} `cbor:",toarray"`
	ID, OrderNo, Client, RequestID     string
	RequestHash                        []byte
	Lane                               string
	Amount                             int64
	Currency, Reference, Mode, Cashier string
	Test                               bool
	Created                            int64 // Unix nanoseconds
}

// asked digests what the shop asked for. It stands in the chain with the first
// fact, so that a changed amount or order number shows.
func (c codec) asked(p *agent.Payment) ([]byte, error) {
	text, err := c.enc.Marshal(&wanted{ID: string(p.ID), OrderNo: p.OrderNo, Client: p.Client, RequestID: p.RequestID,
		RequestHash: p.RequestHash, Lane: p.Lane, Amount: p.Amount.Value, Currency: string(p.Amount.Currency), Reference: p.Reference,
		Mode: string(p.Mode), Cashier: p.Cashier, Test: p.Test, Created: p.Created.UnixNano()})
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	return sum[:], nil
}

// link is the hash of a row: the hash before it, the event, and whose it is.
func link(prev [32]byte, ev []byte, pay agent.PaymentID) [32]byte {
	h := sha256.New()
	h.Write(prev[:])
	h.Write(ev)
	h.Write([]byte(pay))
	return [32]byte(h.Sum(nil))
}

func fromNano(ns int64) time.Time { return time.Unix(0, ns).UTC() }

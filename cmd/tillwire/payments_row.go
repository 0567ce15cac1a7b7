package main

import (
	"strconv"
	"time"

	"tillwire/agent"
	"tillwire/agent/words"
)

// row is a payment as it is exported: flat, in minor units, with the members of
// the sandbox's ledger under the same names, so that the two can be compared
// without any arithmetic of the reader's own.
type row struct {
	ID        string      `json:"id"`
	OrderNo   string      `json:"order_no"`
	Created   time.Time   `json:"created"`
	Lane      string      `json:"lane"`
	Reference string      `json:"reference"`
	RequestID string      `json:"request_id"`
	Mode      string      `json:"mode"`
	Wallet    string      `json:"wallet"`
	Currency  string      `json:"currency"`
	Amount    int64       `json:"amount"`   // asked for
	Captured  int64       `json:"captured"` // ever taken, never reduced
	Refunded  int64       `json:"refunded"` // sum of successful refunds
	Reversed  bool        `json:"reversed"`
	Kept      int64       `json:"kept"` // what the shop keeps: 0 when reversed or closed, else captured less refunded
	Status    agent.State `json:"status"`
	Final     bool        `json:"final"`
	Since     time.Time   `json:"since"`
	Txn       string      `json:"txn"`
	Reason    string      `json:"reason"`
	Code      string      `json:"code"`
	Test      bool        `json:"test"`
	Way       agent.Way   `json:"way"` // how it was accepted without the wallet's word; empty when it was not
	Refunds   []refundRow `json:"refunds"`
}

type refundRow struct {
	RefundNo string            `json:"refund_no"`
	Amount   int64             `json:"amount"`
	Status   agent.RefundState `json:"status"`
	Final    bool              `json:"final"`
	Auto     bool              `json:"auto"`
	By       string            `json:"by"`
}

func newRow(p agent.Payment) row {
	s := p.Status
	r := row{ID: string(p.ID), OrderNo: p.OrderNo, Created: p.Created, Lane: p.Lane, Reference: p.Reference, RequestID: p.RequestID,
		Mode: string(p.Mode), Wallet: s.Wallet, Currency: string(p.Amount.Currency), Amount: p.Amount.Value, Captured: s.Captured,
		Refunded: s.RefundedSum(), Reversed: s.State == agent.Reversed, Status: s.State, Final: s.Final(), Since: s.Since,
		Txn: s.Txn, Reason: string(s.Reason), Code: s.Code, Test: p.Test, Way: s.Way, Refunds: []refundRow{}}
	// A closed payment may have a success on record that its wallet took back afterwards.
	if !r.Reversed && s.State != agent.Closed {
		r.Kept = r.Captured - r.Refunded
	}
	for _, f := range s.Refunds {
		r.Refunds = append(r.Refunds, refundRow{f.No, f.Amount, f.State, f.State.Final(), f.Auto, f.By})
	}
	return r
}

// csvHeader names the columns of the CSV export; refunds are summed in it.
var csvHeader = []string{"id", "order_no", "created", "lane", "reference", "request_id", "mode", "wallet", "currency", "amount",
	"captured", "refunded", "reversed", "kept", "status", "final", "since", "txn", "reason", "code", "test", "way"}

func (r row) csv() []string {
	stamp := func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	return []string{r.ID, r.OrderNo, stamp(r.Created), r.Lane, words.Cell(r.Reference), words.Cell(r.RequestID), r.Mode, r.Wallet, r.Currency, number(r.Amount),
		number(r.Captured), number(r.Refunded), strconv.FormatBool(r.Reversed), number(r.Kept), string(r.Status), strconv.FormatBool(r.Final),
		stamp(r.Since), words.Cell(r.Txn), r.Reason, words.Cell(r.Code), strconv.FormatBool(r.Test), string(r.Way)}
}

package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"tillwire/agent"
)

// maxBody bounds every body of the API, in bytes; maxForm that of the set-up
// form, which may carry key files.
const (
	maxBody = 64 << 10
	maxForm = 256 << 10
)

// decode reads a JSON body strictly: one value, no unknown member, nothing
// behind it. No error repeats what was sent, because it may be a payment code.
func decode(r *http.Request, into any) error { return decodeBody(r, into, false) }

// decodeOptional is decode for calls that also take no body at all.
func decodeOptional(r *http.Request, into any) error { return decodeBody(r, into, true) }

func decodeBody(r *http.Request, into any, optional bool) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		var tooLong *http.MaxBytesError
		if errors.As(err, &tooLong) {
			return fail(agent.Invalid, codeTooLarge, "error.too_large", "The request is larger than 64 KiB.")
		}
		return unreadable("The request did not arrive completely. Send it again.")
	}
	if len(body) == 0 && optional {
		return nil
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return fail(agent.Invalid, codeMediaType, "error.content_type", "Send the request as application/json.")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return explain(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return unreadable("The body must be one JSON value with nothing behind it.")
	}
	return nil
}

func unreadable(english string) error {
	return fail(agent.Invalid, agent.CodeUnreadable, "error.unreadable", english, english)
}

// explain turns a decoder's error into ours. A value of the wrong type in the
// amount or the mode is readable, but no amount or mode.
func explain(err error) error {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		switch member, _, _ := strings.Cut(kind.Field, "."); {
		case kind.Field == "amount.currency":
			return fail(agent.Invalid, agent.CodeCurrency, "error.currency_text", "The currency must be an ISO 4217 code such as CNY.")
		case member == "amount":
			return amountShape()
		case member == "mode":
			return agent.Request{RequestID: "-", Mode: "-"}.Check()
		default:
			return unreadable("The member " + kind.Field + " has the wrong type.")
		}
	}
	var own *agent.Error
	if errors.As(err, &own) {
		return err
	}
	// The decoder names unknown members itself; a name is not a secret.
	if _, name, ok := strings.Cut(err.Error(), "unknown field "); ok && len(name) < 80 {
		return unreadable("There is no member " + name + " in this call.")
	}
	return unreadable("The body is not the JSON this call takes.")
}

func amountShape() error {
	return fail(agent.Invalid, agent.CodeAmount, "error.amount_shape",
		`The amount must be {"value": minor units as an integer, "currency": "CNY"}.`)
}

// looseAmount takes an amount as minor units or as {value, currency}: a till
// that has just read a payment may send back either.
type looseAmount struct {
	value    int64
	currency agent.Currency // empty: the payment's own
}

// UnmarshalJSON implements json.Unmarshaler.
func (a *looseAmount) UnmarshalJSON(text []byte) error {
	if err := json.Unmarshal(text, &a.value); err == nil {
		return nil
	}
	var m struct {
		Value    *int64          `json:"value"`
		Currency *agent.Currency `json:"currency"`
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil || m.Value == nil || m.Currency == nil {
		return amountShape()
	}
	a.value, a.currency = *m.Value, *m.Currency
	return nil
}

// money is the amount in the payment's currency; another currency is refused.
func (a looseAmount) money(p agent.Payment) (agent.Money, error) {
	if a.currency != "" && a.currency != p.Amount.Currency {
		return agent.Money{}, fail(agent.Invalid, agent.CodeCurrency, "error.refund_currency",
			"A refund is in the payment's own currency, "+string(p.Amount.Currency)+".", string(p.Amount.Currency))
	}
	m := agent.Money{Value: a.value, Currency: p.Amount.Currency}
	return m, m.Check()
}

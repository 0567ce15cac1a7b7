package agent

import (
	"encoding/json"
	"log/slog"
	"strconv"
)

// PayCode is text that came from a customer's phone. For about a minute it is
// worth money to whoever holds it, so it cannot be printed by accident: every
// formatting verb, log handler and JSON encoder sees only its length.
type PayCode struct{ text string }

// NewPayCode wraps a scanned text.
func NewPayCode(text string) PayCode { return PayCode{text} }

// Reveal returns the text itself, for the one request that carries it.
func (c PayCode) Reveal() string { return c.text }

// IsZero reports whether there is no code.
func (c PayCode) IsZero() bool { return c.text == "" }

// Len is the length of the code in bytes.
func (c PayCode) Len() int { return len(c.text) }

// String implements fmt.Stringer without revealing the code.
func (c PayCode) String() string { return "(code of " + strconv.Itoa(len(c.text)) + ")" }

// GoString implements fmt.GoStringer without revealing the code.
func (c PayCode) GoString() string { return c.String() }

// LogValue implements slog.LogValuer without revealing the code.
func (c PayCode) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalJSON implements json.Marshaler without revealing the code.
func (c PayCode) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }

// CodeKind says what a scanned text is.
type CodeKind string

// The kinds of text a scanner brings to the counter.
const (
	CodeConsumer CodeKind = "consumer" // a customer's payment code
	CodeMerchant CodeKind = "merchant" // a shop's code: the customer should scan it, not we
	CodeGoods    CodeKind = "goods"    // a barcode of merchandise
	CodeUnknown  CodeKind = "unknown"
)

// Code is a scanned text after identification.
type Code struct {
	Kind   CodeKind
	Scheme string // what it is: "wechat", "alipay", "emv-cpm", "ean13", "url", …
	Wallet string // the configured wallet that takes it; empty when none does
	Text   PayCode
}

package gateway

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"unicode/utf8"

	"tillwire/agent"
	"tillwire/agent/sandbox"
)

// maxAsked is how long a request's body may be (64 KiB).
const maxAsked = 64 << 10

// The patterns of the contract.
var (
	isMerchant = regexp.MustCompile(`^[0-9A-Za-z_-]{1,32}$`)
	isBrand    = regexp.MustCompile(`^[a-z0-9_-]{1,32}$`)
	isOrderNo  = regexp.MustCompile(`^[0-9A-Z]{32}$`)
	isRefundNo = regexp.MustCompile(`^[0-9A-Z]{33,40}$`)
	isTerminal = regexp.MustCompile(`^[0-9A-Z]{6}$`)
	isCurrency = regexp.MustCompile(`^[A-Z]{3}$`)
)

// maxValue bounds every amount.
const maxValue = 999_999_999_999

// object is a JSON object as sandbox.ReadObject reads it. Members that nobody asks for are
// ignored; a member that is asked for must be as the contract says.
type object map[string]any

// parse reads a body.
func parse(body []byte) (object, error) {
	if len(body) > maxAsked {
		return nil, invalid("the body is longer than 64 KiB")
	}
	if !utf8.Valid(body) {
		return nil, invalid("the body is not UTF-8")
	}
	o, err := sandbox.ReadObject(body)
	if err != nil {
		return nil, invalid("the body " + err.Error())
	}
	return o, nil
}

// text reads a string member; least 0 means that it may be missing.
func (o object) text(name string, least, most int) (string, error) {
	v, there := o[name]
	s, ok := v.(string)
	n := utf8.RuneCountInString(s)
	switch {
	case !there && least == 0:
		return "", nil
	case !ok:
		return "", invalid(name + " is missing or no string")
	case n < least || n > most:
		return "", invalid(fmt.Sprintf("%s has %d characters and must have %d to %d", name, n, least, most))
	}
	return s, nil
}

// matching reads a string member that must be there and have a form.
func (o object) matching(name string, form *regexp.Regexp) (string, error) {
	if s, ok := o[name].(string); ok && form.MatchString(s) {
		return s, nil
	}
	return "", invalid(name + " is missing or not as documented")
}

// number reads an integer, which no member may write with a point or an exponent.
func (o object) number(name string, least, most int64) (int64, error) {
	n, _ := o[name].(json.Number)
	v, err := strconv.ParseInt(n.String(), 10, 64)
	if err != nil || v < least || v > most {
		return 0, invalid(fmt.Sprintf("%s is missing or no integer of %d to %d", name, least, most))
	}
	return v, nil
}

// money reads an amount in minor units.
func (o object) money(name string) (agent.Money, error) {
	in, _ := o[name].(map[string]any)
	v, err := object(in).number("value", 1, maxValue)
	if err != nil {
		return agent.Money{}, invalid(name + " is missing or its value is no integer of 1 to 999999999999")
	}
	currency, err := object(in).matching("currency", isCurrency)
	if err != nil {
		return agent.Money{}, invalid(name + " has no currency")
	}
	return agent.Money{Value: v, Currency: agent.Currency(currency)}, nil
}

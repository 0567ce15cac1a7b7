package wechat

import (
	"errors"
	"net/netip"
	"regexp"
	"strconv"
	"unicode/utf8"

	"tillwire/agent/sandbox"
)

// element is one line of a request's table in the documentation of API v2. most
// is in characters.
type element struct {
	name  string
	need  bool
	most  int
	check func(string) bool
}

// common are the elements of every request. A partner's two are checked where it
// is known who asks.
var common = []element{
	{"appid", true, 32, nil}, {"mch_id", true, 32, nil}, {"sub_appid", false, 32, nil}, {"sub_mch_id", false, 32, nil},
	{"nonce_str", true, 32, nil}, {"sign", true, 64, nil}, {"sign_type", false, 32, nil}, {"out_trade_no", true, 32, isOrderNo},
}

// orderElements is a call that only names an order.
func orderElements() []element { return common }

// micropayElements is POST /pay/micropay (API v2, 2025-08-14).
func micropayElements() []element {
	return append(common[:len(common):len(common)],
		element{"device_info", false, 32, nil}, element{"body", true, 128, nil}, element{"detail", false, 6000, nil}, element{"attach", false, 127, nil},
		element{"total_fee", true, 12, isFee}, element{"fee_type", false, 16, isCNY}, element{"spbill_create_ip", true, 64, isIP},
		element{"goods_tag", false, 32, nil}, element{"limit_pay", false, 32, nil}, element{"time_start", false, 14, isDigits},
		element{"time_expire", false, 14, isDigits}, element{"receipt", false, 8, nil}, element{"auth_code", true, 128, isDigits},
		element{"profit_sharing", false, 16, nil}, element{"scene_info", false, 256, nil})
}

var feeGrammar = regexp.MustCompile(`^[1-9][0-9]{0,11}$`)

func isFee(s string) bool { return feeGrammar.MatchString(s) }

func isIP(s string) bool { _, err := netip.ParseAddr(s); return err == nil }

// holdElements says what is wrong with a request, or "".
func holdElements(in values, fields []element, who *Merchant) string {
	known := map[string]bool{}
	for _, f := range fields {
		known[f.name] = true
		value := in[f.name]
		switch {
		case value == "" && f.need, f.name == "sub_mch_id" && who.Partner() && value == "":
			return f.name + " is missing"
		case value == "":
		case utf8.RuneCountInString(value) > f.most:
			return f.name + " is longer than " + strconv.Itoa(f.most) + " characters"
		case f.check != nil && !f.check(value):
			return f.name + " has a value that is not allowed"
		}
	}
	for name := range in {
		if !known[name] {
			return name + " is not known"
		}
	}
	return ""
}

// errUserPaying is no failure, but API v2 says it as one.
var errUserPaying = errors.New("the customer must enter the password")

// classicRefusals maps what the ledger refuses to the codes of API v2.
var classicRefusals = map[sandbox.Reason][2]string{
	sandbox.ReasonCodeUnknown:    {"AUTH_CODE_INVALID", "The payment code is not valid."},
	sandbox.ReasonCodeUsed:       {"AUTH_CODE_ERROR", "The payment code was used before; ask for a fresh one."},
	sandbox.ReasonCodeExpired:    {"AUTHCODEEXPIRE", "The payment code is too old; ask for a fresh one."},
	sandbox.ReasonNotEnough:      {"NOTENOUGH", "The balance is not enough."},
	sandbox.ReasonCurrency:       {"NOTSUPORTCARD", "The customer cannot pay in this currency."},
	sandbox.ReasonNumberUsed:     {"OUT_TRADE_NO_USED", "The order number was used with other parameters."},
	sandbox.ReasonOrderPaid:      {"ORDERPAID", "The order is paid."},
	sandbox.ReasonOrderClosed:    {"ORDERCLOSED", "The order is closed."},
	sandbox.ReasonOrderReversed:  {"ORDERREVERSED", "The order was reversed."},
	sandbox.ReasonNotFound:       {"ORDERNOTEXIST", "There is no such order."},
	sandbox.ReasonOnlyClose:      {"TRADE_STATE_ERROR", "Only a code payment can be reversed; close or refund this order."},
	sandbox.ReasonStateForbids:   {"TRADE_STATE_ERROR", "The state of the order does not allow this."},
	sandbox.ReasonReverseTooLate: {"REVERSE_EXPIRE", "An order can be reversed for seven days; use a refund."},
}

// explainClassic turns an error into err_code and err_code_des. What is not a
// refusal is SYSTEMERROR: the client must treat it as unknown.
func explainClassic(err error) (code, text string) {
	if errors.Is(err, errUserPaying) {
		return "USERPAYING", errUserPaying.Error()
	}
	if words, ok := classicRefusals[sandbox.RefusedFor(err)]; ok {
		return words[0], words[1]
	}
	return "SYSTEMERROR", "The system failed; ask again with the same parameters."
}

// lieAboutFees is an answer that states one fen more, and nothing else wrong.
func lieAboutFees(v values) values {
	for _, name := range []string{"total_fee", "cash_fee"} {
		if n, err := strconv.ParseInt(v[name], 10, 64); err == nil {
			v[name] = strconv.FormatInt(n+1, 10)
		}
	}
	return v
}

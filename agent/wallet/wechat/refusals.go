package wechat

import (
	"encoding/json"
	"strings"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

// failure is the body of an error answer.
type failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// normal is the form in which codes are compared: documents and live systems
// spell them with and without underscores, with and without a final D, and one
// with one P (AUTH_CODE_EXPIRED and AUTHCODEEXPIRE, NOT_SUPPORT_CARD and
// NOTSUPORTCARD).
func normal(code string) string {
	code = strings.ReplaceAll(word(code), "_", "")
	code = strings.TrimSuffix(code, "D")
	return strings.Replace(code, "NOTSUPPORT", "NOTSUPORT", 1)
}

// refusal is what one code means on one operation.
type refusal struct {
	code    string // the documented spelling
	verdict agent.Verdict
	reason  agent.Reason
	retry   bool // Answer.Retry
	// echo marks a refusal that an earlier try of the same number may have caused:
	// on a second try it says nothing about the first.
	echo bool
}

// setup lists the codes that say that the shop's numbers or keys are wrong. They
// refuse every operation before it begins; of an earlier try, made before the keys
// were changed, they say nothing.
var setup = map[string]string{
	"APPIDMCHIDNOTMATCH": "APPID_MCHID_NOT_MATCH",
	"APPIDNOTEXIST":      "APPID_NOT_EXIST",
	"MCHIDNOTEXIST":      "MCHID_NOT_EXIST",
	"MCHNOTEXIST":        "MCH_NOT_EXIST",
	"MCHNOTEXISTS":       "MCH_NOT_EXISTS",
	"NOAUTH":             "NO_AUTH",
	"SIGNERROR":          "SIGN_ERROR",
	"LACKPARAMS":         "LACK_PARAMS",
	"XMLFORMATERROR":     "XML_FORMAT_ERROR", // API v2
	"REQUIREPOSTMETHO":   "REQUIRE_POST_METHOD",
	"POSTDATAEMPTY":      "POST_DATA_EMPTY",
	"NOTUTF8":            "NOT_UTF8",
}

// payRefusals are the definite refusals of codepay (WeChat Pay v3, code payment,
// error codes). What is not here is in doubt: ORDER_PAID and OUT_TRADE_NO_USED
// too, because only a query tells whose payment that was.
var payRefusals = map[string]refusal{
	"NOTENOUGH":       {"NOT_ENOUGH", agent.Refused, agent.ReasonNotEnough, false, false},
	"AUTHCODEEXPIRE":  {"AUTH_CODE_EXPIRED", agent.Refused, agent.ReasonCodeExpired, false, false},
	"AUTHCODEERROR":   {"AUTH_CODE_ERROR", agent.Refused, agent.ReasonCodeUsed, false, true},
	"AUTHCODEINVALI":  {"AUTH_CODE_INVALID", agent.Refused, agent.ReasonCodeInvalid, false, true},
	"NOTSUPORTCAR":    {"NOT_SUPPORT_CARD", agent.Refused, agent.ReasonPayerBlocked, false, false},
	"ORDERCLOSE":      {"ORDER_CLOSED", agent.Refused, agent.ReasonDeadOrder, false, false},
	"ORDERREVERSE":    {"ORDER_REVERSED", agent.Refused, agent.ReasonDeadOrder, false, false},
	"BUYERMISMATCH":   {"BUYER_MISMATCH", agent.Refused, agent.ReasonDeadOrder, false, true},
	"TRADEERROR":      {"TRADE_ERROR", agent.Refused, agent.ReasonWalletRefused, false, false},
	"ACCOUNTERROR":    {"ACCOUNT_ERROR", agent.Refused, agent.ReasonPayerBlocked, false, false},
	"RULELIMIT":       {"RULE_LIMIT", agent.Refused, agent.ReasonOverLimit, false, false},
	"PARAMERROR":      {"PARAM_ERROR", agent.Refused, agent.ReasonSetup, false, true},
	"INVALIDREQUEST":  {"INVALID_REQUEST", agent.Refused, agent.ReasonSetup, false, true},
	"USERPAYING":      {"USERPAYING", agent.Awaiting, agent.ReasonNone, false, false}, // an error name in API v2 and in mixed answers
	"ORDERPAI":        {"ORDER_PAID", agent.InDoubt, agent.ReasonSystem, false, false},
	"OUTTRADENOUSE":   {"OUT_TRADE_NO_USED", agent.InDoubt, agent.ReasonSystem, false, false},
	"SYSTEMERROR":     {"SYSTEM_ERROR", agent.InDoubt, agent.ReasonSystem, false, false},
	"BANKERROR":       {"BANK_ERROR", agent.InDoubt, agent.ReasonSystem, false, false},
	"FREQUENCYLIMITE": {"FREQUENCY_LIMITED", agent.InDoubt, agent.ReasonSystem, false, false},
	"RATELIMITE":      {"RATE_LIMITED", agent.InDoubt, agent.ReasonSystem, false, false},
}

// presentRefusals are those of Native.
var presentRefusals = map[string]refusal{
	"ORDERCLOSE":     {"ORDER_CLOSED", agent.Refused, agent.ReasonDeadOrder, false, false},
	"ORDERREVERSE":   {"ORDER_REVERSED", agent.Refused, agent.ReasonDeadOrder, false, false},
	"TRADEERROR":     {"TRADE_ERROR", agent.Refused, agent.ReasonWalletRefused, false, false},
	"ACCOUNTERROR":   {"ACCOUNT_ERROR", agent.Refused, agent.ReasonWalletRefused, false, false},
	"RULELIMIT":      {"RULE_LIMIT", agent.Refused, agent.ReasonOverLimit, false, false},
	"PARAMERROR":     {"PARAM_ERROR", agent.Refused, agent.ReasonSetup, false, true},
	"INVALIDREQUEST": {"INVALID_REQUEST", agent.Refused, agent.ReasonSetup, false, true},
}

// queryRefusals: only one error of a query says something about the order.
var queryRefusals = map[string]refusal{
	"ORDERNOTEXIST": {"ORDER_NOT_EXIST", agent.Absent, agent.ReasonNone, false, false},
}

// reverseRefusals: past the window only a refund helps; an order that is dead
// already counts as reversed, which the query afterwards must confirm anyway.
var reverseRefusals = map[string]refusal{
	"REVERSEEXPIRE":   {"REVERSE_EXPIRE", agent.Refused, agent.ReasonTooLate, false, false},
	"TRADESTATEERROR": {"TRADE_STATE_ERROR", agent.Refused, agent.ReasonTooLate, false, false},
	"ORDERREVERSE":    {"ORDER_REVERSED", agent.Accepted, agent.ReasonNone, false, false},
	"ORDERCLOSE":      {"ORDER_CLOSED", agent.Accepted, agent.ReasonNone, false, false},
	"ORDERNOTEXIST":   {"ORDER_NOT_EXIST", agent.Absent, agent.ReasonNone, false, false},
}

// closeRefusals: a paid order cannot be closed, and that is worth a query now.
var closeRefusals = map[string]refusal{
	"ORDERPAI":      {"ORDER_PAID", agent.Refused, agent.ReasonTooLate, false, false},
	"ORDERCLOSE":    {"ORDER_CLOSED", agent.Accepted, agent.ReasonNone, false, false},
	"ORDERREVERSE":  {"ORDER_REVERSED", agent.Accepted, agent.ReasonNone, false, false},
	"ORDERNOTEXIST": {"ORDER_NOT_EXIST", agent.Absent, agent.ReasonNone, false, false},
}

// refundRefusals are those of a refund (WeChat Pay v3, refund, error codes).
// retry is set where the same number may succeed once a person acted.
var refundRefusals = map[string]refusal{
	"NOTENOUGH":           {"NOT_ENOUGH", agent.Refused, agent.ReasonShopBalance, true, false},
	"TRADEOVERDUE":        {"TRADE_OVERDUE", agent.Refused, agent.ReasonTooLate, false, false},
	"USERACCOUNTABNORMAL": {"USER_ACCOUNT_ABNORMAL", agent.Refused, agent.ReasonPayerBlocked, false, false},
	"PARAMERROR":          {"PARAM_ERROR", agent.Refused, agent.ReasonWalletRefused, false, false},
	"INVALIDREQUEST":      {"INVALID_REQUEST", agent.Refused, agent.ReasonWalletRefused, false, false},
}

// refundQueryRefusals: both spellings are in use for a refund number that is not known.
var refundQueryRefusals = map[string]refusal{
	"RESOURCENOTEXISTS": {"RESOURCE_NOT_EXISTS", agent.Absent, agent.ReasonNone, false, false},
	"REFUNDNOTEXISTS":   {"REFUND_NOT_EXISTS", agent.Absent, agent.ReasonNone, false, false},
	"REFUNDNOTEXIST":    {"REFUND_NOT_EXIST", agent.Absent, agent.ReasonNone, false, false},
}

// refuse judges a verified error answer by its code alone; the HTTP status is
// only indicative. moves tells that the operation changes something: only there
// a wrong set-up is a definite refusal, a query that fails for it has learnt
// nothing. repeated tells that an earlier try of the same number may have been
// executed.
func refuse(body []byte, list map[string]refusal, moves, repeated bool) agent.Answer {
	var f failure
	if err := json.Unmarshal(body, &f); err != nil || f.Code == "" {
		return agent.Answer{Verdict: agent.InDoubt, Reason: agent.ReasonSystem, Err: err}
	}
	return f.judge(list, moves, repeated)
}

// judge is refuse for a failure that was read, from whichever API.
func (f failure) judge(list map[string]refusal, moves, repeated bool) agent.Answer {
	a := agent.Answer{Verdict: agent.InDoubt, Reason: agent.ReasonSystem, Code: word(f.Code), Text: wallet.Clip(f.Message, wallet.MessageLength)}
	code := normal(f.Code)
	if name, ok := setup[code]; ok {
		a.Code, a.Reason = name, agent.ReasonSetup
		if moves && !repeated {
			a.Verdict = agent.Refused
		}
		return a
	}
	r, ok := list[code]
	if !ok {
		return a
	}
	a.Code = r.code
	if r.echo && repeated {
		return a
	}
	a.Verdict, a.Reason, a.Retry = r.verdict, r.reason, r.retry
	return a
}

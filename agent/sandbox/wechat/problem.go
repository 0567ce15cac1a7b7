package wechat

import (
	"net/http"

	"tillwire/agent/sandbox"
)

// problem is an error answer of WeChat Pay. tail is the numeric reason at the
// end of its Request-ID header (wallets' SDKs log it).
type problem struct {
	status  int
	code    string
	message string
	tail    string
	detail  map[string]any
}

// Error implements error.
func (p *problem) Error() string { return p.code + ": " + p.message }

// paramError names the member that is wrong, as the real API does.
func paramError(field, issue string) *problem {
	return &problem{http.StatusBadRequest, "PARAM_ERROR", "The parameter " + field + " " + issue + ".", "268435461",
		map[string]any{"field": field, "issue": issue, "location": "body"}}
}

// badRequest is wrong as a whole, with no member to name.
func badRequest(message string) *problem {
	return &problem{http.StatusBadRequest, "PARAM_ERROR", message, "268435461", nil}
}

// refusals maps what the ledger refuses to the codes of API v3.
var refusals = map[sandbox.Reason]*problem{
	sandbox.ReasonCodeUnknown:    {http.StatusBadRequest, "AUTH_CODE_INVALID", "The payment code is not valid.", "268501784", nil},
	sandbox.ReasonCodeUsed:       {http.StatusBadRequest, "AUTH_CODE_INVALID", "The payment code was used before; ask for a fresh one.", "268501784", nil},
	sandbox.ReasonCodeExpired:    {http.StatusBadRequest, "AUTH_CODE_EXPIRED", "The payment code is too old; ask for a fresh one.", "268501784", nil},
	sandbox.ReasonNotEnough:      {http.StatusForbidden, "NOT_ENOUGH", "The balance is not enough.", "88430113", nil},
	sandbox.ReasonCurrency:       {http.StatusForbidden, "NOT_SUPPORT_CARD", "The customer cannot pay in this currency.", "268435461", nil},
	sandbox.ReasonNumberUsed:     {http.StatusForbidden, "OUT_TRADE_NO_USED", "The order number was used with other parameters.", "268498688", nil},
	sandbox.ReasonOrderPaid:      {http.StatusBadRequest, "ORDER_PAID", "The order is paid.", "268449538", nil},
	sandbox.ReasonOrderClosed:    {http.StatusBadRequest, "ORDER_CLOSED", "The order is closed.", "268447914", nil},
	sandbox.ReasonOrderReversed:  {http.StatusBadRequest, "ORDER_REVERSED", "The order was reversed.", "268447914", nil},
	sandbox.ReasonNotFound:       {http.StatusNotFound, "ORDER_NOT_EXIST", "There is no such order.", "268512771", nil},
	sandbox.ReasonOnlyReverse:    {http.StatusBadRequest, "INVALID_REQUEST", "A code payment can only be reversed.", "268449641", nil},
	sandbox.ReasonOnlyClose:      {http.StatusBadRequest, "TRADE_STATE_ERROR", "Only a code payment can be reversed; close or refund this order.", "268449641", nil},
	sandbox.ReasonStateForbids:   {http.StatusBadRequest, "TRADE_STATE_ERROR", "The state of the order does not allow this.", "268449641", nil},
	sandbox.ReasonReverseTooLate: {http.StatusBadRequest, "REVERSE_EXPIRE", "An order can be reversed for seven days; use a refund.", "268449386", nil},
}

// refundRefusals holds where a refund says it in other words.
var refundRefusals = map[sandbox.Reason]*problem{
	sandbox.ReasonNotFound:       {http.StatusNotFound, "RESOURCE_NOT_EXISTS", "There is no such order.", "268512771", nil},
	sandbox.ReasonRefundNotFound: {http.StatusNotFound, "RESOURCE_NOT_EXISTS", "There is no such refund.", "268512771", nil},
	sandbox.ReasonStateForbids:   {http.StatusBadRequest, "INVALID_REQUEST", "The order is not paid, or was reversed.", "268435461", nil},
	sandbox.ReasonRefundChanged:  {http.StatusBadRequest, "INVALID_REQUEST", "The refund number was used with another amount or order.", "268435461", nil},
	sandbox.ReasonRefundTotal:    {http.StatusBadRequest, "PARAM_ERROR", "amount.total is not the amount of the order.", "268435461", nil},
	sandbox.ReasonRefundExceeds:  {http.StatusBadRequest, "INVALID_REQUEST", "The refund is more than is left of the order.", "268435461", nil},
	sandbox.ReasonRefundsTooMany: {http.StatusBadRequest, "INVALID_REQUEST", "An order can have fifty refunds.", "268435461", nil},
}

// explain turns an error of the ledger into an answer of WeChat Pay. What is
// not a refusal is SYSTEM_ERROR: the client must treat it as unknown.
func explain(err error, tables ...map[sandbox.Reason]*problem) *problem {
	system := &problem{http.StatusInternalServerError, "SYSTEM_ERROR", "The system failed; ask again with the same parameters.", "0", nil}
	return sandbox.Explain(err, system, append(tables, refusals)...)
}

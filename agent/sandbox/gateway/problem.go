package gateway

import (
	"net/http"
	"strconv"
	"time"

	"tillwire/agent/sandbox"
)

// problem is an error answer of the contract: this request was not executed.
type problem struct {
	status int
	code   string
	text   string
	retry  time.Duration // Retry-After; 0 is none
}

// Error implements error.
func (p *problem) Error() string { return p.code + ": " + p.text }

// invalid is a request that is not as the contract wants it.
func invalid(text string) *problem {
	return &problem{status: http.StatusBadRequest, code: "invalid_request", text: text}
}

// unsigned is a request whose signature does not hold, for one of five reasons.
func unsigned(code, text string) *problem {
	return &problem{status: http.StatusUnauthorized, code: code, text: text}
}

// What the operations refuse by themselves.
var (
	errMerchant   = &problem{status: http.StatusForbidden, code: "merchant_unknown", text: "the key may not act for this merchant"}
	errBrand      = &problem{status: http.StatusForbidden, code: "brand_not_enabled", text: "the merchant has no such brand here"}
	errMode       = &problem{status: http.StatusForbidden, code: "mode_not_enabled", text: "the brand cannot do this"}
	errProgress   = &problem{status: http.StatusConflict, code: "in_progress", text: "another request for this number is being executed", retry: time.Second}
	errReused     = &problem{status: http.StatusConflict, code: "number_reused", text: "the number was used with another request"}
	errWrongMode  = &problem{status: http.StatusConflict, code: "wrong_mode", text: "a charged order is reversed, a presented one is closed"}
	errCurrency   = &problem{status: http.StatusUnprocessableEntity, code: "currency_not_supported", text: "the brand has no such currency"}
	errAmount     = &problem{status: http.StatusUnprocessableEntity, code: "amount_out_of_range", text: "the amount is outside the brand's limits"}
	errNotPartial = &problem{status: http.StatusUnprocessableEntity, code: "refund_not_partial", text: "the brand gives back the whole amount or nothing"}
	errRefundLate = &problem{status: http.StatusUnprocessableEntity, code: "refund_window_over", text: "the payment is too long ago"}
	errRefundMany = &problem{status: http.StatusUnprocessableEntity, code: "refund_limit", text: "the order has had as many refunds as the brand allows"}
	errNoRefund   = &problem{status: http.StatusNotFound, code: "refund_not_found", text: "nothing is known of this refund number"}
	errUnknown    = &problem{status: http.StatusInternalServerError, code: "unavailable", text: "the gateway failed; ask again"}
)

// refusals maps what the ledger refuses to the codes of the contract. A refused
// payment is none of them: that is an answer, not an error.
var refusals = map[sandbox.Reason]*problem{
	sandbox.ReasonNumberUsed:     errReused,
	sandbox.ReasonRefundChanged:  errReused,
	sandbox.ReasonOrderPaid:      {status: http.StatusConflict, code: "order_paid", text: "the order is paid"},
	sandbox.ReasonOrderClosed:    {status: http.StatusConflict, code: "order_closed", text: "the order has ended"},
	sandbox.ReasonOrderReversed:  {status: http.StatusConflict, code: "order_reversed", text: "the order was reversed"},
	sandbox.ReasonNotFound:       {status: http.StatusNotFound, code: "order_not_found", text: "no such order"},
	sandbox.ReasonOnlyReverse:    errWrongMode,
	sandbox.ReasonOnlyClose:      errWrongMode,
	sandbox.ReasonStateForbids:   {status: http.StatusConflict, code: "state_forbids", text: "the state of the order does not allow this"},
	sandbox.ReasonReverseTooLate: {status: http.StatusUnprocessableEntity, code: "reverse_window_over", text: "only a refund helps now"},
	sandbox.ReasonRefundNotFound: errNoRefund,
	sandbox.ReasonRefundExceeds:  {status: http.StatusUnprocessableEntity, code: "refund_exceeds", text: "more than is left of the payment"},
	sandbox.ReasonRefundsTooMany: errRefundMany,
}

// explain turns an error into an answer. What is no refusal leaves open whether
// the request was executed.
func explain(err error) *problem { return sandbox.Explain(err, errUnknown, refusals) }

// retryAfter writes a time in whole seconds.
func retryAfter(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

package alipay

import (
	"tillwire/agent/sandbox"
)

// problem is an error answer of the gateway: a code of the gateway's, and a
// sub-code that says which (classic gateway, common result codes).
type problem struct {
	code, msg, sub, text string
}

// Error implements error.
func (p *problem) Error() string { return p.sub + ": " + p.text }

// missing, invalid and failed are the three that a client can run into.
func missing(name string) *problem {
	return &problem{"40001", "Missing Required Arguments", "isv.missing-" + name, "The parameter " + name + " is missing."}
}

func invalid(name, why string) *problem {
	return &problem{"40002", "Invalid Arguments", "isv.invalid-" + name, why}
}

func failed(sub, text string) *problem { return &problem{"40004", "Business Failed", sub, text} }

// badContent is a member of biz_content that is not as documented.
func badContent(name, why string) *problem {
	return failed("ACQ.INVALID_PARAMETER", "The parameter "+name+" "+why+".")
}

// unknown is what the gateway says when it does not know either.
func unknown() *problem {
	return &problem{"20000", "Service Currently Unavailable", "isp.unknow-error", "The system failed; ask again with the same parameters."}
}

// refusals maps what the ledger refuses to Alipay's sub-codes.
var refusals = map[sandbox.Reason]*problem{
	sandbox.ReasonCodeUnknown:    failed("ACQ.PAYMENT_AUTH_CODE_INVALID", "The payment code is not valid."),
	sandbox.ReasonCodeUsed:       failed("ACQ.PAYMENT_AUTH_CODE_INVALID", "The payment code was used before; ask for a fresh one."),
	sandbox.ReasonCodeExpired:    failed("ACQ.PAYMENT_AUTH_CODE_INVALID", "The payment code is too old; ask for a fresh one."),
	sandbox.ReasonNotEnough:      failed("ACQ.BUYER_BALANCE_NOT_ENOUGH", "The buyer's balance is not enough."),
	sandbox.ReasonCurrency:       failed("ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE", "The buyer cannot pay in this currency."),
	sandbox.ReasonNumberUsed:     failed("ACQ.CONTEXT_INCONSISTENT", "The number was used with other parameters."),
	sandbox.ReasonOrderPaid:      failed("ACQ.TRADE_HAS_SUCCESS", "The trade is paid."),
	sandbox.ReasonOrderClosed:    failed("ACQ.TRADE_HAS_CLOSE", "The trade is closed."),
	sandbox.ReasonOrderReversed:  failed("ACQ.TRADE_HAS_CLOSE", "The trade was cancelled."),
	sandbox.ReasonNotFound:       failed("ACQ.TRADE_NOT_EXIST", "There is no such trade."),
	sandbox.ReasonStateForbids:   failed("ACQ.REASON_TRADE_STATUS_INVALID", "The state of the trade does not allow this."),
	sandbox.ReasonReverseTooLate: failed("ACQ.TRADE_CANCEL_TIME_OUT", "A trade can be cancelled for a day; use a refund."),
	sandbox.ReasonRefundChanged:  failed("ACQ.DISCORDANT_REPEAT_REQUEST", "The request number was used with another amount."),
	sandbox.ReasonRefundTotal:    failed("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "Without out_request_no the whole trade is refunded."),
	sandbox.ReasonRefundExceeds:  failed("ACQ.REFUND_FEE_ERROR", "The refund is more than is left of the trade."),
	sandbox.ReasonRefundsTooMany: failed("ACQ.TRADE_NOT_ALLOW_REFUND", "The trade has had too many refunds."),
}

// Two operations word a refusal of their own.
var (
	errClosePaid  = failed("ACQ.REASON_TRADE_STATUS_INVALID", "The trade is paid and cannot be closed.")
	errCancelBack = failed("ACQ.CANCEL_NOT_ALLOWED", "The trade was refunded before; it cannot be cancelled.")
)

// explain turns an error of the ledger into an answer. What is not a refusal is
// the gateway's own "unknown": the client must ask.
func explain(err error) *problem { return sandbox.Explain(err, unknown(), refusals) }

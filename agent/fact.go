package agent

import "time"

// FactKind names something that happened to a payment. The words are stored for
// years and sent to the fleet: add new ones, never change the meaning of one.
type FactKind string

// The facts of a payment. Each comment says what is known for certain once the
// fact is on disk.
const (
	FactOpened         FactKind = "opened"          // the shop asked for a payment; nothing has left
	FactPayStarted     FactKind = "pay_started"     // from here on bytes of a pay request may have left
	FactPresentStarted FactKind = "present_started" // the same for a request for a code to show
	FactQRReady        FactKind = "qr_ready"        // the wallet gave a code that can be paid
	FactAwaiting       FactKind = "awaiting"        // the customer must confirm on the phone
	FactInDoubt        FactKind = "in_doubt"        // the request may have arrived, the outcome is not known
	FactApproved       FactKind = "approved"        // verified: the money was taken
	FactRefused        FactKind = "refused"         // verified: a definite refusal
	FactUnsent         FactKind = "unsent"          // proven: no attempt ever wrote a byte
	FactRestarted      FactKind = "restarted"       // the agent found it open when it started
	FactWatched        FactKind = "watched"         // a later look confirmed the negative end

	FactReversalDecided  FactKind = "reversal_decided"  // it shall be undone, whatever it became
	FactReversalAccepted FactKind = "reversal_accepted" // the wallet acknowledged the reversal
	FactReversalRefused  FactKind = "reversal_refused"  // the wallet will not reverse it (window over)
	FactReversed         FactKind = "reversed"          // a later query agrees: nothing is taken
	FactCloseDecided     FactKind = "close_decided"     // the shown code shall no longer be payable
	FactCloseAccepted    FactKind = "close_accepted"    // the wallet acknowledged the close
	FactClosed           FactKind = "closed"            // verified: it was never paid and cannot be
	FactNeverArrived     FactKind = "never_arrived"     // verified late, without an acknowledgement: it was never taken
	FactReleased         FactKind = "released"          // the cashier took the lane back

	FactOfflineShown    FactKind = "offline_shown"    // a code this terminal made itself can be seen, paid and answered
	FactOfflineAccepted FactKind = "offline_accepted" // the goods may go; the money is not collected
	FactForwardStarted  FactKind = "forward_started"  // from here on its collection may have reached the wallet
	FactLoss            FactKind = "loss"             // it will not be collected: verified, or By has written it off (ReasonWrittenOff)
	FactVoided          FactKind = "voided"           // taken back before anything of it was sent
	FactVoidTold        FactKind = "void_told"        // the issuer knows that it was taken back

	FactReviewOpened FactKind = "review_opened" // automation is exhausted; the office settles it

	FactRefundRequested FactKind = "refund_requested" // its number and amount are fixed; it will be sent
	FactRefundAccepted  FactKind = "refund_accepted"  // the wallet is working on it
	FactRefundInDoubt   FactKind = "refund_in_doubt"  // it may have arrived, the outcome is not known
	FactRefundDone      FactKind = "refund_done"      // verified: the money went back
	FactRefundRefused   FactKind = "refund_refused"   // verified: it will not go back this way

	FactPrinted     FactKind = "printed"      // a receipt came out
	FactPrintFailed FactKind = "print_failed" // no receipt; never changes the payment
)

// Operation is one thing asked of a wallet's cloud.
type Operation string

// The operations that a cloud knows, and OpExpire, which asks nobody: it ends a
// payment whose code never came.
const (
	OpPay         Operation = "pay"
	OpPresent     Operation = "present"
	OpQuery       Operation = "query"
	OpReverse     Operation = "reverse"
	OpClose       Operation = "close"
	OpRefund      Operation = "refund"
	OpRefundQuery Operation = "refund_query"
	OpExpire      Operation = "expire"

	OpRedeem      Operation = "redeem"       // collects a voucher, or has a receipt confirmed
	OpChargeLater Operation = "charge_later" // charges a code that was accepted offline
	OpVoid        Operation = "void"         // tells the issuer that a voucher was not used after all
)

// Fact is one recorded happening. It is written once and never changed; the
// members that do not apply to its kind are empty.
type Fact struct {
	Seq  int64     // row of the journal; set by the journal
	Kind FactKind  //
	At   time.Time // wall clock at recording, for people; waits never use it alone

	Op      Operation // the operation that brought the knowledge
	Attempt int       // which try of OpPay or OpPresent, from 1
	Wallet  string    // brand, with the facts that choose it
	Reason  Reason    // ours, with a sentence for the cashier
	Code    string    // the wallet's own word, normalised by its adapter; with FactOpened CodeOnlineOnly or nothing
	Text    string    // the wallet's own message, for the office
	Txn     string    // the wallet's transaction id
	QR      string    // payload to show, with FactQRReady and FactOfflineShown
	By      string    // the person or part that decided
	Payer   PayerSum  // what the customer paid in, when the wallet says

	RefundNo  string // the refund this fact is about
	RequestID string // who asked for the refund, once
	Amount    int64  // minor units of the payment's currency
	Auto      bool   // a refund that no person asked for: the answer to a late success

	Way Way    // with FactOfflineAccepted
	Key string // with it: what the code is redeemed under, for vouchers and receipts

	CodePrint []byte // keyed fingerprint of the payment code, with FactPayStarted
}

// CodeOnlineOnly with FactOpened: the payment is not to be accepted without the wallet's word.
const CodeOnlineOnly = "online_only"

// PayerSum is what left the customer's account, in the customer's currency.
type PayerSum struct {
	Amount Money  // zero when the wallet does not tell
	Rate   string // the wallet's own rate as text, never computed here
}

// Reason says why something went as it did, in words we have a sentence for.
type Reason string

// The reasons.
const (
	ReasonNone          Reason = ""
	ReasonNotEnough     Reason = "not_enough"      // balance too low
	ReasonCodeExpired   Reason = "code_expired"    // the payment code is too old
	ReasonCodeUsed      Reason = "code_used"       // the payment code was used before
	ReasonCodeInvalid   Reason = "code_invalid"    // not a code of this wallet
	ReasonNotConfirmed  Reason = "not_confirmed"   // the customer did not confirm
	ReasonPayerBlocked  Reason = "payer_blocked"   // account or card not allowed
	ReasonOverLimit     Reason = "over_limit"      // a limit of wallet or rule
	ReasonWalletRefused Reason = "wallet_refused"  // risk or another refusal of the wallet
	ReasonSetup         Reason = "setup"           // our keys or numbers are wrong there
	ReasonDeadOrder     Reason = "dead_order"      // the order number is closed at the wallet
	ReasonCancelled     Reason = "cancelled"       // the cashier cancelled
	ReasonNoScan        Reason = "no_scan"         // no code came in time
	ReasonTimeout       Reason = "timeout"         // the time to wait is over
	ReasonLineDown      Reason = "line_down"       // nothing could leave the shop
	ReasonWalletDown    Reason = "wallet_down"     // nothing could reach this wallet, while others were reached
	ReasonRestart       Reason = "restart"         // the agent stopped in between
	ReasonNoAnswer      Reason = "no_answer"       // silence, reset, time-out after sending
	ReasonUnverified    Reason = "unverified"      // an answer whose signature or content is not right
	ReasonSystem        Reason = "system"          // the wallet itself says it does not know
	ReasonTooLate       Reason = "too_late"        // the wallet's window is over
	ReasonShopBalance   Reason = "shop_balance"    // not enough in the shop's account to refund
	ReasonNumberUsed    Reason = "number_used"     // the wallet has another refund under this number
	ReasonLateSuccess   Reason = "late_success"    // paid after it had ended
	ReasonExhausted     Reason = "exhausted"       // tried long enough
	ReasonQRExpired     Reason = "qr_expired"      // the shown code's time is over
	ReasonShownElse     Reason = "wrong_code"      // the wallet sent a code that is not its own
	ReasonSpentElse     Reason = "spent_elsewhere" // another shop or terminal has redeemed it
	ReasonRevoked       Reason = "revoked"         // its issuer has withdrawn it since
	ReasonRanOut        Reason = "ran_out"         // it was forwarded too late
	ReasonNeverPaid     Reason = "never_paid"      // what was shown on the phone never came
	ReasonWrittenOff    Reason = "written_off"     // the owner has given up collecting it; no wallet has said so
)

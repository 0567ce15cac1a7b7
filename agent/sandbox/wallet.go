package sandbox

import (
	"context"
	"errors"
	"net/http"
)

// Operation is what a request asks of a wallet, in words no wallet's wire uses.
type Operation string

// The operations that faults and the list of requests name.
const (
	OpPay         Operation = "pay"
	OpPresent     Operation = "present"
	OpQuery       Operation = "query"
	OpReverse     Operation = "reverse"
	OpClose       Operation = "close"
	OpRefund      Operation = "refund"
	OpRefundQuery Operation = "refund_query"
	OpRedeem      Operation = "redeem" // a code that the shop took without a line
	OpBill        Operation = "bill"
	OpKeys        Operation = "keys"  // the cloud's certificates, or its issuer's
	OpOther       Operation = "other" // anything a wallet does not offer
)

// operations are the names a fault may use; "*" stands for every request,
// also those of other names.
var operations = []Operation{OpPay, OpPresent, OpQuery, OpReverse, OpClose, OpRefund, OpRefundQuery, OpRedeem, OpBill, OpKeys}

// Lie is how an answer deceives after a request was rightly executed.
type Lie string

// The lies a wallet can tell. Where an answer holds no amount, LieAmount
// leaves it as it is.
const (
	Honest       Lie = ""
	LieSignature Lie = "bad_signature"
	LieAmount    Lie = "wrong_amount"
)

// Call is one request as a wallet sees it. Body is complete.
type Call struct {
	Request *http.Request
	Body    []byte
	Lie     Lie
	// Again marks the second run of one request that the network delivered
	// twice: what only guards against replays must let it pass.
	Again bool
}

// Answer is what goes back over the wire, complete and signed.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Speaker is what speaks to clients behind a listener. It knows nothing of faults;
// those are applied around it.
type Speaker interface {
	// Name is what faults and the list of requests call it.
	Name() string
	// Classify names the operation of a request and, where the path tells it,
	// the order number. It must not read the body.
	Classify(*http.Request) (Operation, string)
	// OrderNo reads the order number out of a body, which may be incomplete.
	OrderNo(body []byte) string
	// Answer executes a request and answers it. It does not fail: a failure is
	// an answer of the protocol too.
	Answer(context.Context, Call) Answer
}

// Wallet is one remote protocol, spoken to clients over the shared ledger. Its
// name is the brand: "wechat".
type Wallet interface {
	Speaker
	// PayCode makes a fresh consumer-presented code of the wallet's grammar, or
	// answers [ErrNoCodes].
	PayCode() (string, error)
}

// ErrNoCodes is the answer of a wallet whose customers have no codes to show.
var ErrNoCodes = errors.New("sandbox: customers of this wallet show no codes; they scan the shop's")

// Reader is a wallet that may have no codes to show.
type Reader interface {
	// OnlyReads reports that its phones scan the shop's codes and show none.
	OnlyReads() bool
}

// ShopMade is a wallet whose phones also pay codes that a shop made by itself, when it
// could not ask the wallet for one.
type ShopMade interface {
	// ReadShopMade reads such a code; ok is false for every other text. The order's
	// number is not known yet: the showing has an alias.
	ReadShopMade(text string) (s Showing, ok bool)
}

// Door is a listener through which several wallets are reached, as behind an
// acquirer. It answers by itself what is about none of them.
type Door interface {
	Speaker
	// Behind is the wallet that a request is for, told by its address and the
	// beginning of its body. more asks for more of the body.
	Behind(r *http.Request, head []byte) (w Wallet, more bool)
}

// Sniffer is a wallet whose requests may keep their operation in the body. The
// body is read for it no further than it needs, because a fault that strikes
// while a request is still being sent must find the rest unread.
type Sniffer interface {
	// Sniff is Classify with the beginning of the body. It is asked with more and
	// more of it, for as long as it answers OpOther.
	Sniff(r *http.Request, head []byte) (Operation, string)
}

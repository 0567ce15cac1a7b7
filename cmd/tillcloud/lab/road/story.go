package road

import (
	"strings"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
)

// Wallet is a protocol of the laboratory, as far as roads differ by it.
type Wallet struct {
	Name string
	// Op names the operation of a request by its method and path.
	Op func(line string) sandbox.Operation
}

// Wallets lists the protocols that the lab shop speaks.
func Wallets() []Wallet { return []Wallet{{Name: "wechat", Op: wechatOp}} }

// wechatOp reads a request line of API v3.
func wechatOp(line string) sandbox.Operation {
	line, _, _ = strings.Cut(line, "?")
	refund := strings.Contains(line, "/refund/")
	switch {
	case strings.HasPrefix(line, "GET ") && refund:
		return sandbox.OpRefundQuery
	case refund:
		return sandbox.OpRefund
	case strings.HasPrefix(line, "GET "):
		return sandbox.OpQuery
	case strings.HasSuffix(line, "/codepay"):
		return sandbox.OpPay
	case strings.HasSuffix(line, "/native"):
		return sandbox.OpPresent
	case strings.HasSuffix(line, "/reverse"):
		return sandbox.OpReverse
	}
	return sandbox.OpClose
}

// Reply is how the cloud answers the operation that a story is about, the first
// time it is asked.
type Reply struct {
	Name  string
	fault sandbox.Fault // none when the kind is empty
}

// Replies lists what can become of an answer, the good one first.
func Replies() []Reply {
	const longerThanAnyWait = 12 * time.Second
	return []Reply{
		{Name: "answer"},
		{Name: "silence", fault: sandbox.Fault{Kind: sandbox.Delay, DelayMS: longerThanAnyWait.Milliseconds()}},
		{Name: "lost answer", fault: sandbox.Fault{Kind: sandbox.DropResponse}},
		{Name: "lost request", fault: sandbox.Fault{Kind: sandbox.DropRequest, AfterBytes: 100}},
		{Name: "bad signature", fault: sandbox.Fault{Kind: sandbox.BadSignature}},
		{Name: "500", fault: sandbox.Fault{Kind: sandbox.StatusOnly, Status: 500}},
		{Name: "409", fault: sandbox.Fault{Kind: sandbox.StatusOnly, Status: 409}},
	}
}

// Story is one road of one sale.
type Story struct {
	Name   string
	Wallet Wallet
	Mode   agent.Mode
	Reply  Reply
	Payer  sandbox.Behaviour // of the first customer; the ones after pay
	Cancel bool              // the cashier cancels the first tender once it is under way
	Late   bool              // the customer pays the shown code while it is being closed
	Nobody bool              // no customer comes
	Refund int64             // paid back once the sale is paid, in minor units
	Faults []sandbox.Fault
}

// String names the story with its reply.
func (s Story) String() string { return s.Wallet.Name + " " + s.Name + ", " + s.Reply.Name }

// price is what every sale costs, in minor units.
const price = 1280

// Stories lists every road of every wallet with every reply that means something on
// it.
func Stories() (list []Story) {
	for _, w := range Wallets() {
		add := func(s Story, about sandbox.Operation, replies []Reply) {
			for _, r := range replies {
				one := s
				one.Wallet, one.Reply, one.Faults = w, r, append([]sandbox.Fault(nil), s.Faults...)
				if f := r.fault; f.Kind != "" {
					f.Wallet, f.Operation, f.Count = "*", string(about), 1
					one.Faults = append(one.Faults, f)
				}
				list = append(list, one)
			}
		}
		all, good := Replies(), Replies()[:1]
		deaf := []sandbox.Fault{{Wallet: "*", Operation: string(sandbox.OpPay), Kind: sandbox.DropResponse, Count: 1},
			{Wallet: "*", Operation: string(sandbox.OpQuery), Kind: sandbox.StatusOnly, Status: 500, Count: 3}}
		add(Story{Name: "scan", Mode: agent.ModeScan, Payer: sandbox.Approve}, sandbox.OpPay, all)
		add(Story{Name: "scan, declined", Mode: agent.ModeScan, Payer: sandbox.Decline}, sandbox.OpPay, good)
		add(Story{Name: "scan, password", Mode: agent.ModeScan, Payer: sandbox.Password}, sandbox.OpQuery, all)
		add(Story{Name: "scan, cancelled", Mode: agent.ModeScan, Payer: sandbox.Abandon, Cancel: true}, sandbox.OpReverse, all)
		add(Story{Name: "scan, paid and cancelled", Mode: agent.ModeScan, Payer: sandbox.Approve, Cancel: true, Faults: deaf}, sandbox.OpReverse, all)
		add(Story{Name: "scan, paid back", Mode: agent.ModeScan, Payer: sandbox.Approve, Refund: 500}, sandbox.OpRefund, all)
		add(Story{Name: "show", Mode: agent.ModeShow, Payer: sandbox.Approve}, sandbox.OpPresent, all)
		add(Story{Name: "show, declined", Mode: agent.ModeShow, Payer: sandbox.Decline}, sandbox.OpPresent, good)
		add(Story{Name: "show, password", Mode: agent.ModeShow, Payer: sandbox.Password}, sandbox.OpQuery, all)
		add(Story{Name: "show, cancelled", Mode: agent.ModeShow, Payer: sandbox.Approve, Cancel: true}, sandbox.OpClose, all)
		add(Story{Name: "show, nobody", Mode: agent.ModeShow, Payer: sandbox.Approve, Nobody: true}, sandbox.OpClose, good)
		add(Story{Name: "show, paid too late", Mode: agent.ModeShow, Payer: sandbox.Approve, Cancel: true, Late: true}, sandbox.OpRefund, all)
	}
	return list
}

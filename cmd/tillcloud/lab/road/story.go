package road

import (
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	"tillwire/cmd/tillcloud/lab"
)

// Reply is how the cloud answers the operation that a story is about, the first
// time it is asked.
type Reply struct {
	Name   string
	fault  sandbox.Fault // none when the kind is empty
	unwell bool          // the cloud does it and says, signed, that it does not know
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
		{Name: "unwell", unwell: true},
	}
}

// Story is one road of one sale.
type Story struct {
	Name   string
	Wallet lab.Wallet
	Mode   agent.Mode
	Reply  Reply
	Payer  sandbox.Behaviour // of the first customer; the ones after pay
	Cancel bool              // the cashier cancels the first tender once it is under way
	Late   bool              // the customer pays the shown code while it is being closed
	Nobody bool              // no customer comes
	Refund int64             // paid back once the sale is paid, in minor units
	Faults []sandbox.Fault
	Unwell sandbox.Operation // the first of these is answered as by a cloud that does not know
	// Forgets is a cloud that keeps nothing of what it never saw. The first tender's
	// payment request is swallowed on its way, or arrives so late when Tardy is set.
	Forgets bool
	Tardy   time.Duration
}

// String names the story with its reply.
func (s Story) String() string { return s.Wallet.Name + " " + s.Name + ", " + s.Reply.Name }

// price is what every sale costs, in minor units.
const price = 1280

// Stories lists every road of every wallet with every reply that means something on
// it.
func Stories() (list []Story) {
	for _, w := range lab.Wallets() {
		add := func(s Story, about sandbox.Operation, replies []Reply) {
			for _, r := range replies {
				one := s
				one.Wallet, one.Reply, one.Faults = w, r, append([]sandbox.Fault(nil), s.Faults...)
				if f := r.fault; f.Kind != "" {
					f.Wallet, f.Operation, f.Count = "*", string(about), 1
					one.Faults = append(one.Faults, f)
				}
				if r.unwell {
					one.Unwell = about
				}
				list = append(list, one)
			}
		}
		if w.Scans {
			scanned(add)
		}
		if w.Shows {
			shown(add)
		}
		if w.Name == "wechat" {
			odd(add)
		}
	}
	return list
}

// scanned adds the roads of a code that the customer shows.
func scanned(add func(Story, sandbox.Operation, []Reply)) {
	all, good := Replies(), Replies()[:1]
	deaf := []sandbox.Fault{{Wallet: "*", Operation: string(sandbox.OpPay), Kind: sandbox.DropResponse, Count: 1},
		{Wallet: "*", Operation: string(sandbox.OpQuery), Kind: sandbox.StatusOnly, Status: 500, Count: 3}}
	add(Story{Name: "scan", Mode: agent.ModeScan, Payer: sandbox.Approve}, sandbox.OpPay, all)
	add(Story{Name: "scan, declined", Mode: agent.ModeScan, Payer: sandbox.Decline}, sandbox.OpPay, good)
	add(Story{Name: "scan, password", Mode: agent.ModeScan, Payer: sandbox.Password}, sandbox.OpQuery, all)
	add(Story{Name: "scan, cancelled", Mode: agent.ModeScan, Payer: sandbox.Abandon, Cancel: true}, sandbox.OpReverse, all)
	add(Story{Name: "scan, paid and cancelled", Mode: agent.ModeScan, Payer: sandbox.Approve, Cancel: true, Faults: deaf}, sandbox.OpReverse, all)
	add(Story{Name: "scan, paid back", Mode: agent.ModeScan, Payer: sandbox.Approve, Refund: 500}, sandbox.OpRefund, all)
}

// shown adds the roads of a code that the shop shows.
func shown(add func(Story, sandbox.Operation, []Reply)) {
	all, good := Replies(), Replies()[:1]
	add(Story{Name: "show", Mode: agent.ModeShow, Payer: sandbox.Approve}, sandbox.OpPresent, all)
	add(Story{Name: "show, declined", Mode: agent.ModeShow, Payer: sandbox.Decline}, sandbox.OpPresent, good)
	add(Story{Name: "show, password", Mode: agent.ModeShow, Payer: sandbox.Password}, sandbox.OpQuery, all)
	add(Story{Name: "show, cancelled", Mode: agent.ModeShow, Payer: sandbox.Approve, Cancel: true}, sandbox.OpClose, all)
	add(Story{Name: "show, nobody", Mode: agent.ModeShow, Payer: sandbox.Approve, Nobody: true}, sandbox.OpClose, good)
	add(Story{Name: "show, paid too late", Mode: agent.ModeShow, Payer: sandbox.Approve, Cancel: true, Late: true}, sandbox.OpRefund, all)
}

package road

import (
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
)

// odd adds what WeChat Pay may do and others do not: a refund that was accepted is
// not made yet, and may never be; and nobody knows whether a reversal keeps out a
// payment that arrives after it. It arrives while its code is still good for a minute.
func odd(add func(Story, sandbox.Operation, []Reply)) {
	const tardy = 40 * time.Second
	for _, refund := range []struct {
		payer   sandbox.Behaviour
		becomes string
	}{{sandbox.Slow, "accepted, then done"}, {sandbox.NoRefund, "accepted, then closed"}, {sandbox.StuckRefund, "accepted, then abnormal"}} {
		add(Story{Name: "scan, paid back", Mode: agent.ModeScan, Payer: refund.payer, Refund: 500}, sandbox.OpRefund, []Reply{{Name: refund.becomes}})
	}
	add(Story{Name: "scan, cancelled", Mode: agent.ModeScan, Payer: sandbox.Approve, Cancel: true, Forgets: true}, sandbox.OpPay, []Reply{{Name: "never arrived"}})
	add(Story{Name: "scan, cancelled", Mode: agent.ModeScan, Payer: sandbox.Approve, Cancel: true, Forgets: true, Tardy: tardy}, sandbox.OpPay, []Reply{{Name: "arrives after all"}})
}

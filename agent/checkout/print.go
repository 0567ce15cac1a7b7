package checkout

import (
	"fmt"

	"tillwire/agent"
)

// Printed records what became of a slip of a payment on a printer. It never changes
// the payment; where the law has no place for it, as on a payment in doubt, a slip leaves
// no trace, because nothing follows from it.
func (e *Engine) Printed(id agent.PaymentID, end agent.PrintEnd, printer string) error {
	kind := agent.FactPrinted
	if end == agent.PrintDoubtful || end == agent.PrintNothing {
		kind = agent.FactPrintFailed
	}
	_, err := e.learn(id, func(p agent.Payment) ([]agent.Fact, error) {
		f := agent.Fact{Kind: kind, Code: string(end), By: printer}
		if _, err := p.Status.Apply(f); err != nil {
			return nil, nil
		}
		return []agent.Fact{f}, nil
	})
	if err != nil {
		return fmt.Errorf("record a printed slip: %w", err)
	}
	return nil
}

package checkout

import (
	"fmt"
	"slices"

	"tillwire/agent"
)

func unknownLane(id string) error {
	return &agent.Error{Op: "find lane", Class: agent.NotFound, Code: agent.CodeLaneUnknown,
		Say: agent.Sentence{ID: "error.lane_unknown", Args: []string{id}, English: fmt.Sprintf("There is no lane %q. See GET /api/v1/status for the lanes of this terminal.", id)}}
}

func lockedError(why string) error {
	return &agent.Error{Op: "open payment", Class: agent.Conflict, Code: agent.CodeLocked,
		Say: agent.Sentence{ID: "error.terminal_locked", Args: []string{why}, English: fmt.Sprintf("The office of the shop's fleet has locked this terminal (%s). No new payment can be taken here. Call the office.", why)}}
}

func finalError(p agent.Payment, op string) error {
	return &agent.Error{Op: op, Class: agent.Conflict, Code: agent.CodeFinal, Payment: p.ID,
		Say: agent.Sentence{ID: "error.final", Args: []string{string(p.Status.State)}, English: fmt.Sprintf("The payment has ended (%s). To give money back, refund it.", p.Status.State)}}
}

func stateError(p agent.Payment, op, english string) error {
	return &agent.Error{Op: op, Class: agent.Conflict, Code: agent.CodeState, Payment: p.ID,
		Say: agent.Sentence{ID: "error.not_now", Args: []string{string(p.Status.State)}, English: english}}
}

// onlineOnly refuses what the till has ruled out for this payment: it does not learn of a
// promise, and would take it for money.
func onlineOnly(p agent.Payment, op string) error {
	return &agent.Error{Op: op, Class: agent.Conflict, Code: agent.CodeOffline, Payment: p.ID,
		Say: agent.Sentence{ID: "error.online_only", English: "The till wants the wallet's own word for this sale. Take another way to pay, or wait for the line."}}
}

func walletError(name, english string) error {
	return &agent.Error{Op: "choose wallet", Class: agent.Invalid, Code: agent.CodeWallet,
		Say: agent.Sentence{ID: "error.wallet", Args: []string{name}, English: english}}
}

// presenter finds a wallet that can show a code for the amount.
func (e *Engine) presenter(name string, amount agent.Money) (agent.Wallet, error) {
	w, ok := e.opt.Wallets.Wallet(name)
	if !ok {
		return nil, walletError(name, fmt.Sprintf("The wallet %q is not set up on this terminal.", name))
	}
	if _, ok := w.(agent.Presenter); !ok {
		return nil, walletError(name, fmt.Sprintf("The wallet %q cannot show a code. Scan the customer's code instead.", name))
	}
	if !w.Info().Prices(amount.Currency) {
		return nil, currencyError(name, amount.Currency)
	}
	return w, nil
}

// payable refuses a currency that no configured wallet takes in the way asked for:
// nobody should find that out with a phone in the hand. A terminal without any
// wallet has another trouble, which its owner is told of.
func (e *Engine) payable(mode agent.Mode, c agent.Currency) error {
	offers := e.Offers()
	if len(offers) == 0 || slices.ContainsFunc(offers, func(o agent.Offer) bool {
		return o.Takes(c) && (o.Scan && mode != agent.ModeShow || o.Show && mode != agent.ModeScan)
	}) {
		return nil
	}
	return &agent.Error{Op: "open payment", Class: agent.Invalid, Code: agent.CodeCurrency,
		Say: agent.Sentence{ID: "error.no_wallet_currency", Args: []string{string(c)}, English: fmt.Sprintf("No wallet of this shop takes %s this way. Choose another currency or another way to pay.", c)}}
}

func currencyError(name string, c agent.Currency) error {
	return &agent.Error{Op: "choose wallet", Class: agent.Invalid, Code: agent.CodeCurrency,
		Say: agent.Sentence{ID: "error.wallet_currency", Args: []string{name, string(c)}, English: fmt.Sprintf("The wallet %s does not take %s here.", name, c)}}
}

package sabotage

import "tillwire/cmd/tillcloud/lab"

// All lists the faulty builds in the order of the campaign's table (C14).
func All() []Sabotage {
	return []Sabotage{
		syncNormal(), commitAfterSend(), newNumberOnRetry(), timeoutIsDecline(), conflictIsDecline(), ignoreRecall(),
		noLeaseFencing(), noTombstone(), leaseByWallClock(), greenBeforeCommit(), refundNumberRegenerated(),
		unknownIsDecline(), waitingIsDecline(), spentAfterDisplay(), capsBeforeCommit(),
	}
}

func syncNormal() Sabotage {
	return Sabotage{
		Name: "sync-normal", Campaign: "C1", Check: lab.CheckAcked,
		Says: "WAL mode is safe with synchronous NORMAL, and it is five times as fast",
		Edits: []Edit{
			{"offline/conn.go", `	if writer {
		values.Set("_journal_mode", "WAL")`, `	if sabotaged("sync-normal") {
		values.Set("_synchronous", "NORMAL")
	}
	if writer {
		values.Set("_journal_mode", "WAL")`},
			{"offline/conn.go", `	for name, value := range want {`, `	if sabotaged("sync-normal") {
		want["synchronous"] = "1"
	}
	for name, value := range want {`},
		},
	}
}

func commitAfterSend() Sabotage {
	return Sabotage{
		Name: "commit-after-send", Campaign: "C2", Check: lab.CheckIntent,
		Says: "the disk is slow: let the wallet begin, the same request again is harmless",
		Edits: []Edit{{"agent/checkout/counter.go",
			`	fact := agent.Fact{Kind: agent.FactPayStarted, At: e.opt.Clock.Now(), Op: agent.OpPay, Attempt: 1,`,
			`	if chosen, _ := e.opt.Wallets.Wallet(code.Wallet); sabotaged("commit-after-send") {
		chosen.(agent.Charger).Pay(ctx, p, code.Text)
	}
	fact := agent.Fact{Kind: agent.FactPayStarted, At: e.opt.Clock.Now(), Op: agent.OpPay, Attempt: 1,`}},
	}
}

func newNumberOnRetry() Sabotage {
	return Sabotage{
		Name: "new-number-on-retry", Campaign: "C2", Check: lab.CheckKeys,
		Says: "the cloud complains about a number that was used, so the second attempt gets its own",
		Edits: []Edit{{"agent/checkout/pay.go", `	w, _ := e.opt.Wallets.Wallet(p.Status.Wallet)
	charger, ok := w.(agent.Charger)`, `	if sabotaged("new-number-on-retry") && p.Status.Attempt > 1 {
		p.OrderNo = p.OrderNo[:len(p.OrderNo)-1] + "b"
	}
	w, _ := e.opt.Wallets.Wallet(p.Status.Wallet)
	charger, ok := w.(agent.Charger)`}},
	}
}

func timeoutIsDecline() Sabotage {
	return Sabotage{
		Name: "timeout-is-decline", Campaign: "C2", Check: lab.CheckProof,
		Says: "no answer in ten seconds: the cashier needs a result, and nothing came back",
		Edits: []Edit{{"agent/checkout/pay.go", `	a := e.pay(ctx, p, l)
	e.count(p, a)
`, `	a := e.pay(ctx, p, l)
	e.count(p, a)
	if sabotaged("timeout-is-decline") && a.Verdict == agent.InDoubt && a.Reason == agent.ReasonNoAnswer {
		a.Verdict = agent.Refused
	}
`}},
	}
}

func conflictIsDecline() Sabotage {
	return Sabotage{
		Name: "409-is-decline", Campaign: "C2", Check: lab.CheckProof,
		Says: "409 says that the order cannot be paid, whoever signed it",
		Edits: []Edit{{"agent/wallet/wechat/wallet.go", `	call.Read = func(reply wallet.Reply) agent.Answer {
`, `	call.Read = func(reply wallet.Reply) agent.Answer {
		if sabotaged("409-is-decline") && reply.Status == http.StatusConflict {
			return agent.Answer{Verdict: agent.Refused, Reason: agent.ReasonWalletRefused}
		}
`}},
	}
}

func ignoreRecall() Sabotage {
	return Sabotage{
		Name: "ignore-recall", Campaign: "C2", Check: lab.CheckProof,
		Says: "the cloud answered the reversal, even if it was with \"in progress\": it will see to it",
		Edits: []Edit{{"agent/checkout/undo.go", `	a := r.Reverse(once, p)
	cancel()
	e.count(p, a)
`, `	a := r.Reverse(once, p)
	cancel()
	e.count(p, a)
	if sabotaged("ignore-recall") && a.Verdict == agent.InDoubt && a.Reason != agent.ReasonNoAnswer {
		a.Verdict = agent.Accepted
	}
`}},
	}
}

func noLeaseFencing() Sabotage {
	return Sabotage{
		Name: "no-lease-fencing", Campaign: "C12", Check: lab.CheckLaw,
		Says:  "the version was compared a moment ago, before the writer's turn; twice is once too often",
		Edits: []Edit{{"offline/change.go", `	if now.payment.Version != version {`, `	if now.payment.Version != version && !sabotaged("no-lease-fencing") {`}},
	}
}

func noTombstone() Sabotage {
	return Sabotage{
		Name: "no-tombstone", Campaign: "C2", Check: lab.CheckProof,
		Says: "an order that the cloud never saw needs no row: there is nothing to reverse",
		Edits: []Edit{{"agent/sandbox/undo.go", `	return o, t.create(o, string(state)+" before it was ever asked for")`,
			`	if sabotaged("no-tombstone") {
		return o, nil
	}
	return o, t.create(o, string(state)+" before it was ever asked for")`}},
	}
}

func leaseByWallClock() Sabotage {
	return Sabotage{
		Name: "lease-by-wall-clock", Campaign: "C9", Check: lab.CheckFinal,
		Says: "a due time is a time of day; every other column is one, too",
		Edits: []Edit{
			{"offline/store.go", `	opt = opt.withDefaults()
	abs, err := filepath.Abs(opt.Dir)`, `	opt = opt.withDefaults()
	if sabotaged("lease-by-wall-clock") {
		opt.Clock = wallClock{opt.Clock}
	}
	abs, err := filepath.Abs(opt.Dir)`},
			{"offline/store.go", `// Open takes the data folder,`, `type wallClock struct{ agent.Clock }

func (c wallClock) Mono() time.Duration { return time.Duration(c.Now().UnixNano()) }

// Open takes the data folder,`},
		},
	}
}

func greenBeforeCommit() Sabotage {
	return Sabotage{
		Name: "green-before-commit", Campaign: "C2", Check: lab.CheckGreen,
		Says: "the screen need not wait for the disk: a commit has never failed yet",
		Edits: []Edit{
			{"offline/writer.go", `	begin := w.s.opt.Clock.Mono()
	if err := b.commit(); err != nil {`, `	if sabotaged("green-before-commit") {
		w.publish(b)
		w.tell(b, len(requests), 0)
	}
	begin := w.s.opt.Clock.Mono()
	if err := b.commit(); err != nil {`},
			{"offline/writer.go", `	w.publish(b)
	w.tell(b, len(requests), took)
`, `	if !sabotaged("green-before-commit") {
		w.publish(b)
		w.tell(b, len(requests), took)
	}
`},
		},
	}
}

func refundNumberRegenerated() Sabotage {
	return Sabotage{
		Name: "refund-number-regenerated", Campaign: "C2", Check: lab.CheckKeys,
		Says: "the wallet does not know the refund, so asking again is a new one and takes the next number",
		Edits: []Edit{{"agent/checkout/refund.go", `	return e.refundAnswer(ctx, p, r, t, rf.Refund(ctx, p, r))`, `	sent := r
	if sabotaged("refund-number-regenerated") && (r.State != agent.RefundRequested || t.Tries > 1) {
		sent.No = p.NextRefundNo()
	}
	return e.refundAnswer(ctx, p, r, t, rf.Refund(ctx, p, sent))`}},
	}
}

func unknownIsDecline() Sabotage {
	return Sabotage{
		Name: "20000-is-decline", Campaign: "C2", Check: lab.CheckProof,
		Says: "Alipay signed it, it is not 10000, and \"service currently unavailable\" took no money",
		Edits: []Edit{{"agent/wallet/alipay/refusals.go", `	known, ok := find(list, a.Code)
`, `	if sabotaged("20000-is-decline") && moves && r.Code == "20000" {
		a.Verdict, a.Reason = agent.Refused, agent.ReasonWalletRefused
		return a
	}
	known, ok := find(list, a.Code)
`}},
	}
}

func waitingIsDecline() Sabotage {
	return Sabotage{
		Name: "10003-is-decline", Campaign: "C2", Check: lab.CheckProof,
		Says: "only 10000 is a success, says the guide; the customer can show a fresh code",
		Edits: []Edit{{"agent/wallet/alipay/pay.go", `		return agent.Answer{Verdict: agent.Awaiting, Code: t.Code, Txn: t.Txn}
`, `		if sabotaged("10003-is-decline") {
			return agent.Answer{Verdict: agent.Refused, Reason: agent.ReasonNotConfirmed, Code: t.Code}
		}
		return agent.Answer{Verdict: agent.Awaiting, Code: t.Code, Txn: t.Txn}
`}},
	}
}

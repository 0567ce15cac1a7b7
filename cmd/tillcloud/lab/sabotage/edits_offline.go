package sabotage

// The faulty builds of selling without a line. Their checks are campaign C11's own.

func spentAfterDisplay() Sabotage {
	return Sabotage{
		Name: "voucher-spent-after-display", Campaign: "C11", Check: "a-code-is-taken-once",
		Says: "the customer waits for the green; that the code is spent can be written behind it",
		Edits: []Edit{
			{"offline/accept.go", `	if err == nil && a.Spend != nil {
`, `	if err == nil && a.Spend != nil && !sabotaged("voucher-spent-after-display") {
`},
			{"offline/accept.go", `	return got.orNone(), err
}

func (b *batch) accept(`, `	if err == nil && a.Spend != nil && sabotaged("voucher-spent-after-display") {
		err = s.write("spend", func(b *batch) error {
			return b.do("INSERT OR IGNORE INTO spent(issuer, id, counter, pay, at, until) VALUES (?,?,?,?,?,?)",
				int64(a.Spend.Issuer), a.Spend.ID, int64(a.Spend.Counter), string(id), a.Now.UnixNano(), a.Spend.Until.Add(spentMemory).UnixNano())
		})
	}
	return got.orNone(), err
}

func (b *batch) accept(`},
		},
	}
}

func capsBeforeCommit() Sabotage {
	return Sabotage{
		Name: "caps-before-the-commit", Campaign: "C11", Check: "caps-hold-between-lanes",
		Says: "sums are read by a reader, before the writer is asked: it is busy enough",
		Edits: []Edit{
			{"offline/accept.go", `	c, lawless := s.prepare(base, []agent.Fact{a.Fact})
`, `	if sabotaged("caps-before-the-commit") {
		e, err := s.Exposure(ctx)
		if err == nil {
			err = voucher.Allow(a.Policy, e, a, base.payment.Lane, base.payment.Amount, voucher.Device{})
		}
		if err != nil {
			return agent.Payment{}, err
		}
	}
	c, lawless := s.prepare(base, []agent.Fact{a.Fact})
`},
			{"offline/accept.go", `	return nil, voucher.Allow(a.Policy, e, *a, p.Lane, p.Amount, device)
`, `	if sabotaged("caps-before-the-commit") {
		return nil, nil
	}
	return nil, voucher.Allow(a.Policy, e, *a, p.Lane, p.Amount, device)
`},
		},
	}
}

package gateway

import (
	"net/http"
	"strconv"
	"time"

	"tillwire/agent/sandbox"
)

const (
	// maxPage is the most lines or operations of a page.
	maxPage = 1000
	// billHours is how long after its end a day is settled (the contract: within 24 h).
	billHours = 2 * time.Hour
)

// bill is every movement of money of a day, a page at a time.
func (t *task) bill() (map[string]any, error) {
	from, err := time.ParseInLocation(time.DateOnly, t.date, zone)
	if err != nil {
		return nil, invalid("the date is no day")
	}
	to := from.AddDate(0, 0, 1)
	ready := to.Add(billHours)
	if now := t.clock.Now(); now.Before(from) || !t.early && now.Before(ready) {
		return nil, &problem{status: http.StatusNotFound, code: "bill_not_ready", text: "the day is not settled yet", retry: ready.Sub(t.clock.Now())}
	}
	moved, err := t.ledger.Movements(t.ctx, t.wallet.brand.Name, t.terminal.Merchant, from, to)
	if err != nil {
		return nil, err
	}
	begin, end, next, err := t.cut(len(moved))
	if err != nil {
		return nil, err
	}
	lines := []any{}
	for _, m := range moved[begin:end] {
		lines = append(lines, billLine(m))
	}
	body := map[string]any{"merchant": t.terminal.Merchant, "brand": t.wallet.brand.Name, "date": t.date, "time_zone": zoneName,
		"final": true, "total_lines": len(moved), "sums": sums(moved), "lines": lines}
	if next != "" {
		body["next"] = next
	}
	return body, nil
}

// cut finds the page that the cursor asks for: cursors are places in the list,
// which only grows at its end.
func (t *task) cut(length int) (begin, end int, next string, err error) {
	if cursor := t.call.Request.URL.Query().Get("cursor"); cursor != "" {
		if begin, err = strconv.Atoi(cursor); err != nil || begin < 0 || begin > length {
			return 0, 0, "", invalid("the cursor is none of ours")
		}
	}
	end = min(begin+t.page, length)
	if end < length {
		next = strconv.Itoa(end)
	}
	return begin, end, next, nil
}

// kindOf is the contract's word for a movement.
func kindOf(m sandbox.Movement) string {
	switch {
	case m.Refund != nil:
		return "refund"
	case m.Reversal:
		return "reversal"
	}
	return "payment"
}

func billLine(m sandbox.Movement) map[string]any {
	line := map[string]any{"kind": kindOf(m), "order_no": m.Order.OrderNo, "txn": m.Order.TransactionID,
		"amount": money(m.Amount, m.Order.Currency), "at": stamp(m.At)}
	if m.Refund != nil {
		line["refund_no"], line["txn"] = m.Refund.RefundNo, m.Refund.RefundID
	}
	return line
}

// sums has one entry for each kind and currency, in the order of their first line.
func sums(moved []sandbox.Movement) []map[string]any {
	list := []map[string]any{}
	at := map[string]int{}
	count := []int64{}
	for _, m := range moved {
		key := kindOf(m) + m.Order.Currency
		i, known := at[key]
		if !known {
			i = len(list)
			at[key], count = i, append(count, 0)
			list = append(list, map[string]any{"kind": kindOf(m), "currency": m.Order.Currency, "value": int64(0)})
		}
		count[i]++
		list[i]["count"] = count[i]
		value, _ := list[i]["value"].(int64)
		list[i]["value"] = value + m.Amount
	}
	return list
}

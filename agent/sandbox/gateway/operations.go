package gateway

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"strings"

	"tillwire/agent/sandbox"
)

// operation names what the request does, as it is kept for thirty days and more.
func (t *task) operation(name string) sandbox.Operated {
	return sandbox.Operated{Key: t.key(), Terminal: terminalOf(t.orderNo), Operation: name, RefundNo: t.refundNo, Digest: t.digest}
}

// keep writes an accepted operation down; the same one again is there already.
func (t *task) keep(name string) error {
	return t.ledger.Keep(context.WithoutCancel(t.ctx), t.operation(name))
}

// reused refuses a number that was charged or presented with another request
// (guarantee 1), whatever became of it since.
func (t *task) reused(name string) error {
	for _, kept := range []string{"charge", "present"} {
		if name != "charge" && name != "present" {
			return nil
		}
		old, known, err := t.ledger.Kept(t.ctx, t.operation(kept))
		if err != nil {
			return err
		}
		if known && (kept != name || !bytes.Equal(old.Digest, t.digest)) {
			return errReused
		}
	}
	return nil
}

// keepHead keeps how far the terminal's journal was, which every request may say.
func (t *task) keepHead() error {
	values := t.call.Request.Header.Values("Tillwire-Journal")
	if len(values) == 0 {
		return nil
	}
	fields, err := dictionary(strings.Join(values, ", "))
	incarnation, seq, hash := fields["incarnation"], fields["seq"], fields["hash"]
	if err != nil || incarnation.kind != 's' || len(incarnation.text) > 64 || seq.kind != 'i' || seq.number < 0 || hash.kind != 'b' {
		return invalid("Tillwire-Journal is not as documented")
	}
	terminal := terminalOf(t.orderNo)
	if terminal == "" {
		terminal = t.call.Request.URL.Query().Get("terminal")
	}
	if terminal == "" {
		return nil // nothing tells whose journal it is
	}
	return t.ledger.KeepHead(t.ctx, sandbox.Head{Merchant: t.terminal.Merchant, Terminal: terminal, Incarnation: incarnation.text, Seq: seq.number, Hash: hash.bytes})
}

// operations is what a terminal that lost its disk asks for.
func (t *task) operations() (map[string]any, error) {
	terminal := t.call.Request.URL.Query().Get("terminal")
	if !isTerminal.MatchString(terminal) {
		return nil, invalid("terminal is missing or not six characters")
	}
	all, err := t.ledger.Operations(t.ctx, t.terminal.Merchant, terminal)
	heads, errHeads := t.ledger.Heads(t.ctx, t.terminal.Merchant, terminal)
	if err := errors.Join(err, errHeads); err != nil {
		return nil, err
	}
	begin, end, next, err := t.cut(len(all))
	if err != nil {
		return nil, err
	}
	list, told := []any{}, []any{}
	for _, o := range all[begin:end] {
		line, err := t.operationBody(o)
		if err != nil {
			return nil, err
		}
		list = append(list, line)
	}
	for _, h := range heads {
		told = append(told, map[string]any{"incarnation": h.Incarnation, "seq": h.Seq, "hash": base64.StdEncoding.EncodeToString(h.Hash)})
	}
	body := map[string]any{"merchant": t.terminal.Merchant, "terminal": terminal, "operations": list, "heads": told}
	if next != "" {
		body["next"] = next
	}
	return body, nil
}

// operationBody tells what the order or refund of an operation is now.
func (t *task) operationBody(o sandbox.Operated) (map[string]any, error) {
	line := map[string]any{"at": stamp(o.At), "operation": o.Operation, "brand": o.Key.Wallet, "order_no": o.Key.OrderNo}
	if o.RefundNo != "" {
		refund, err := t.ledger.RefundByNumber(t.ctx, o.Key.Wallet, o.Key.Merchant, o.RefundNo)
		if err != nil {
			return nil, err
		}
		line["refund_no"], line["amount"], line["state"] = o.RefundNo, money(refund.Amount, refund.Order.Currency), "processing"
		if refund.State == sandbox.RefundSuccess {
			line["state"] = "done"
		}
		return line, nil
	}
	order, err := t.ledger.Order(t.ctx, o.Key)
	if err != nil {
		return nil, err
	}
	line["state"], _ = stateOf(order)
	if order.Kind != sandbox.KindUnseen {
		line["amount"] = money(order.Amount, order.Currency)
	}
	return line, nil
}

package till

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"tillwire/agent"
)

// Keep is how long a message's number means that message and no other: a till may begin its
// numbers again after two days (nexo as Adyen's terminals speak it).
const Keep = 48 * time.Hour

// name is what the request ids of all payments under one number of a till begin with; with an
// empty service those of all its payments. No part of it can run into the next one.
func name(poi, sale, service string) string {
	part := strings.NewReplacer("%", "%25", ":", "%3A").Replace
	text := "nexo:" + part(poi) + ":" + part(sale)
	if service != "" {
		text += ":" + service
	}
	return text
}

// namesOf reads the till and its number out of a payment's request id.
func namesOf(requestID string) (sale, service string) {
	parts := strings.Split(requestID, ":")
	if len(parts) < 4 {
		return "", ""
	}
	return strings.NewReplacer("%3A", ":", "%25", "%").Replace(parts[2]), parts[3]
}

// number is the request id of the payment that this message asks for. The same message always
// names the same payment, for ever: its number and the till's own words for the sale are in
// it. Another sale under a number of the last two days gets the id of that payment, so that
// it is told from a repeat by what it asks for, and refused; later it is a sale of its own.
func (x exchange) number(ctx context.Context) (string, error) {
	h, sale := x.in.Header, x.in.Payment.SaleData.SaleTransactionID
	sum := sha256.Sum256([]byte(sale.TransactionID + "\n" + sale.TimeStamp))
	under := name(h.POIID, h.SaleID, h.ServiceID)
	own := under + ":" + hex.EncodeToString(sum[:8])
	_, err := x.Journal.ByRequest(ctx, x.client, own)
	if err == nil {
		return own, nil
	}
	if agent.ClassOf(err) != agent.NotFound {
		return "", err
	}
	switch last, err := x.newest(ctx, under, x.Clock.Now().Add(-Keep)); {
	case err == nil:
		return last.RequestID, nil
	case agent.ClassOf(err) != agent.NotFound:
		return "", err
	}
	return own, nil
}

// find looks for the payment that a message of this till asked for: the newest one under
// that number, or the till's last one where no number is given.
func (x exchange) find(ctx context.Context, ref reference) (agent.Payment, error) {
	sale := ref.SaleID
	if sale == "" {
		sale = x.in.Header.SaleID
	}
	under := name(x.in.Header.POIID, sale, ref.ServiceID)
	p, err := x.newest(ctx, under, x.Clock.Now().Add(-Keep))
	if agent.ClassOf(err) == agent.NotFound {
		// Nothing is "never seen" because it is old: that invites a second charge.
		p, err = x.newest(ctx, under, time.Time{})
	}
	return p, err
}

// newest is the last payment of this till whose request id begins with a name.
func (x exchange) newest(ctx context.Context, under string, from time.Time) (agent.Payment, error) {
	f := agent.Filter{From: from, Text: under}
	for {
		page, err := x.Journal.List(ctx, f)
		if err != nil {
			return agent.Payment{}, err
		}
		for _, p := range page.Payments {
			if p.Client == x.client && (p.RequestID == under || strings.HasPrefix(p.RequestID, under+":")) {
				return p, nil
			}
		}
		if f.Cursor = page.Next; f.Cursor == "" {
			return agent.Payment{}, &agent.Error{Op: "find a till's payment", Class: agent.NotFound, Code: agent.CodeNotFound}
		}
	}
}

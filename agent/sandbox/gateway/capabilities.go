package gateway

import (
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
)

// capabilitiesAge is how long a client may go on with what it was told.
const capabilitiesAge = 10 * time.Minute

// capabilities tells what this merchant may do on this listener.
func (t *task) capabilities() (map[string]any, error) {
	list := []any{}
	for _, w := range t.has {
		c := w.brand.capability()
		if t.issues(w) {
			c["offline"] = t.offlineCapability()
		}
		list = append(list, c)
	}
	return map[string]any{"version": 1, "merchant": t.terminal.Merchant, "max_age_s": int(capabilitiesAge / time.Second),
		"time_zone": zoneName, "test": true, "brands": list}, nil
}

// most is what one payment charged after the sale may be.
func (l Later) most(currencies []agent.Currency) []agent.Money {
	var list []agent.Money
	for _, c := range currencies {
		list = append(list, agent.Money{Value: l.Most * sandbox.Unit(string(c)), Currency: c})
	}
	return list
}

// capability is a row of the table as a client reads it.
func (b Brand) capability() map[string]any {
	refund := map[string]any{"partial": b.Refund.Partial}
	if b.Refund.Window > 0 {
		refund["window_s"] = int64(b.Refund.Window / time.Second)
	}
	if b.Refund.Most > 0 {
		refund["max_count"] = b.Refund.Most
	}
	c := map[string]any{"brand": b.Name, "title": b.Title, "currencies": b.Currencies, "modes": b.modes(), "refund": refund}
	if b.code != nil {
		c["code_patterns"] = b.patterns
		if b.Reverse > 0 {
			c["reverse_window_s"] = int64(b.Reverse / time.Second)
		}
	}
	if b.Later.Age > 0 {
		c["chargeable_later"] = map[string]any{"max_age_s": int64(b.Later.Age / time.Second), "max": b.Later.most(b.Currencies)}
	}
	if b.show != nil {
		payload := map[string]any{"kind": b.kind}
		switch {
		case b.kind == "link":
			payload["prefixes"] = []string{b.profile}
		case b.profile != "":
			payload["profile"] = b.profile
		}
		c["payload"] = payload
	}
	if b.Most > 0 {
		var limits []any
		for _, currency := range b.Currencies {
			limits = append(limits, map[string]any{"currency": currency, "min": 1, "max": b.Most})
		}
		c["limits"] = limits
	}
	return c
}

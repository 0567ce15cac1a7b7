package sandbox

import (
	"math/big"

	"tillwire/agent"
)

// rateScale is one in a rate, as WeChat Pay's cross-border interface writes it.
const rateScale = 100_000_000

// Quote is what the payer's phone gives for an order in another currency. The
// zero Quote is for a cloud that does not convert. It is made once, with the
// order, and everything that goes back later goes back at its rate.
type Quote struct {
	PayerAmount   int64  // minor units of PayerCurrency
	PayerCurrency string // empty: the order's own currency
	Rate          int64  // payer's currency for one of the order's, in major units, times 10^8
}

// Convert quotes an amount of minor units at a rate (see [Quote]), rounded half
// up; nothing costs less than one minor unit. Wide numbers, because an amount
// times a rate does not fit into 64 bits.
func Convert(amount int64, currency, payer string, rate int64) Quote {
	n := new(big.Int).Mul(big.NewInt(amount), big.NewInt(rate))
	d := big.NewInt(rateScale)
	shift := agent.Currency(payer).Exponent() - agent.Currency(currency).Exponent()
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(shift, -shift))), nil)
	if shift > 0 {
		n.Mul(n, power)
	} else {
		d.Mul(d, power)
	}
	n.Add(n, new(big.Int).Rsh(d, 1)).Quo(n, d)
	return Quote{PayerAmount: max(n.Int64(), 1), PayerCurrency: payer, Rate: rate}
}

// price is what the order takes from a phone.
func (o *Order) price() (amount int64, currency string) {
	if o.PayerCurrency == "" {
		return o.Amount, o.Currency
	}
	return o.PayerAmount, o.PayerCurrency
}

// PayerPart is what the payer gives or gets for a part of the order's amount, at
// the order's own rate. Both are minor units.
func (o *Order) PayerPart(part int64) int64 {
	price, _ := o.price()
	if price == o.Amount || o.Amount == 0 {
		return part
	}
	n := new(big.Int).Mul(big.NewInt(part), big.NewInt(price))
	return n.Quo(n, big.NewInt(o.Amount)).Int64()
}

// shown is a part of the order's amount as the payer's phone shows it: what the
// phone gives, and what the shop asked for where that is in another currency.
func (o *Order) shown(part int64) string {
	if o.PayerCurrency == "" || o.PayerCurrency == o.Currency {
		return money(part, o.Currency)
	}
	return money(o.PayerPart(part), o.PayerCurrency) + " (" + money(part, o.Currency) + ")"
}

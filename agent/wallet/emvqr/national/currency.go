package national

import "tillwire/agent"

// places are the digits after the point that object 54 has in a currency: the ISO
// 4217 exponent, unless the scheme says otherwise.
func (s scheme) places(number string) (n int, known bool) {
	if n, own := s.decimals[number]; own {
		return n, true
	}
	c, known := agent.CurrencyOf(number)
	return c.Exponent(), known
}

package voucher

// counterWindow is how far a device's counter may run ahead of the highest one
// this shop has seen of it. A phone that pays elsewhere in between moves it; a
// copy that guesses moves it further.
const counterWindow = 64

// CheckCounter judges a device's counter against the highest one the shop's
// lanes have accepted from that device, 0 when they have seen none; counters
// begin at 1. Ask it inside the transaction that records the acceptance: two
// lanes that ask before could both be told yes. The reasons are CounterUsed and
// CounterAhead.
func CheckCounter(highest, counter uint32) error {
	switch {
	case counter <= highest:
		return refuse(CounterUsed, nil)
	case highest > 0 && counter-highest > counterWindow:
		return refuse(CounterAhead, nil)
	}
	return nil
}

// Package sim is campaign C6: whole shop days in virtual time. One case is one shop
// in one testing/synctest bubble with a network in memory: cashiers, tills and
// customers trade while about thirty kinds of fault strike, then everything heals,
// the shop settles and the oracle judges. TestQueue measures how fast a queue that
// grew while the line was down drains.
//
// What happens follows from the seed: every cashier, customer and fault throws dice
// of its own. Two things do not: in which order goroutines that are due at the same
// virtual moment run, and the random numbers of order numbers, nonces and jitter.
// A seed therefore repeats its day, its faults and nearly always its failure, but
// not each byte.
//
// It is tests only; as all of cmd it may import everything.
package sim

// Package crowd is the concurrency campaign (C12): a few clients at a time call the
// local API of a whole shop over HTTP, as impatient people and nervous tills do,
// while the wallet answers. What they were told must have an order, the event
// streams must keep it, and afterwards the journal must agree with the ledger.
//
// It holds tests only, and as all of cmd it may import everything.
package crowd

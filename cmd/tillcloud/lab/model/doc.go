// Package model is campaign C7: a small pure model of a payment, written from the
// table of states and transitions and not from the code, walks beside the real
// engine, store and outbox. pgregory.net/rapid chooses what cashiers, customers and
// the wallet do; after each step both must agree on every payment, its refunds, the
// lanes and the outbox. Time is virtual (testing/synctest); the wallet answers
// whatever the dice say, also what no cloud would.
//
// It is tests only; as all of cmd it may import everything.
package model

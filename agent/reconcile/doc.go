// Package reconcile holds a wallet's bill of a day against the journal, line by line,
// and names each difference. It asks a wallet again about money that the bill has and
// the journal does not; everything else is for people.
//
// It imports the root of agent and the leaf agent/words.
package reconcile

// Package disk holds the campaigns about the agent's disk: what a power cut leaves
// of it (C1), what happens when it fails or is full (C8), and an old or a copied one
// in the agent (C10). C1 and C8 need the build tag faultfs.
//
// C1 records a workload of the whole shop in virtual time and cuts its tape into
// images. With each image belongs what was answered before the cut, as marks on the
// tape, and a ledger of the cloud that may go with it. The cloud kept running, so
// that ledger must hold every effect that the agent can have heard of before the
// cut, and none of a request that was not yet on its way. Every request puts a mark
// on the tape when it arrives, and right after the mark, before it or any other
// request is let on to its execution, the ledger is copied. A cut between the
// arrivals n and n+1 takes the copy that belongs to arrival n+1: whatever was
// executed and answered before the cut was executed before that copy, and arrival
// n+1, whose intent the image may lack, is not in it. Of the requests under way at
// the cut each is in the copy or is lost, both of which networks do.
//
// Beside each image lies a witness of the journal that the same cut may have left:
// one of those that the agent had written by then, now and then a spoilt one.
//
// Of what was sold while the line was down every code that was accepted before the cut is
// shown once more to the agent that comes up after it: what is spent stays spent.
//
// A seed repeats a workload, its cuts and what the disk did at each of them. It does
// not repeat the bytes, because order numbers are random and goroutines meet as they
// please. So an image that fails is kept, with its ledger and its promises, in a
// folder of the system's temporary ones, and repeating its seed there looks at the
// kept bytes first.
//
// As all of cmd it may import everything.
package disk

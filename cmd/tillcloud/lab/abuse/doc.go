// Package abuse holds campaign C11: everything that a thief can try with codes for
// paying offline. Replayed and forked codes, wrong keys, ended and withdrawn ones, key
// sets that are rolled back, and bytes that are none of the formats are shown to the
// real verification and handed to the real store, one attack after the other between
// honest sales.
//
// The codes come from the sandbox's own issuer and thieves, which share no code with
// the terminal. Honest codes must be taken all the while: a counter that takes nothing
// is safe, too. A seed repeats the codes, the sales and the times.
//
// As all of cmd it may import everything.
package abuse

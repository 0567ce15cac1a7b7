// Package soak holds C13: shops that trade in real time, on real sockets and a
// real disk, with every kind of fault at random, day after day in one process. Each
// day is settled and judged; what the process still holds after it must not grow.
//
// The waits of the wallet are a tenth of its own, so that an hour sees ten times as
// many doubts resolved. As all of cmd it may import everything.
package soak

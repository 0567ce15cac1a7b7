// Package soak holds C13: shops that trade in real time, on real sockets and a
// real disk, with every kind of fault at random, half an hour in one run of the agent.
// Every now and then all is settled and judged while the agent runs on; what the process
// still holds then must not grow.
//
// The waits of the wallet are a tenth of its own, so that an hour sees ten times as
// many doubts resolved. As all of cmd it may import everything.
package soak

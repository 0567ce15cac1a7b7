// Package network breaks the network between a shop and its cloud: a proxy that
// understands where an HTTP message begins and ends, and so can cut one message of
// one payment at any byte, or answer it wrongly. The campaigns C4 (cuts) and C5
// (wrong answers) are its tests.
//
// Nothing here is in a shipped program. As all of cmd it may import everything.
package network

// Package agent is the vocabulary and the law of Tillwire: money, payments,
// the facts recorded about them, the status those facts add up to, and the
// ports that wallets, journals and devices implement.
//
// It imports only the standard library, and every other room may import it.
// Nothing here talks to a disk, a network or a device: a rule about money can
// be read and tested in this folder alone.
package agent

// Package bench measures a fleet on one machine: the real programs, Debian's
// mosquitto with mutual TLS, and simulated terminals. `make bench-fleet` runs it
// with 5,000 of them; a test runs it small.
package bench

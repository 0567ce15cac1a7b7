// Package bench measures a fleet on one machine: the real programs, Debian's
// mosquitto or three of its NATS servers with mutual TLS, and simulated terminals.
// `make bench-fleet` runs it with 5,000 of them, `make fleet-cluster` with 1,000;
// tests run both small.
package bench

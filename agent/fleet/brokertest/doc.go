// Package brokertest is the brokers that the fleet's tests speak to: Debian's
// mosquitto and NATS as real programs with their configurations, and a door that
// is open to everybody for the embedded one. Tests import it, nothing else may. It
// imports the embedded broker's library.
package brokertest

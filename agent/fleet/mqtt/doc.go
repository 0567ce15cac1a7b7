// Package mqtt is the connection to a broker, the terminal's (Link) and its
// office's (Office): eclipse/paho.mqtt.golang with its traps shut. Each trap is a test here, against a real broker.
//
// A client of the library lives for one connection. Its own reconnecting has no
// jitter, says that a message was delivered when nobody knows, and collects
// messages while there is no line; ours makes a new client, with a will of its
// own, and leaves what must arrive to the outbox (decision 0015).
//
// It imports the root of agent, agent/fleet and the library.
package mqtt

// Package jetstream hears a fleet on a cluster of NATS servers, which speak MQTT to
// the terminals and keep what those say in a stream. NATS has no shared
// subscriptions over MQTT; a consumer of the stream is how several services share
// the messages there, and how none is lost with the server that took it.
//
// It only hears. What the office says goes over MQTT (agent/fleet/mqtt), because
// only there a message can be kept for a terminal that is away.
//
// It imports the root of agent, agent/fleet and the library.
package jetstream

// Package desk is where terminals join a fleet: what a new one asks for, what the
// office says to it, and how a certificate is renewed. Beside it stands a small
// certificate authority in a folder; a fleet that has one of its own puts it
// behind service.Authority instead.
//
// It imports the root of agent, agent/fleet and agent/fleet/service.
package desk

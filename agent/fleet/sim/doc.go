// Package sim is a fleet of terminals in one process: each is the agent's own
// side of the fleet, on a store in memory, with payments that nobody made. What
// is tried on it, a broker, a service, a rollout, meets the code that shops run.
//
// It imports the root of agent and agent/fleet.
package sim

// Package enrol is the terminal's way into a fleet: its key, the request for a
// certificate, and the conversation with the office's desk about both.
//
// It imports the root of agent and agent/fleet.
package enrol

// Package clock is campaign C9: the wall clock is wrong, jumps, drifts or is set
// right, at every step of every road, at a start and while the agent is off. It
// holds tests only.
package clock

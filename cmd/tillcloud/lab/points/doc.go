// Package points is campaign C2: the power fails at every point of every road that
// a payment can take, and again while the agent recovers. It holds tests only.
package points

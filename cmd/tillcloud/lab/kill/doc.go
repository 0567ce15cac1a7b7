// Package kill is campaign C3: the real agent, with real files and real sockets, is
// killed at random moments while eight lanes pay. It holds tests only.
package kill

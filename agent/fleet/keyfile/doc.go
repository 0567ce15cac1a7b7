// Package keyfile keeps the private keys of a fleet's office in files that a
// passphrase locks: the key of the running service, those of the people who
// approve dangerous commands, and the roots that lie in a safe.
//
// A file tells without the passphrase whose key it is and what it may sign; the
// key itself is sealed with AES-256-GCM under argon2id, and what is told is under
// that seal too.
//
// It imports agent/fleet and golang.org/x/crypto.
package keyfile

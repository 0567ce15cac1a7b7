// Package embedded is what the embedded broker of the demo and of tests needs to
// be one that terminals and an office can rely on. It imports the broker's library
// and nothing of this project.
package embedded

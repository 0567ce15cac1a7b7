// Package sabotage is the laboratory's proof of itself: fifteen faulty builds, each
// the plausible mistake of a tired engineer, and the named check that must catch
// it. They exist as text edits of an overlay that the go command lays over the
// sources, all of them in one build and each switched on by name when that build
// runs; the sources themselves and every shipped program know nothing of them.
//
// It imports the standard library, and of the laboratory the names of the checks.
package sabotage

package main

import (
	"fmt"
	"runtime"
	"syscall"
	"time"

	"tillwire/agent"
)

// selectMax is the number of descriptors select(2) can name. The serial library
// reads with it and ends the process on a descriptor beyond.
const selectMax = 1024

// lowerDescriptors makes sure that no descriptor can be too large for the serial
// library. Go raises the soft limit to the hard one at start, so both go down.
func lowerDescriptors() error {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return fmt.Errorf("read the limit of open files: %w", err)
	}
	if l.Max <= selectMax && l.Cur <= selectMax {
		return nil
	}
	l.Cur, l.Max = min(l.Cur, selectMax), min(l.Max, selectMax)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return fmt.Errorf("lower the limit of open files: %w", err)
	}
	return nil
}

// fewDescriptors is how many open files are too few: each screen, till and
// wallet connection takes one.
const fewDescriptors = 256

// descriptorProblem says so when the process may open too few files.
func descriptorProblem(now time.Time) (agent.Problem, bool) {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil || l.Cur >= fewDescriptors {
		return agent.Problem{}, false
	}
	return agent.Problem{Since: now, ID: "problem.descriptors", Args: []string{fmt.Sprint(l.Cur)}, What: fmt.Sprintf("This process may open only %d files.", l.Cur),
		Do: "Set LimitNOFILE=1024:1024 in the unit, or `ulimit -n 1024` before starting by hand."}, true
}

// spareProcessors gives the scheduler two more slots than the machine has
// processors. A scanner's reader sits in select(2), and for up to ten milliseconds
// after its last byte the scheduler still counts it as running: just while the scan
// that it read is recorded and signed for.
func spareProcessors() { runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 2) }

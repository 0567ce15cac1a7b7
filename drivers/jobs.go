package drivers

import (
	"fmt"
	"strconv"

	"tillwire/agent"
)

// JobsMost is how many jobs may wait in a printer. One that nobody has seen to for so long
// is not going to print the next one either, and somebody has to be told.
const JobsMost = 50

// AdmitJob is the answer of every printer to one more job: nil when it is taken, else an
// Error with what to do. waiting is how many are in line; opens says whether a cash drawer
// hangs on the printer. A slip that would open a drawer, too, is printed without one.
func AdmitJob(device string, j agent.PrintJob, waiting int, opens bool) error {
	switch {
	case j.Drawer && !opens && len(j.Slip.Lines) == 0:
		return &agent.Error{Op: "print on " + device, Class: agent.Invalid, Code: agent.CodeState, Say: agent.Sentence{ID: "error.no_drawer", Args: []string{device},
			English: fmt.Sprintf("No drawer hangs on %s: choose the printer that it hangs on, or set drawer to the line that opens it.", device)}}
	case waiting >= JobsMost:
		return &agent.Error{Op: "print on " + device, Class: agent.Unavailable, Code: agent.CodeState, Say: agent.Sentence{ID: "error.print_full", Args: []string{device, strconv.Itoa(waiting)},
			English: fmt.Sprintf("%s has %d slips waiting and takes no more: see to the printer, then print this one again.", device, waiting)}}
	}
	return nil
}

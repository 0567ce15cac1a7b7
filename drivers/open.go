package drivers

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"tillwire/agent"
)

// ErrNotDevice reports that what is at a path is no device node.
var ErrNotDevice = errors.New("not a device node")

// OpenNode opens the device node at path; flag is that of os.OpenFile, without
// os.O_CREATE. Drivers that write without asking open through it: a path with a slip of
// the pen must not cost the shop a file. What is judged is what was opened, not what the
// path led to a moment before. The refusal is a fault: only a person can mend it.
func OpenNode(path string, flag int) (*os.File, error) {
	f, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.Mode()&fs.ModeCharDevice == 0 {
		err = Fault(&agent.Error{Op: "open " + path, Class: agent.Invalid, Err: ErrNotDevice, Say: agent.Sentence{ID: "device.not_node", Args: []string{path},
			English: fmt.Sprintf("%s is no device but a file: write the path that `tillwire devices list` shows", path)}})
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

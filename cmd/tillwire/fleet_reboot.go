package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"

	"tillwire/agent"
)

// rebootDevice is the command device.reboot. Its result is that the system has agreed:
// a stop that comes before the result is kept makes it a command that was interrupted,
// and that the machine is back the office sees by the next hello.
func (d *agentd) rebootDevice(ctx context.Context, _ json.RawMessage) (any, func(), error) {
	d.log.Info("the fleet wants the machine to start anew", "comp", "fleet", "code", "reboot")
	if err := d.fleet.reboot(ctx); err != nil {
		return nil, nil, err
	}
	return map[string]bool{"rebooting": true}, nil, nil
}

// rebooter has systemd start the machine anew; systemctl is its program. Of a machine on
// which somebody runs the agent by hand or for a demonstration it keeps away.
func rebooter(env func(string) string, systemctl string) func(context.Context) error {
	return func(ctx context.Context) error {
		if !underSystemd(env) {
			return noReboot(agent.Conflict, nil, "The agent does not run as a service of systemd, so the machine is not its own to restart. Install it as tillwire.service, or restart the machine by hand.")
		}
		c := exec.CommandContext(ctx, systemctl, "--no-ask-password", "--no-wall", "reboot")
		c.Env = append(c.Environ(), "LC_ALL=C") // what it says is looked at
		said, err := c.CombinedOutput()
		if err != nil {
			return rebootRefused(string(said), err)
		}
		return nil
	}
}

// rebootRefused says why systemd did not do it, and what somebody at the machine can do
// about it. What systemctl went on without, it says it is ignoring.
func rebootRefused(said string, err error) error {
	var lines []string
	for line := range strings.Lines(said) {
		if line = strings.TrimSpace(line); line != "" && !strings.Contains(line, "ignoring") {
			lines = append(lines, line)
		}
	}
	why := clipped(cmp.Or(strings.Join(lines, " "), err.Error()), 200)
	says := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(strings.ToLower(why), w) {
				return true
			}
		}
		return false
	}
	switch {
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return noReboot(agent.Unavailable, err, "There is no systemctl on this machine. Restart it by hand.")
	case says("not been booted with systemd", "connect to bus"):
		return noReboot(agent.Unavailable, err, "systemd does not answer (%s). Restart the machine by hand.", why)
	case says("authentication required", "access denied", "permission denied", "not permitted"):
		return noReboot(agent.Forbidden, err, "The system does not let the agent restart this machine (%s). Install polkitd, and the rule that the package of the agent brings, /usr/share/polkit-1/rules.d/tillwire.rules. Where both are there, `systemd-inhibit --list` says what holds a restart back.", why)
	}
	return noReboot(agent.Unavailable, err, "The system does not restart this machine (%s). Try again later, or restart it by hand.", why)
}

func noReboot(class agent.Class, cause error, format string, args ...any) error {
	return &agent.Error{Op: "device.reboot", Class: class, Say: agent.Sentence{English: fmt.Sprintf(format, args...)}, Err: cause}
}

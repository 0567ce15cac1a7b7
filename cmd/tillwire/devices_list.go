package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"tillwire/agent"
	"tillwire/cmd/cli"
	"tillwire/drivers"
)

func (a *app) devicesListCommand() *cobra.Command {
	return &cobra.Command{Use: "list", Short: "List what is configured and what is plugged in", Args: cli.Exactly(),
		Long: `Lists the devices of the configuration, with their states while the agent runs, and then serial
ports and known scanners from what the kernel tells, with lines for the configuration. No port is
opened: asking a stranger's device what it is could set it off.`,
		RunE: func(c *cobra.Command, _ []string) error {
			configured, err := a.configuredDevices(c.Context())
			// A machine that is being set up has no configuration yet, and still ports.
			if err != nil && (a.config != defaultConfig || !errors.Is(err, fs.ErrNotExist)) {
				fmt.Fprintf(a.stderr, "What is configured is not listed: %v\n", err)
			}
			found, err := drivers.Discover(a.sysRoot())
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(deviceList{configured, append([]drivers.Found{}, found...)})
			}
			return a.printDevices(configured, found)
		}}
}

// deviceList is what `devices list` prints; Configured is missing when there is
// no configuration to read.
type deviceList struct {
	Configured []configuredDevice `json:"configured,omitempty"`
	Devices    []drivers.Found    `json:"devices"`
}

// configuredDevice is one device of the configuration. State and Reason are the
// running agent's; State is empty when none runs.
type configuredDevice struct {
	ID     string            `json:"id"`
	Lane   string            `json:"lane"`
	Kind   agent.DeviceKind  `json:"kind"`
	Driver string            `json:"driver"`
	Path   string            `json:"path,omitempty"`
	State  agent.DeviceState `json:"state,omitempty"`
	Reason string            `json:"reason,omitempty"`
}

// configuredDevices reads the configuration and asks the agent, if one runs.
func (a *app) configuredDevices(ctx context.Context) ([]configuredDevice, error) {
	c, _, err := readConfig(a.config)
	if err != nil {
		return nil, err
	}
	states := map[string]agent.DeviceStatus{}
	var status controlStatus
	if err := askStatus(ctx, c.Terminal.Data, &status); err == nil {
		for _, d := range status.Devices {
			states[d.ID] = d
			if d.Driver == kiosk { // a page of the agent's own has an id of its own
				states[d.Lane+"."+string(d.Kind)] = d
			}
		}
	} else if !errors.Is(err, errNotRunning) {
		fmt.Fprintf(a.stderr, "The states are not listed: %v\n", err)
	}
	var list []configuredDevice
	for _, l := range c.Lanes {
		for _, one := range []drivers.Config{deviceConfig(l.ID, agent.KindScanner, l.Scanner), deviceConfig(l.ID, agent.KindDisplay, l.Display)} {
			if one.Driver == "" {
				continue
			}
			now := states[one.ID]
			list = append(list, configuredDevice{one.ID, l.ID, one.Kind, one.Driver, one.Path, now.State, now.Reason})
		}
	}
	for _, one := range c.ownDevices() {
		now := states[one.ID]
		path := one.Path
		if address, ok := one.Keys["address"].(string); ok && path == "" {
			path = address
		}
		list = append(list, configuredDevice{one.ID, one.Lane, one.Kind, one.Driver, path, now.State, now.Reason})
	}
	return list, nil
}

func (a *app) printDevices(configured []configuredDevice, found []drivers.Found) error {
	users := map[string]string{}
	if len(configured) > 0 {
		w := table(a.stdout)
		fmt.Fprintln(w, "CONFIGURED\tDRIVER\tPATH\tSTATE")
		for _, d := range configured {
			users[d.Path] = d.ID
			state := string(d.State)
			if state == "" {
				state = "unknown: the agent does not run"
			}
			if d.Reason != "" {
				state += ": " + d.Reason
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", d.ID, d.Driver, d.Path, state)
		}
		if err := w.Flush(); err != nil {
			return err
		}
		a.printf("\n")
	}
	if len(found) == 0 {
		what := "Nothing is"
		if len(configured) > 0 {
			what = "Nothing else is seen"
		}
		a.printf("%s plugged in that could be a scanner. A scanner that types like a keyboard has to be switched to USB serial (USB-COM, CDC) with a code from its manual.\n", what)
	}
	for _, f := range found {
		a.printFound(f, userOf(f, users))
	}
	return nil
}

// userOf is the device of the configuration that has a find's path, by the paths of all
// of them, or "".
func userOf(f drivers.Found, users map[string]string) string {
	for _, path := range []string{f.Path, f.Node} {
		if user := users[path]; path != "" && user != "" {
			return user
		}
	}
	return ""
}

// printFound prints one find; user is the device of the configuration that has
// its path, or "".
func (a *app) printFound(f drivers.Found, user string) {
	name := f.Path
	if name == "" {
		name = "(no serial port)"
		user = ""
	}
	a.printf("%s\n  %s\n", name, f.What)
	if f.Node != "" && f.Node != f.Path {
		a.printf("  now %s\n", f.Node)
	}
	switch {
	case user != "":
		a.printf("  configured as %s\n", user)
	case f.Config != "":
		a.printf("\n%s\n", indent(f.Config, "  "))
	}
}

// refuseTaken says who has a device that is to be tested. A second reader on
// one port would take away bytes of customers' codes.
func refuseTaken(ctx context.Context, c config, device drivers.Config, claims *drivers.Claims) error {
	const do = "Stop the agent for the test (systemctl stop tillwire), or watch the device on the owner's page under Devices"
	var status controlStatus
	if err := askStatus(ctx, c.Terminal.Data, &status); err == nil {
		for _, d := range status.Devices {
			if d.ID == device.ID && d.State != agent.DeviceDisabled {
				return fmt.Errorf("the running agent (process %d) has %s (%s). %s", status.Process, device.ID, d.State, do)
			}
		}
	}
	if device.Path == "" {
		return nil
	}
	// The claim comes second: trying it could take the port from an agent that is
	// just opening it.
	release, err := claims.Take(device.Path, "tillwire devices test")
	var taken *agent.Error
	switch {
	case err == nil:
		release()
	case errors.Is(err, drivers.ErrClaimed) && errors.As(err, &taken):
		owner := taken.Say.Args[1]
		if owner == "" {
			owner = "another process" // which has not signed its claim yet
		}
		return fmt.Errorf("%s is in use by %s. %s", device.Path, owner, do)
	}
	return nil // whatever else is wrong shows when the port is opened
}

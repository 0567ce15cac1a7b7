package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"tillwire/agent"
	"tillwire/drivers"
)

// displays reads the [[display]] tables: customer displays that stand beside a lane's
// first one, or alone.
func (c *config) displays() (list []drivers.Config) {
	for i, table := range c.Displays {
		own := map[string]any{}
		for key, value := range table {
			if key != keyName && key != keyLane {
				own[key] = value
			}
		}
		lane, _ := table[keyLane].(string)
		d := deviceConfig(lane, agent.KindDisplay, own)
		d.ID = string(agent.KindDisplay) + "." + tableName(table, i)
		list = append(list, d)
	}
	return list
}

// checkDisplays says what is wrong with the keys that are ours, and with a driver's
// name.
func (c *config) checkDisplays(k *checker) {
	for i, table := range c.Displays {
		at := element("display", i)
		checkDevice(k, at, table, slices.DeleteFunc(displayDrivers(), func(name string) bool { return name == kiosk }))
		checkTableName(k, at, c.Displays, i)
		lane, ok := table[keyLane].(string)
		if known := c.laneIDs(); !ok || !slices.Contains(known, lane) {
			k.report(false, at+"."+keyLane, fmt.Sprintf("there is no lane %q.", lane), meant(lane, known))
		}
	}
}

// displayOf is everything that the customers of a lane look at, or nil.
func (d *agentd) displayOf(lane string) agent.Display {
	var all screens
	if k := d.displays.Lane(lane); k != nil {
		all = append(all, k)
	}
	for _, u := range d.units {
		if display, ok := u.Device.(agent.Display); ok && u.Err == nil && u.Config.Lane == lane && u.Config.Kind == agent.KindDisplay && !u.Config.Disabled {
			all = append(all, display)
		}
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	return all
}

// screens are several displays of one lane. They show the same, each as it can.
type screens []agent.Display

// Show implements agent.Display. A display that is away says so in its own state and
// takes the screen up when it is back, so it keeps nobody waiting here; without any
// that works the error is returned.
func (s screens) Show(ctx context.Context, sc agent.Screen) error {
	errs := make([]error, len(s))
	var all sync.WaitGroup
	for i, display := range s {
		all.Go(func() { errs[i] = display.Show(ctx, sc) })
	}
	all.Wait()
	away := func(err error) bool { return agent.ClassOf(err) == agent.Unavailable }
	if there := slices.DeleteFunc(slices.Clone(errs), away); len(there) > 0 {
		return errors.Join(there...)
	}
	return errs[0]
}

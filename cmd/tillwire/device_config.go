package main

import (
	"slices"

	"tillwire/agent"
	"tillwire/drivers"
)

// deviceConfigs lists the devices of all lanes that are supervised. A scanner
// takes the setting's de-duplication unless its own table has one.
func deviceConfigs(c config, dedupe string) (list []drivers.Config) {
	for _, l := range c.Lanes {
		for _, device := range []struct {
			kind  agent.DeviceKind
			table map[string]any
		}{{agent.KindScanner, l.Scanner}, {agent.KindDisplay, l.Display}} {
			if device.table == nil || device.table["driver"] == kiosk {
				continue
			}
			one := deviceConfig(l.ID, device.kind, device.table)
			if one.Keys["dedupe"] == nil && dedupe != "" && takesKey(one, "dedupe") {
				one.Keys["dedupe"] = dedupe
			}
			list = append(list, one)
		}
	}
	return append(list, c.ownDevices()...)
}

// ownDevices lists the devices that have tables of their own.
func (c *config) ownDevices() (list []drivers.Config) {
	for _, d := range c.displays() {
		list = append(list, d)
	}
	for _, p := range c.printers() {
		list = append(list, p.device)
	}
	return list
}

// deviceConfig takes the keys that every device has out of its table; the rest
// is the driver's own.
func deviceConfig(lane string, kind agent.DeviceKind, table map[string]any) drivers.Config {
	c := drivers.Config{ID: lane + "." + string(kind), Lane: lane, Kind: kind, Keys: map[string]any{}}
	for key, value := range table {
		switch key {
		case "driver":
			c.Driver, _ = value.(string)
		case "path":
			c.Path, _ = value.(string)
		case "disabled":
			c.Disabled, _ = value.(bool)
		default:
			c.Keys[key] = value
		}
	}
	return c
}

// takesKey reports whether the device's driver knows a key.
func takesKey(c drivers.Config, name string) bool {
	spec, err := registry().Find(c.Kind, c.Driver)
	return err == nil && slices.ContainsFunc(spec.Keys, func(k drivers.Key) bool { return k.Name == name })
}

package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"tillwire/agent"
	"tillwire/agent/settings"
)

// TestAMachineIsKnownByWhatIsBuiltIn: neither what software made nor what is plugged in.
func TestAMachineIsKnownByWhatIsBuiltIn(t *testing.T) {
	root := t.TempDir()
	card := func(name, address, device string) {
		write(t, filepath.Join(root, "sys/class/net", name, "address"), address+"\n", 0o644)
		if device == "" {
			return
		}
		if err := os.MkdirAll(filepath.Join(root, device), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(root, device), filepath.Join(root, "sys/class/net", name, "device")); err != nil {
			t.Fatal(err)
		}
	}
	if parts := machineParts(root); parts != nil {
		t.Errorf("a machine that says nothing has %q", parts)
	}
	card("eth0", "02:42:ac:11:00:02", "sys/devices/pci0/0000:00:19.0")
	card("wlan0", "00:00:00:00:00:00", "sys/devices/pci0/0000:00:1a.0")
	card("lo", "00:00:00:00:00:01", "")
	card("usb0", "02:42:ac:11:00:03", "sys/devices/pci0/usb1/1-1")
	write(t, filepath.Join(root, "proc/device-tree/serial-number"), "10000000abcdef01\x00", 0o644)
	want := []string{"net 02:42:ac:11:00:02", "serial 10000000abcdef01"}
	if parts := machineParts(root); !reflect.DeepEqual(parts, want) {
		t.Errorf("parts %q, want %q", parts, want)
	}
	if word(filepath.Join(root, "nothing")) != "" {
		t.Error("a file that is not there says something")
	}
	if keepsTime(filepath.Join(root, "rtc")) {
		t.Error("a machine without a clock of its own keeps the time")
	}
	write(t, filepath.Join(root, "rtc/rtc0/hctosys"), "1\n", 0o644)
	if !keepsTime(filepath.Join(root, "rtc")) {
		t.Error("a machine with a clock of its own does not keep the time")
	}
}

// TestWhereACopyWouldNotBeNoticedTheOwnerIsTold, if anything is accepted without a line.
func TestWhereACopyWouldNotBeNoticedTheOwnerIsTold(t *testing.T) {
	file := equipped(t, sound)
	c, _, err := readConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	told := func(parts ...string) (what []string) {
		t.Helper()
		store := ownStore(t, file)
		defer store.Close()
		book := settings.New(store, settings.Table(startOf(c)))
		if err := book.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		d := &agentd{store: store, book: book, standing: newStanding(agent.NewSystemClock())}
		for _, p := range d.copyProblems(parts) {
			if p.Do == "" || p.Since.IsZero() {
				t.Errorf("%+v does not say what to do, or since when", p)
			}
			what = append(what, p.What)
		}
		return what
	}
	if list := told(); len(list) != 0 {
		t.Errorf("a shop that accepts nothing without a line is told %q", list)
	}
	sellsOffline(t, file)
	store := ownStore(t, file)
	acceptedOnSight(t, store)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if list := told("net 02:00:00:00:00:01"); len(list) != 0 {
		t.Errorf("on a machine that is known: %q", list)
	}
	if list := told(); len(list) != 1 || !strings.Contains(list[0], "serial number") {
		t.Errorf("on a machine that names nothing: %q", list)
	}
	if err := os.Remove(filepath.Join(c.Terminal.Data, "witness")); err != nil {
		t.Fatal(err)
	}
	if list := told("net 02:00:00:00:00:01"); len(list) != 1 || !strings.Contains(list[0], "no witness") {
		t.Errorf("without its witness: %q", list)
	}
}

package web

import (
	"context"
	"net/http"
	"slices"
	"time"

	"tillwire/agent"
)

// gear is what the devices page needs of the devices beyond their states.
type gear interface {
	// Found lists what is plugged in; no port is opened for it.
	Found() ([]FoundDevice, error)
	// Waiting is how many slips are in line at a printer; 0 for other devices.
	Waiting(device string) int
	// Drawer reports whether a cash drawer hangs on a printer.
	Drawer(device string) bool
	// Slips are the last slips of a printer that keeps them, newest first, as text of fixed
	// columns.
	Slips(device string) []KeptSlip
	// Try does something with a device by which a person sees whether it works: "read" and
	// "beep" a scanner, "show" a display, "print" and "drawer" a printer, and "try" what
	// does not work. It answers with a text of the catalogues and what stands in it.
	Try(ctx context.Context, device string, act string) (text string, args []any, err error)
}

// FoundDevice is something that is plugged in.
type FoundDevice struct {
	Path   string // the stable name; empty when there is no port to configure
	Node   string // what the kernel calls it now
	What   string // as it says itself, in English
	User   string // the configured device that has it; empty for none
	Config string // lines for the configuration
}

// actsFor is what can be done with a device to see that it works.
func (s *Server) actsFor(d agent.DeviceStatus) (acts []string) {
	switch {
	case d.State == agent.DeviceDisabled, d.Driver == kioskDriver && d.State != agent.DeviceReady:
		return nil // a browser is nothing that could be opened again from here
	case d.State == agent.DeviceReady || d.State == agent.DeviceDegraded:
		switch d.Kind {
		case agent.KindScanner:
			return []string{"read", "beep"}
		case agent.KindDisplay:
			return []string{"show"}
		case agent.KindPrinter:
			if acts = []string{"print"}; s.Gear.Drawer(d.ID) {
				acts = append(acts, "drawer")
			}
			return acts
		}
	}
	return []string{"try"}
}

// KeptSlip is a slip that a printer without hardware keeps.
type KeptSlip struct {
	At   time.Time
	Text string
}

// deviceRow is one configured device.
type deviceRow struct {
	agent.DeviceStatus
	Acts    []string
	Waiting int // slips in line
	Slips   []KeptSlip
	Said    string // what the last try came to; empty where none was made
}

type devicesData struct {
	Rows  []deviceRow
	Looks bool // what is plugged in is known
	Found []FoundDevice
}

func (s *Server) ownerDevices(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	return s.devicesPage(w, r, me, "", "")
}

// devicesPage shows the devices; said is what came of trying one of them.
func (s *Server) devicesPage(w http.ResponseWriter, r *http.Request, me agent.Person, tried, said string) error {
	var d devicesData
	for _, status := range s.devices() {
		row := deviceRow{DeviceStatus: status}
		if s.Gear != nil {
			row.Acts, row.Waiting, row.Slips = s.actsFor(status), s.Gear.Waiting(status.ID), s.Gear.Slips(status.ID)
		}
		if status.ID == tried {
			row.Said = said
		}
		d.Rows = append(d.Rows, row)
	}
	if s.Gear != nil {
		var err error
		if d.Found, err = s.Gear.Found(); err != nil {
			s.Log.Warn("what is plugged in cannot be listed", "comp", "web", "code", "discover", "err", err)
		}
		d.Looks = err == nil
	}
	s.render(w, r, http.StatusOK, "owner_devices", ownerView("devices", me, d))
	return nil
}

// tryDevice does what a button of the page says. Only what the page offers is taken, so
// that nobody opens a drawer on a device that has none.
func (s *Server) tryDevice(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	id, act := r.PostFormValue("device"), r.PostFormValue("act")
	offered := func(d agent.DeviceStatus) bool { return d.ID == id && slices.Contains(s.actsFor(d), act) }
	if s.Gear == nil || !slices.ContainsFunc(s.devices(), offered) {
		return s.devicesPage(w, r, me, "", "") // it has changed since: this is how it stands now
	}
	s.audits.note(r.Context(), agent.Audit{Actor: "person:" + me.ID, Action: "device", Object: id + " " + act})
	text, args, err := s.Gear.Try(r.Context(), id, act)
	lang := s.language(r)
	said := s.Words.Text(lang, text, args...)
	if err != nil {
		said = s.sentence(lang, err)
	}
	return s.devicesPage(w, r, me, id, said)
}

package till

import (
	"maps"
	"slices"

	"tillwire/agent"
)

// Condition is how a register stands.
type Condition struct {
	Busy    bool                 // a payment holds it
	Line    agent.Line           //
	Devices []agent.DeviceStatus // that serve it
}

// diagnose answers whether a payment sent now would be taken, and what is wrong.
func (x exchange) diagnose() (out diagnosisResponse) {
	if x.register.Lane == "" {
		out.Response = failure("UnavailableDevice", "this terminal has no register with that POIID")
		return out
	}
	c := x.Condition(x.register.Lane)
	out.Response = response{Result: "Success"}
	scanner, hasScanner := c.device(agent.KindScanner)
	printer, hasPrinter := c.device(agent.KindPrinter)
	display, _ := c.device(agent.KindDisplay)
	reads := works(scanner)
	s := &poiStatus{GlobalStatus: "OK", CommunicationOKFlag: c.Line.State != agent.LineDown}
	switch {
	case c.Busy:
		s.GlobalStatus = "Busy"
	case !reads && !works(display):
		s.GlobalStatus = "Maintenance" // no code is read and none is shown
	case !s.CommunicationOKFlag:
		s.GlobalStatus = "Unreachable"
	}
	if hasScanner {
		s.CardReaderOKFlag = &reads
	}
	if hasPrinter {
		s.PrinterStatus = paper(printer)
	}
	out.POIStatus = s
	if x.in.Diagnose.HostDiagnosisFlag {
		for _, wallet := range slices.Sorted(maps.Keys(c.Line.Wallets)) {
			out.HostStatus = append(out.HostStatus, hostStatus{wallet, c.Line.Wallets[wallet].State != agent.LineDown})
		}
	}
	return out
}

// device is the register's device of a kind: one that works, where there are several.
func (c Condition) device(kind agent.DeviceKind) (found agent.DeviceStatus, ok bool) {
	for _, d := range c.Devices {
		if d.Kind == kind && (!ok || works(d)) {
			found, ok = d, true
		}
	}
	return found, ok
}

func works(d agent.DeviceStatus) bool {
	return d.State == agent.DeviceReady || d.State == agent.DeviceDegraded
}

// paper is nexo's word for the state of a printer.
func paper(d agent.DeviceStatus) string {
	switch {
	case d.State == agent.DeviceReady:
		return "OK"
	case d.State != agent.DeviceDegraded:
		return "OutOfOrder"
	}
	switch d.Say.ID {
	case "device.paper_low":
		return "PaperLow"
	case "device.paper_out":
		return "NoPaper"
	case "device.knife":
		return "PaperJam"
	}
	return "OutOfOrder"
}

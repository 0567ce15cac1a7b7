package main

import (
	"fmt"
	"sync"
	"time"

	"tillwire/agent"
	"tillwire/offline"
)

// problems collects what is wrong now. Parts that watch something themselves are
// asked each time; what was found at start stays until a restart.
type problems struct {
	mu      sync.Mutex
	found   []agent.Problem
	sources []func() []agent.Problem
}

func (p *problems) note(list ...agent.Problem) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.found = append(p.found, list...)
}

func (p *problems) ask(source func() []agent.Problem) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sources = append(p.sources, source)
}

// list is everything that is wrong now, what was found at start first.
func (p *problems) list() []agent.Problem {
	p.mu.Lock()
	list := append([]agent.Problem{}, p.found...)
	sources := append([]func() []agent.Problem{}, p.sources...)
	p.mu.Unlock()
	for _, source := range sources {
		list = append(list, source()...)
	}
	return list
}

// standing remembers since when something holds, for problems that come and go.
type standing struct {
	mu    sync.Mutex
	since map[string]time.Time
	clock agent.Clock
}

func newStanding(c agent.Clock) *standing {
	return &standing{since: map[string]time.Time{}, clock: c}
}

// problem returns the problem with the time it began, or nothing when it is over.
func (s *standing) problem(is bool, key string, p agent.Problem) []agent.Problem {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !is {
		delete(s.since, key)
		return nil
	}
	if _, known := s.since[key]; !known {
		s.since[key] = s.clock.Now()
	}
	p.Since = s.since[key]
	return []agent.Problem{p}
}

// diskLow is the free space, in bytes, below which a person should know. Far below it the
// store takes no new payment.
const diskLow = 256 << 20

func diskProblems(s *standing, data string) []agent.Problem {
	free, err := offline.FreeBytes(data)
	return s.problem(err == nil && free < diskLow, "disk", agent.Problem{ID: "problem.disk", Args: []string{fmt.Sprint(free >> 20), data},
		What: fmt.Sprintf("Only %d MiB are free on the disk of %s.", free>>20, data),
		Do:   "Free some space: below 64 MiB no new payment is taken, so that what is open can still be finished."})
}

// queueOld is how long something may wait in the outbox before a person should know.
const queueOld = 24 * time.Hour

// queueProblems tells of what the agent gave up, and of what waits for long.
func queueProblems(s *standing, q agent.QueueInfo) []agent.Problem {
	const look = "Open Unfinished on the owner's page, and `tillwire payments show` with its order number: compare with the wallet's own list. "
	return append(
		s.problem(q.Dead > 0, "queue_dead", agent.Problem{ID: "problem.queue_dead", Args: []string{fmt.Sprint(q.Dead)},
			What: fmt.Sprintf("The program failed again and again on %d of what must still be done with payments, and has left it alone.", q.Dead),
			Do:   look + "A restart of the agent tries again; report it with the log."}),
		s.problem(q.Oldest > queueOld, "queue_old", agent.Problem{ID: "problem.queue_old", Args: []string{fmt.Sprint(int(q.Oldest.Hours()))},
			What: fmt.Sprintf("Something has waited for %d hours to be sent to a wallet or asked of it.", int(q.Oldest.Hours())),
			Do:   look + "If the line works, call the wallet's office."})...)
}

func lineProblems(line func() agent.Line) []agent.Problem {
	var list []agent.Problem
	now := line()
	id, do := "problem.line_down", "Check the shop's line and router. Take another way to pay meanwhile; what is open is finished by itself."
	if now.State == agent.LineDegraded {
		id, do = "problem.wallet_down", "The line works, since other wallets are reached. Take one of those meanwhile; what is open is finished by itself. Ask the wallet or the acquirer if it lasts."
	}
	for name, w := range now.Wallets {
		if w.State == agent.LineDown {
			list = append(list, agent.Problem{Since: w.Since, ID: id, Args: []string{name}, What: fmt.Sprintf("The cloud of %s cannot be reached.", name), Do: do})
		}
	}
	return list
}

func deviceProblems(devices func() []agent.DeviceStatus) []agent.Problem {
	var list []agent.Problem
	for _, d := range devices() {
		switch d.State {
		case agent.DeviceAbsent, agent.DeviceLost, agent.DeviceBackoff, agent.DeviceFaulted, agent.DeviceDegraded:
			list = append(list, agent.Problem{Since: d.Since, ID: agent.ProblemDevice, What: deviceTrouble(d), Do: deviceAdvice(d)})
		}
	}
	return list
}

// deviceTrouble says which device it is. One that works with a limit still works.
func deviceTrouble(d agent.DeviceStatus) string {
	which := fmt.Sprintf("The %s of lane %s", d.Kind, d.Lane)
	if d.Lane == "" {
		which = "The " + string(d.Kind) + " " + d.ID
	}
	if d.State == agent.DeviceDegraded {
		return which + ": " + trimDot(d.Reason) + "."
	}
	return which + " does not work: " + trimDot(d.Reason) + "."
}

func trimDot(s string) string {
	for s != "" && s[len(s)-1] == '.' {
		s = s[:len(s)-1]
	}
	if s == "" {
		return "no reason was given"
	}
	return s
}

func deviceAdvice(d agent.DeviceStatus) string {
	if d.Kind == agent.KindScanner {
		return "Plug it in or correct its path; `tillwire devices list` shows what is plugged in. The shop can show a QR code or type the code meanwhile."
	}
	if d.Kind == agent.KindPrinter {
		return "See to it; slips wait. Sales go on, and a slip can be shown or printed from the receipt's page meanwhile."
	}
	return "Check the device. `tillwire devices list` shows what is plugged in."
}

package printertest

import (
	"fmt"
	"sync"
)

// Machine is the printer. Its methods may be called from any goroutine.
type Machine struct {
	// What this model can do; set before the first byte.
	Mute    bool // answers nothing
	NoProof bool // does not know GS ( H

	mu       sync.Mutex
	send     func([]byte) // to the host that is connected; nil when none is
	input    []byte       // not understood yet: the beginning of a command
	held     [][]byte     // understood, waits for paper
	roll     int          // lines of paper left; negative: a roll without end
	low      bool
	open     bool
	changed  chan struct{}
	font     font
	sheet    Sheet
	sheets   []Sheet
	pulses   int
	problems []string
}

// New returns a printer with a roll that does not end.
func New() *Machine {
	m := &Machine{roll: -1, changed: make(chan struct{})}
	m.font.reset()
	return m
}

// Sheet is one piece of paper, up to the knife.
type Sheet struct {
	Lines []string
	Codes []Code
}

// Sheets are the pieces that were cut off, and what hangs out of the printer as the
// last one if there is something on it.
func (m *Machine) Sheets() []Sheet {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := append([]Sheet(nil), m.sheets...)
	if len(m.sheet.Lines) > 0 || len(m.sheet.Codes) > 0 {
		list = append(list, m.sheet)
	}
	return list
}

// Pulses is how often a drawer was opened.
func (m *Machine) Pulses() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.pulses
}

// Problems are the bytes that this printer would have stumbled over.
func (m *Machine) Problems() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.problems...)
}

// Changed returns a channel that is closed when something is printed, cut or opened.
func (m *Machine) Changed() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.changed
}

func (m *Machine) note() {
	close(m.changed)
	m.changed = make(chan struct{})
}

// Roll puts in paper of so many lines; negative is a roll without end. What waited for
// it is printed, as a real printer goes on where it stopped.
func (m *Machine) Roll(lines int) { m.change(func() { m.roll, m.low = lines, false }) }

// Low says that little paper is left.
func (m *Machine) Low() { m.change(func() { m.low = true }) }

// Cover opens or closes the cover.
func (m *Machine) Cover(open bool) { m.change(func() { m.open = open }) }

// Reset is what switching off and on does: what waited is forgotten.
func (m *Machine) Reset() {
	m.change(func() { m.held, m.input = nil, nil; m.font.reset() })
}

func (m *Machine) change(what func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	what()
	m.work()
	m.note()
}

// Connect sets where answers go. Only the last host that connected hears them.
func (m *Machine) Connect(send func([]byte)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.send = send
}

// Feed takes bytes from the host.
func (m *Machine) Feed(data []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.input = append(m.input, data...)
	for {
		n := commandLen(m.input)
		if n == 0 {
			break
		}
		token := append([]byte(nil), m.input[:n]...)
		m.input = m.input[n:]
		if token[0] == dle && n > 1 {
			m.realTime(token) // is not kept waiting by an empty roll
			continue
		}
		m.held = append(m.held, token)
	}
	m.work()
}

func (m *Machine) stopped() bool { return m.roll == 0 || m.open }

// work does what waits, as far as there is paper.
func (m *Machine) work() {
	for len(m.held) > 0 && !m.stopped() {
		token := m.held[0]
		m.held = m.held[1:]
		m.obey(token)
	}
}

func (m *Machine) answer(b ...byte) {
	if m.send != nil && !m.Mute {
		m.send(b)
	}
}

// Say has the printer send bytes that nobody asked it for.
func (m *Machine) Say(b ...byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answer(b...)
}

func (m *Machine) realTime(token []byte) {
	switch token[1] {
	case 0x04:
		m.status(token[2])
	case 0x05: // recover: what waited and cannot be printed is forgotten
	default:
		m.problem(token)
	}
}

// status answers DLE EOT n.
func (m *Machine) status(n byte) {
	b := byte(0x12)
	set := func(on bool, bits byte) {
		if on {
			b |= bits
		}
	}
	switch n {
	case 1:
		set(m.stopped(), 0x08)
	case 2:
		set(m.open, 0x04)
		set(m.roll == 0, 0x20)
	case 3:
	case 4:
		set(m.low || m.roll == 0, 0x0c)
		set(m.roll == 0, 0x60)
	}
	m.answer(b)
}

func (m *Machine) problem(token []byte) {
	m.problems = append(m.problems, fmt.Sprintf("% X", token[:min(len(token), 16)]))
}

// feed moves paper by lines.
func (m *Machine) feed(lines int) {
	if m.roll > 0 {
		m.roll = max(m.roll-lines, 0)
	}
}

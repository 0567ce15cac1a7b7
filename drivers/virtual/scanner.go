package virtual

import (
	"context"
	"fmt"
	"sync"

	"tillwire/agent"
	"tillwire/drivers"
)

// maxLen is the longest text a virtual scanner takes, in bytes, as for a
// serial one.
const maxLen = 512

// Scanner is a scanner without hardware. Whoever holds it scans with Scan.
type Scanner struct {
	config drivers.Config
	env    drivers.Env

	mu       sync.Mutex
	reporter drivers.Reporter // nil while it does not run
}

// ScannerSpec is the driver "virtual" of scanners. It has no keys.
func ScannerSpec() drivers.Spec {
	return drivers.Spec{Name: "virtual", Kind: agent.KindScanner, Help: "no scanner: codes are typed or pasted on the register's page",
		New: func(c drivers.Config, _ *drivers.Values, e drivers.Env) (drivers.Device, error) {
			return &Scanner{config: c, env: e}, nil
		}}
}

// Run implements drivers.Device: it is ready until ctx ends.
func (s *Scanner) Run(ctx context.Context, r drivers.Reporter) error {
	s.attach(r)
	defer s.attach(nil)
	r.Ready()
	<-ctx.Done()
	return fmt.Errorf("virtual scanner %s: %w", s.config.ID, ctx.Err())
}

func (s *Scanner) attach(r drivers.Reporter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reporter = r
}

// Scan delivers text as a scan, under the rules for a frame from a serial line:
// 1 to 512 bytes of what a code may contain, with or without an AIM identifier.
func (s *Scanner) Scan(text string) error {
	s.mu.Lock()
	r := s.reporter
	s.mu.Unlock()
	if r == nil {
		return s.fail(agent.Unavailable, "device.stopped", "the scanner of this lane is not running: wait until it is ready")
	}
	clean, symbology, ok := drivers.CleanText([]byte(text), drivers.AIMAuto, false)
	if !ok || len(text) > maxLen {
		r.Count("garbage")
		return s.fail(agent.Invalid, "device.text", fmt.Sprintf("this cannot be a code: give 1 to %d printable ASCII characters", maxLen))
	}
	r.Count("scan")
	s.env.Sink(agent.Scan{Lane: s.config.Lane, Device: s.config.ID, Text: agent.NewPayCode(clean), Symbology: symbology, At: s.env.Clock.Mono()})
	return nil
}

func (s *Scanner) fail(class agent.Class, id, say string) error {
	return &agent.Error{Op: "scan on " + s.config.ID, Class: class, Code: agent.CodeState, Say: agent.Sentence{ID: id, English: say}}
}

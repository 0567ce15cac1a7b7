package qr

import "fmt"

// Limits for a small panel read by phones at arm's length. Up to
// ShortPayload bytes level Q stays within version 4, which the Alipay+ merchant
// code guideline asks for; an EMV code never gets there, so it trades
// correction for larger modules.
const (
	ShortPayload    = 46  // bytes
	MaxPanelPayload = 300 // bytes
	MaxPanelVersion = 13
)

// Recommend gives the level for a payload on a counter display: Q up to
// ShortPayload bytes, M up to MaxPanelPayload, beyond that ErrTooLong.
func Recommend(payload string) (Level, error) {
	switch n := len(payload); {
	case n <= ShortPayload:
		return Q, nil
	case n <= MaxPanelPayload:
		return M, nil
	default:
		return M, fmt.Errorf("%w: %d bytes, a small panel shows %d at most; use a shorter code or print it", ErrTooLong, n, MaxPanelPayload)
	}
}

// FitsPanel refuses, with ErrTooLong, a symbol whose modules would be too
// small to read on a small panel (more than MaxPanelVersion).
func (m Matrix) FitsPanel() error {
	if m.version > MaxPanelVersion {
		return fmt.Errorf("%w: version %d at level %s, a small panel shows %d at most; use a lower level or a shorter code", ErrTooLong, m.version, m.level, MaxPanelVersion)
	}
	return nil
}

// ForPanel renders payload at the recommended level and refuses what a small
// panel cannot show. The errors are those of Encode.
func ForPanel(payload string) (Matrix, error) {
	level, err := Recommend(payload)
	if err != nil {
		return Matrix{}, err
	}
	m, err := Encode(payload, level)
	if err != nil {
		return Matrix{}, err
	}
	if err := m.FitsPanel(); err != nil {
		return Matrix{}, err
	}
	return m, nil
}

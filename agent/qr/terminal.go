package qr

import "strings"

// HalfBlocks draws the matrix with block characters, two rows of modules to a
// line, for a terminal with light text on a dark ground: what is printed is
// the light part. For install-time checks, not for customers.
func (m Matrix) HalfBlocks() string { return m.halfBlocks(false) }

// HalfBlocksOnLight is HalfBlocks for dark text on a light ground.
func (m Matrix) HalfBlocksOnLight() string { return m.halfBlocks(true) }

func (m Matrix) halfBlocks(inkIsDark bool) string {
	var b strings.Builder
	for y := 0; y < m.Size(); y += 2 {
		for x := range m.Size() {
			upper := m.At(x, y) == inkIsDark
			// The side is odd: below the last row there is no module at all.
			lower := y+1 < m.Size() && m.At(x, y+1) == inkIsDark
			switch {
			case upper && lower:
				b.WriteRune('█')
			case upper:
				b.WriteRune('▀')
			case lower:
				b.WriteRune('▄')
			default:
				b.WriteByte(' ')
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

//go:build faultfs

package faultfs

import "math/rand/v2"

// sector is the largest piece that a disk writes whole or not at all.
const sector = 512

// fate is how a disk treated the unsynced changes of one file.
type fate int

const (
	nothing    fate = iota // none of them reached it
	everything             // all did
	inOrder                // the first ones did, and a part of the next
	byChange               // each by itself, whole
	bySector               // each sector of each by itself
	fates
)

// dice decides what of the unsynced changes an image holds.
type dice struct {
	*rand.Rand
	garbage bool // some sectors that were being written hold neither old nor new
	fate    fate
	until   int // inOrder: the change that is torn
	chance  int // in 8, that a piece is there
}

func newDice(r *rand.Rand) *dice { return &dice{Rand: r, garbage: r.IntN(4) == 0} }

// names draws how many of a name's n unsynced changes are on the disk.
func (d *dice) names(n int) int {
	if n == 0 {
		return 0
	}
	return d.IntN(n + 1)
}

// file draws the fate of a file with n unsynced changes.
func (d *dice) file(n int) {
	d.fate, d.until, d.chance = fate(d.IntN(int(fates))), d.IntN(n), 1+d.IntN(7)
}

// change applies as much of an unsynced change as its fate allows.
func (d *dice) change(content []byte, i int, p *change) []byte {
	switch d.fate {
	case nothing:
		return content
	case everything:
		return p.on(content)
	case inOrder:
		if i < d.until {
			return p.on(content)
		}
		if i > d.until {
			return content
		}
	case byChange:
		if d.IntN(8) < d.chance {
			return p.on(content)
		}
		return content
	}
	if !p.write {
		if d.IntN(8) < d.chance {
			return p.on(content)
		}
		return content
	}
	return d.tear(content, p)
}

// tear applies some of a write's sectors. Bytes of a sector that the write does not
// cover keep their value: SQLite takes that for granted (powersafe overwrite), and
// disks of this century do it.
func (d *dice) tear(content []byte, p *change) []byte {
	if d.IntN(4) == 0 {
		// The new size reached the folder's records before the data.
		content = grow(content, p.at+int64(len(p.data)))
	}
	for from := 0; from < len(p.data); {
		at := p.at + int64(from)
		n := min(sector-int(at%sector), len(p.data)-from)
		piece := p.data[from : from+n]
		from += n
		switch {
		case d.IntN(8) < d.chance:
			content = put(content, at, piece)
		case d.garbage && d.IntN(4) == 0:
			content = d.spoil(grow(content, at+int64(n)), at, n)
		}
	}
	return content
}

func grow(content []byte, size int64) []byte {
	if int64(len(content)) < size {
		return resize(content, size)
	}
	return content
}

func (d *dice) spoil(content []byte, at int64, n int) []byte {
	var word uint64
	for i := range n {
		if i%8 == 0 {
			word = d.Uint64()
		}
		content[at+int64(i)] = byte(word >> (i % 8 * 8))
	}
	return content
}

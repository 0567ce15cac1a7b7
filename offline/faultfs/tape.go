//go:build faultfs

package faultfs

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
)

// The operations of a tape, with the numbers that they have in the log of shim.h.
const (
	opMark       = Delete + 1
	opSyncFailed = Delete + 2
	opNote       = Delete + 3
)

// op is one entry of the log.
type op struct {
	op     Op
	handle uint32
	at     int64  // offset, size after a truncation, number of a mark
	data   []byte // of a write or a note; the name of an open or a delete
	flag   bool   // open: created; sync, delete: the folder was synced
}

const entrySize = 32

// parse reads the log. The data stays where it is.
func parse(log []byte) ([]op, error) {
	var ops []op
	for at := 0; at < len(log); {
		if len(log)-at < entrySize {
			return nil, fmt.Errorf("the log ends inside the entry at %d", at)
		}
		e := log[at : at+entrySize]
		size := int(binary.NativeEndian.Uint64(e[16:]))
		at += entrySize
		if size < 0 || size > len(log)-at {
			return nil, fmt.Errorf("the entry before %d says it has %d bytes", at, size)
		}
		ops = append(ops, op{op: Op(binary.NativeEndian.Uint32(e)), handle: binary.NativeEndian.Uint32(e[4:]),
			at: int64(binary.NativeEndian.Uint64(e[8:])), data: log[at : at+size : at+size], flag: e[24] != 0})
		at += (size + 7) &^ 7
	}
	return ops, nil
}

// Tape is a finished recording. It never changes and may be used by any number of
// goroutines, each with a Cursor of its own.
type Tape struct {
	base  map[string][]byte
	ops   []op
	marks []any
	told  []int // how many marks stand before the operation of this number
	names []string
}

func newTape(base map[string][]byte, ops []op, marks []any) *Tape {
	t := &Tape{base: base, ops: ops, marks: marks, told: make([]int, len(ops)+1)}
	seen := map[string]bool{}
	for name, content := range base {
		if ofSQLite(name, content) {
			seen[name] = true
		}
	}
	for i, o := range ops {
		t.told[i+1] = t.told[i]
		switch o.op {
		case opMark:
			t.told[i+1]++
		case Open:
			seen[string(o.data)] = true
		}
	}
	t.names = sortedNames(seen)
	return t
}

// Len is the last point at which the power can be cut; 0 is the first, before any
// operation of the tape.
func (t *Tape) Len() int { return len(t.ops) }

// Notes returns, in order, what the watched file held before a cut: its content
// whenever SQLite's files were next written or synced. The caller must not change
// them.
func (t *Tape) Notes(cut int) (notes [][]byte) {
	for _, o := range t.ops[:cut] {
		if o.op == opNote {
			notes = append(notes, o.data)
		}
	}
	return notes
}

// Acked returns, in order, the marks that stand before a cut. The caller must not
// change them.
func (t *Tape) Acked(cut int) []any { return t.marks[:t.told[cut]:t.told[cut]] }

// Cuts draws n points at which the disk had something to lose or a promise was new:
// all of them, several times over if n exceeds them, evenly and in rising order, so
// that a cursor passes the tape once.
func (t *Tape) Cuts(n int, seed uint64) []int {
	var points []int
	for i, o := range t.ops {
		if o.op != Open || o.flag {
			points = append(points, i+1)
		}
	}
	if len(points) == 0 || n <= 0 {
		return nil
	}
	// A random start in each of n equal stretches: even, and different for each seed.
	random := rand.New(rand.NewPCG(seed, uint64(n)))
	cuts := make([]int, n)
	for i := range cuts {
		stretch := (i*len(points) + random.IntN(len(points))) / n
		cuts[i] = points[min(stretch, len(points)-1)]
	}
	return cuts
}

// Image builds one image. It passes the tape from its beginning; a campaign uses a
// Cursor.
func (t *Tape) Image(cut int, seed uint64, into string, keep ...string) (acked []any, err error) {
	c := t.Cursor()
	c.Seek(cut)
	return c.Image(seed, into, keep...)
}

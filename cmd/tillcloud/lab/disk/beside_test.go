//go:build faultfs

package disk_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"tillwire/cmd/tillcloud/lab"
)

// witnessFile is the store's witness. The agent never syncs it while it runs, so a
// power cut leaves of it whatever it held at some moment before, spoilt or not; and
// the database of the same cut must be as far as the latest of them.
const witnessFile = "witness"

// witness chooses what a cut leaves of the witness; nil is nothing.
func (c *cutting) witness(i, cut int) []byte {
	notes := c.film.tape.Notes(cut)
	if len(notes) == 0 {
		return nil
	}
	dice := lab.NewDice("C1 witness", c.seed*1000+uint64(i))
	note := notes[len(notes)-1]
	if dice.Chance(2) {
		note = lab.Pick(dice, notes...)
	}
	if len(note) == 0 || !dice.Chance(10) {
		return note
	}
	spoilt := slices.Clone(note)
	if dice.Chance(2) {
		return spoilt[:dice.IntN(len(spoilt))]
	}
	clear(spoilt[dice.IntN(len(spoilt)):])
	return spoilt
}

// layWitness puts it beside an image.
func layWitness(home string, note []byte) error {
	path := filepath.Join(home, witnessFile)
	if note == nil {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	return os.WriteFile(path, note, 0o600)
}

package offline

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"tillwire/agent"
)

// machineKey is the row of meta that holds the marks of the machines this store knows.
const machineKey = "machine"

// recognise refuses everything offline on a machine that shares no part with those the
// store has run on: a disk that was copied would spend each code twice, once on each.
// Where the machine says nothing of itself, as long as its network card is not up, there
// is nothing to compare; a part that is new beside a known one is remembered.
func (w *writer) recognise() error {
	if len(w.s.opt.Machine) == 0 {
		return nil
	}
	stored, err := ask(w.conn, "SELECT value FROM meta WHERE key = '"+machineKey+"'")
	if err != nil {
		return err
	}
	var known, marks []string
	if len(stored) > 0 {
		known = strings.Fields(stored[0])
	}
	for _, part := range w.s.opt.Machine {
		// A serial number is nobody's business who gets a copy of the store.
		sum := sha256.Sum256([]byte("tillwire machine " + part))
		marks = append(marks, hex.EncodeToString(sum[:8]))
	}
	here := slices.ContainsFunc(marks, func(m string) bool { return slices.Contains(known, m) })
	if len(known) > 0 && !here {
		if err := w.notice(agent.Problem{ID: "problem.machine", What: "The store was last used on another machine.", Since: w.s.opt.Clock.Now(),
			Do: "If the disk was moved, compare the wallets' bills with the payments listed here and say so on the owner's page. If it was copied, stop one of the two machines now."}); err != nil {
			return err
		}
		if err := w.distrust(); err != nil {
			return err
		}
		known = nil
	}
	both := slices.Compact(slices.Sorted(slices.Values(append(known, marks...))))
	if slices.Equal(both, known) {
		return nil
	}
	_, err = w.conn.Exec(setMeta, values(machineKey, strings.Join(both, " ")))
	return err
}

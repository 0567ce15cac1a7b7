package offline

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"tillwire/agent"
)

// The witness is a small file that says how far the journal had come: incarnation,
// number and hash of the last row. It is never synced while the agent runs, so after
// a power cut it is behind the database or level with it. A database that is behind
// its witness, or tells another story at that row, is an older one that somebody put
// back, or another terminal's.
const (
	witnessEvery = time.Second // at most; the end of a busy time is noted when it is over
	witnessSize  = 256         // one piece of a disk, so that a note is there whole
	witnessMark  = "tillwire-witness-1"
)

type witness struct {
	incarnation string
	seq         int64
	hash        [32]byte
	at          time.Time // wall clock
}

func (n witness) encode() []byte {
	line := fmt.Sprintf("%s %s %d %x %d", witnessMark, n.incarnation, n.seq, n.hash, n.at.UnixNano())
	line = fmt.Sprintf("%s %08x", line, crc32.ChecksumIEEE([]byte(line)))
	return fmt.Appendf(nil, "%-*s\n", witnessSize-1, line)
}

// readWitness answers false when there is no witness, or one that a power cut spoilt.
func readWitness(path string) (n witness, ok bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return n, false
	}
	fields := strings.Fields(string(text))
	if len(fields) != 6 || fields[0] != witnessMark {
		return n, false
	}
	sum := crc32.ChecksumIEEE([]byte(strings.Join(fields[:5], " ")))
	if fields[5] != fmt.Sprintf("%08x", sum) {
		return n, false
	}
	hash, err := hex.DecodeString(fields[3])
	if err != nil || len(hash) != len(n.hash) {
		return n, false
	}
	at, err := strconv.ParseInt(fields[4], 10, 64)
	if err != nil {
		return n, false
	}
	n = witness{incarnation: fields[1], hash: [32]byte(hash), at: fromNano(at)}
	n.seq, err = strconv.ParseInt(fields[2], 10, 64)
	return n, err == nil
}

// emptied reports that a file without a byte in it once was a journal.
func (s *Store) emptied(path string, log bool) error {
	info, err := os.Stat(path)
	if log || err != nil || info.Size() > 0 {
		return nil
	}
	if n, ok := readWitness(s.opt.Witness); ok && n.seq > 0 {
		return fmt.Errorf("%w: the file is empty, and had %d entries", errDamaged, n.seq)
	}
	return nil
}

// confront compares the database with its witness. What does not fit together
// begins a new incarnation, and the owner is told; selling goes on, because order
// numbers are random.
func (w *writer) confront() error {
	s := w.s
	ids, err := ask(w.conn, "SELECT value FROM meta WHERE key = 'incarnation'")
	if err != nil {
		return err
	}
	s.incarnation = ids[0]
	seq, _, err := readHead(w.conn)
	if err != nil {
		return err
	}
	n, ok := readWitness(s.opt.Witness)
	if !ok {
		return w.unaccompanied(seq)
	}
	known, err := ask(w.conn, `SELECT lower(hex(hash)) FROM journal WHERE seq = ?1
		UNION ALL SELECT lower(hex(h.value)) FROM meta a, meta h WHERE a.key = 'anchor' AND h.key = 'anchor_hash' AND a.value = ?1`, n.seq)
	if err != nil {
		return err
	}
	var id, why string
	entries, day := fmt.Sprint(n.seq), n.at.Format(time.DateTime)
	switch {
	case n.incarnation != s.incarnation:
		id, why = "problem.store_foreign", fmt.Sprintf("The data folder holds the store of another terminal or of another time: this terminal's own had %d entries on %s.", n.seq, n.at.Format(time.DateTime))
	case seq < n.seq:
		id, why = "problem.store_old", fmt.Sprintf("The store is older than this terminal: it has %d entries, and on %s there were %d. Payments since then are missing here.", seq, n.at.Format(time.DateTime), n.seq)
	case len(known) > 0 && known[0] != hex.EncodeToString(n.hash[:]):
		id, why = "problem.store_forked", fmt.Sprintf("The store tells another story than this terminal wrote up to %s (entry %d): it comes from a copy that went its own way.", n.at.Format(time.DateTime), n.seq)
	default:
		return nil
	}
	now := s.opt.Clock.Now()
	// Told before it is put right: after that nobody could find it a second time.
	if err := w.notice(agent.Problem{What: why, Since: now, ID: id, Args: []string{entries, day, fmt.Sprint(seq)},
		Do: "Compare the wallets' bills with the payments listed here and tell the office. Put stores back with the restore command only."}); err != nil {
		return err
	}
	if s.incarnation, err = renew(w.conn, agent.Audit{At: now, Actor: "tillwire", Action: "store.rolled_back", Object: fmt.Sprint(seq), Detail: why}); err != nil {
		return err
	}
	// Or the next start would find the two apart once more.
	if err := dropWitness(s.opt.Dir, s.opt.Witness); err != nil {
		return err
	}
	s.opt.Log.Error("the store does not fit its witness", "comp", "store", "code", "store_rolled_back", "entries", seq, "witness", n.seq, "incarnation", s.incarnation)
	return nil
}

// unaccompanied notes that the witness of a store with entries is gone. One that is there and
// cannot be read was spoilt by a power cut; a store that was put back knows that.
func (w *writer) unaccompanied(seq int64) error {
	if _, err := os.Stat(w.s.opt.Witness); seq == 0 || !errors.Is(err, os.ErrNotExist) {
		return nil
	}
	back, err := ask(w.conn, "SELECT value FROM meta WHERE key = ?", putBackKey)
	if err != nil || len(back) > 0 {
		return err
	}
	w.s.alone = true
	w.s.opt.Log.Warn("the store has no witness", "comp", "store", "code", "store_no_witness", "entries", seq, "witness", w.s.opt.Witness)
	return nil
}

// WitnessMissing reports that the witness of this store was gone when the store was
// opened: whether it is an older one that somebody put back cannot be told.
func (s *Store) WitnessMissing() bool { return s.alone }

// witnessed is the signal that there is something to note.
func (s *Store) witnessed() {
	select {
	case s.headed <- struct{}{}:
	default:
	}
}

// keepWitness notes how far the journal has come until the store closes.
func (s *Store) keepWitness(ctx context.Context) {
	var f *os.File
	var noted time.Duration
	any := false
	for {
		select {
		case <-ctx.Done():
			err := s.note(&f)
			if f != nil {
				// The last note is durable: a clean stop is when disks are copied.
				err = errors.Join(err, f.Sync(), f.Close())
			}
			s.unwitnessed(err)
			return
		case <-s.headed:
		}
		now := s.opt.Clock.Mono()
		if any && now-noted < witnessEvery {
			continue
		}
		noted, any = now, true
		s.unwitnessed(s.note(&f))
	}
}

// unwitnessed tells the owner while no witness can be kept: without one, nobody finds
// out that an older store was put back.
func (s *Store) unwitnessed(err error) {
	s.mu.Lock()
	was := s.blind
	switch {
	case err == nil:
		s.blind = nil
	case was == nil:
		s.blind = &agent.Problem{Since: s.opt.Clock.Now(), ID: "problem.witness", Args: []string{s.opt.Witness, err.Error()}, What: fmt.Sprintf("The store's witness %s cannot be written: %v. An older store that is put back would not be noticed.", s.opt.Witness, err),
			Do: "Let the agent's user write that file and its folder, or free space on its disk. Selling goes on meanwhile."}
	}
	s.mu.Unlock()
	if err != nil && was == nil {
		s.opt.Log.Warn("the witness of the store was not written", "comp", "store", "code", "store_witness", "err", err)
	}
}

// note writes what is published, which is durable. It opens the file when that is
// still to be done.
func (s *Store) note(f **os.File) (err error) {
	if *f == nil {
		if *f, err = os.OpenFile(s.opt.Witness, os.O_CREATE|os.O_RDWR, 0o600); err != nil {
			*f = nil
			return err
		}
	}
	s.mu.RLock()
	n := witness{s.incarnation, s.state.seq, s.state.head, s.opt.Clock.Now()}
	s.mu.RUnlock()
	if n.seq == 0 {
		return nil
	}
	_, err = (*f).WriteAt(n.encode(), 0)
	return err
}

// dropWitness is for a store that is replaced on purpose. The witness may lie in a
// folder of its own, which is synced here: it must not come back after a power cut.
func dropWitness(dir, path string) error {
	if path == "" {
		path = filepath.Join(dir, witnessName)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return folderError(filepath.Dir(path), err)
	}
	if err := syncDir(filepath.Dir(path)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return folderError(filepath.Dir(path), err)
	}
	return nil
}

package offline

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// A row bears the time that the clock said when it was written, right or wrong: a
// terminal without a battery may trade a morning long in 1970 before a time server is
// reached, and not every wallet refuses that. So retention does not go by it alone.
// While the clock is confirmed the store notes how far the journal has come, and what
// such a note of long ago does not cover is not old, whatever it says of itself.
const (
	vouchedKey = "vouched"      // of meta: a list of vouched as JSON, the oldest first
	vouchEvery = 12 * time.Hour // at most; a restart does not need another one
)

// vouched says that a row was in the journal at a time that was confirmed.
type vouched struct {
	Seq int64 `json:"seq"`
	At  int64 `json:"at"` // nanoseconds, wall clock
}

// vouch notes how far the journal has come, by a clock that is confirmed, and returns
// the last row that is known to be older than keep; 0 when none is.
func (s *Store) vouch(keep time.Duration) (seq int64, err error) {
	err = s.write("retention", func(b *batch) (err error) {
		seq, err = b.vouch(s.opt.Clock.Now(), keep)
		return err
	})
	return seq, err
}

func (b *batch) vouch(now time.Time, keep time.Duration) (seq int64, err error) {
	if err := b.flush(); err != nil {
		return 0, err
	}
	texts, err := ask(b.w.conn, "SELECT value FROM meta WHERE key = ?", vouchedKey)
	if err != nil {
		return 0, err
	}
	var list []vouched
	if len(texts) > 0 {
		if err := json.Unmarshal([]byte(texts[0]), &list); err != nil {
			b.w.s.opt.Log.Warn("how old the rows are cannot be read and is learnt anew", "comp", "store", "code", "store_vouched", "err", err)
			list = nil
		}
	}
	head, _, err := readHead(b.w.conn)
	if err != nil {
		return 0, err
	}
	list, seq = vouching(list, vouched{head, now.UnixNano()}, now.Add(-keep).UnixNano())
	text, err := json.Marshal(list)
	if err != nil {
		return 0, fmt.Errorf("retention: %w", err)
	}
	return seq, b.do(setMeta, vouchedKey, string(text))
}

// vouching adds a note, lets go those that nobody needs, and finds the last row that
// was there before a moment.
func vouching(list []vouched, now vouched, before int64) ([]vouched, int64) {
	// A time to come was not confirmed by anybody who knew.
	list = slices.DeleteFunc(list, func(v vouched) bool { return v.At > now.At })
	if len(list) == 0 || now.At-list[len(list)-1].At >= int64(vouchEvery) {
		list = append(list, now)
	}
	old := 0
	for old < len(list) && list[old].At < before {
		old++
	}
	if old == 0 {
		return list, 0
	}
	return list[old-1:], list[old-1].Seq
}

package offline

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"tillwire/agent"
)

// What befell the store itself must reach the owner although the agent finds it only
// once, perhaps at night and minutes before the next restart. Nobody can tick such a
// thing off, so it stays on the owner's page for a week, whatever restarts.
const (
	noticeKey = "noticed" // of meta: a list of problems as JSON
	noticeFor = 7 * 24 * time.Hour
)

// notice puts what this start has found, and what earlier starts did, before the
// owner. Only what is new is written: a disk that is full hinders no start.
func (w *writer) notice(found ...agent.Problem) error {
	s, now := w.s, w.s.opt.Clock.Now()
	list, err := w.noticed()
	if err != nil {
		return err
	}
	write := false
	for i := range list {
		if list[i].Since.After(now) { // by a clock that was wrong then, or is now
			list[i].Since, write = now, true
		}
	}
	list = slices.DeleteFunc(list, func(p agent.Problem) bool { return now.Sub(p.Since) > noticeFor })
	for _, p := range found {
		if !slices.ContainsFunc(list, func(q agent.Problem) bool { return p.What == q.What }) {
			list, write = append(list, p), true
		}
	}
	if write {
		text, err := json.Marshal(list)
		if err != nil {
			return fmt.Errorf("notice: %w", err)
		}
		if _, err := w.conn.Exec(setMeta, values(noticeKey, string(text))); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notices = list
	return nil
}

// noticed reads what earlier starts have put down. What cannot be read is let go:
// the journal has an entry of each as well.
func (w *writer) noticed() (list []agent.Problem, err error) {
	texts, err := ask(w.conn, "SELECT value FROM meta WHERE key = ?", noticeKey)
	if err != nil || len(texts) == 0 {
		return nil, err
	}
	if err := json.Unmarshal([]byte(texts[0]), &list); err != nil {
		w.s.opt.Log.Warn("earlier notices about the store cannot be read", "comp", "store", "code", "store_notices", "err", err)
		return nil, nil
	}
	return list, nil
}

package main

import (
	"encoding/json"
	"log/slog"
	"sync"

	"tillwire/agent/fleet"
)

// logRing keeps the last lines of the log in memory, so that the fleet's office
// can read them when a shop calls; the agent may not read the machine's journal.
// It is safe for concurrent use.
type logRing struct {
	mu    sync.Mutex
	lines [][]byte // oldest first
	bytes int
}

// ringBytes bounds what the ring keeps.
const ringBytes = 256 << 10

// Write implements io.Writer; slog writes one line at a time.
func (r *logRing) Write(line []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines, r.bytes = append(r.lines, append([]byte(nil), line...)), r.bytes+len(line)
	for r.bytes > ringBytes {
		r.bytes -= len(r.lines[0])
		r.lines = r.lines[1:]
	}
	return len(line), nil
}

// logTail is what log.tail answers.
type logTail struct {
	Lines []json.RawMessage `json:"lines"` // oldest first
	More  bool              `json:"more"`  // older ones that ask for, before the first of these, would bring
}

// tailBytes is how much a result may hold.
const tailBytes = 5 << 10

// tail answers the newest lines of a level or above that fit.
func (r *logRing) tail(q fleet.LogTail) (logTail, error) {
	least := slog.LevelInfo
	if q.Level != "" {
		if err := least.UnmarshalText([]byte(q.Level)); err != nil {
			return logTail{}, err
		}
	}
	room := tailBytes
	if q.KB > 0 {
		room = min(room, q.KB<<10)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var newest []json.RawMessage
	for i := len(r.lines) - 1; i >= 0; i-- {
		var head struct {
			Time  fleet.Stamp `json:"time"`
			Level slog.Level  `json:"level"`
		}
		line := r.lines[i]
		if json.Unmarshal(line, &head) != nil || head.Level < least || !q.Before.IsZero() && !head.Time.Before(q.Before.Time) {
			continue
		}
		if room -= len(line); room < 0 {
			return logTail{turned(newest), true}, nil
		}
		newest = append(newest, json.RawMessage(line))
	}
	return logTail{turned(newest), false}, nil
}

// turned is a list from its end to its beginning, never nil.
func turned(list []json.RawMessage) []json.RawMessage {
	back := []json.RawMessage{}
	for i := len(list) - 1; i >= 0; i-- {
		back = append(back, list[i])
	}
	return back
}

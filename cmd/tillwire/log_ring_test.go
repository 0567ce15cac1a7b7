package main

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"tillwire/agent/fleet"
)

// messages are the msg members of a tail, for comparing.
func (l logTail) messages() string {
	var all []string
	for _, line := range l.Lines {
		_, rest, _ := strings.Cut(string(line), `"msg":"`)
		word, _, _ := strings.Cut(rest, `"`)
		all = append(all, word)
	}
	return strings.Join(all, " ")
}

func TestTheNewestLinesOfTheLog(t *testing.T) {
	ring := &logRing{}
	level := new(slog.LevelVar)
	level.Set(slog.LevelDebug)
	log := newLog(ring, level, "CORNER")
	log.Debug("one")
	log.Warn("two")
	log.Info("three")
	log.Error("four")
	for _, c := range []struct {
		q    fleet.LogTail
		want string
		more bool
	}{
		{fleet.LogTail{}, "two three four", false},
		{fleet.LogTail{Level: "debug"}, "one two three four", false},
		{fleet.LogTail{Level: "warn"}, "two four", false},
		{fleet.LogTail{Before: fleet.At(time.Now().Add(-time.Hour))}, "", false},
		{fleet.LogTail{Before: fleet.At(time.Now().Add(time.Hour))}, "two three four", false},
	} {
		got, err := ring.tail(c.q)
		if err != nil || got.messages() != c.want || got.More != c.more {
			t.Errorf("%+v: %q, more %v, %v", c.q, got.messages(), got.More, err)
		}
	}
	for i := range 5000 {
		log.Info(fmt.Sprintf("line%04d", i), "detail", strings.Repeat("x", 300))
	}
	got, err := ring.tail(fleet.LogTail{KB: 1})
	if err != nil || got.messages() != "line4998 line4999" || !got.More {
		t.Errorf("of many lines: %q, more %v, %v", got.messages(), got.More, err)
	}
	if ring.bytes > ringBytes || len(ring.lines) < 500 {
		t.Errorf("the ring holds %d lines, %d bytes", len(ring.lines), ring.bytes)
	}
}

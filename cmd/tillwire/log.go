package main

import (
	"io"
	"log/slog"

	"tillwire/agent"
	"tillwire/agent/settings"
)

// newLog writes one JSON object a line, the form journald and fleet tools read.
// A payment code cannot appear in it: agent.PayCode tells its length only,
// whatever handler or verb asks.
func newLog(w io.Writer, level *slog.LevelVar, terminal string) *slog.Logger {
	h := slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})
	return slog.New(h).With("tid", terminal)
}

// logLevel obeys the setting log.level while the agent runs.
type logLevel struct{ level *slog.LevelVar }

// Verify implements settings.Subscriber; the table has checked the word.
func (l logLevel) Verify(settings.Values) error { return nil }

// Commit implements settings.Subscriber.
func (l logLevel) Commit(v settings.Values) agent.Effect {
	var level slog.Level
	if err := level.UnmarshalText([]byte(v.Text(settings.LogLevel))); err == nil {
		l.level.Set(level)
	}
	return agent.EffectLive
}

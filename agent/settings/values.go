package settings

import (
	"fmt"
	"time"

	"tillwire/agent"
)

// Values is every setting at one moment. It never changes.
type Values struct {
	read map[string]value
}

// Text returns the canonical text of a setting of any type. Asking for a key
// that the table does not have is a mistake of the program and panics, here and
// in the other getters.
func (v Values) Text(key string) string { return v.get(key).text }

// Duration returns a setting of type Duration.
func (v Values) Duration(key string) time.Duration { return v.get(key).duration }

// List returns a setting of type List.
func (v Values) List(key string) []time.Duration { return v.get(key).list }

// Int returns a setting of type Int.
func (v Values) Int(key string) int64 { return v.get(key).number }

// Bool returns a setting of type Bool.
func (v Values) Bool(key string) bool { return v.get(key).number != 0 }

// Lookup returns the canonical text of a setting; ok is false when the table has
// no such key.
func (v Values) Lookup(key string) (text string, ok bool) {
	val, ok := v.read[key]
	return val.text, ok
}

func (v Values) get(key string) value {
	val, ok := v.read[key]
	if !ok {
		panic("settings: no setting is called " + key)
	}
	return val
}

// Timers returns the waits of a wallet's protocol. A protocol without rows in
// the table has the defaults.
func (v Values) Timers(protocol string) agent.Timers {
	t := agent.DefaultTimers(protocol)
	if _, ok := v.read[protocol+"."+cadence]; !ok {
		return t
	}
	for _, row := range timerTable() {
		*row.field(&t) = v.Duration(protocol + "." + row.name)
	}
	t.Cadence = v.List(protocol + "." + cadence)
	return t
}

// KeepStart returns t with the waits that only a restart changes as they were at
// the start.
func KeepStart(t, start agent.Timers) agent.Timers {
	for _, row := range timerTable() {
		if AtStart(row.name) {
			*row.field(&t) = *row.field(&start)
		}
	}
	return t
}

// coherent checks what no single row can: waits that contradict each other
// would leave a payment without a way out.
func (v Values) coherent(protocols []string) error {
	for _, p := range protocols {
		t := v.Timers(p)
		for _, pair := range []struct {
			less, more string
			a, b       time.Duration
		}{
			{"connect", "pay", t.Connect, t.Pay},
			{"first_query", "give_up", t.FirstQuery, t.GiveUp},
			{"min_reverse", "reverse_window", t.MinReverse, t.ReverseWindow},
			{"give_up", "reverse_window", t.GiveUp, t.ReverseWindow},
			{"qr_poll", "qr_life", t.QRPoll, t.QRLife},
			{"retry", "retry_max", t.Retry, t.RetryMax},
		} {
			if pair.a > pair.b {
				less, more := p+"."+pair.less, p+"."+pair.more
				return &agent.Error{Op: "settings", Class: agent.Conflict, Code: agent.CodeUnreadable,
					Say: agent.Sentence{ID: "error.setting_order", Args: []string{less, more},
						English: fmt.Sprintf("%s (%s) may not be longer than %s (%s). Change both together.", less, FormatDuration(pair.a), more, FormatDuration(pair.b))}}
			}
		}
	}
	return nil
}

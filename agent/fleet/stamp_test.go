package fleet

import (
	"encoding/json"
	"testing"
	"time"
)

// TestATimeThatIsReadCanBeWrittenAndReadAgain: a zone must not carry a time out of
// the years that have four digits.
func TestATimeThatIsReadCanBeWrittenAndReadAgain(t *testing.T) {
	for text, good := range map[string]bool{
		"2026-11-20T12:00:00.5+09:00":      true,
		"0001-01-01T00:00:00Z":             true,
		"9999-12-31T23:59:59.999Z":         true,
		"9999-12-31T23:59:59-01:00":        false,
		"9999-12-31T23:59:59.999999-00:01": false,
		"0001-01-01T00:00:00+01:00":        false,
		"0000-06-01T00:00:00Z":             false,
		"0000-01-01T00:00:00+01:00":        false,
		"10000-01-01T00:00:00Z":            false,
		"yesterday":                        false,
	} {
		var s, again Stamp
		err := json.Unmarshal([]byte(`"`+text+`"`), &s)
		if (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
		if err != nil {
			continue
		}
		raw, err := json.Marshal(s)
		if err == nil {
			err = json.Unmarshal(raw, &again)
		}
		if err != nil || !again.Equal(s.Truncate(time.Millisecond)) {
			t.Errorf("%s is written as %s and read as %s: %v", text, raw, again, err)
		}
	}
	if raw, err := json.Marshal(Stamp{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}); err == nil {
		t.Errorf("a time that nobody could read is written as %s", raw)
	}
}

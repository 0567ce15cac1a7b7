package drivers

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func testKeys() []Key {
	return []Key{{Name: "path"}, {Name: "baud", Default: "9600"}, {Name: "dedupe", Default: "1500"}, {Name: "utf8", Default: "off"}}
}

func TestValuesTakeWhatTOMLYields(t *testing.T) {
	v, err := NewValues(map[string]any{"path": " /dev/x ", "baud": int64(115200), "utf8": true, "dedupe": "1.5s"}, testKeys())
	if err != nil {
		t.Fatal(err)
	}
	if got := v.Text("path"); got != "/dev/x" {
		t.Errorf("path %q", got)
	}
	if got := v.Int("baud", 300, 1_000_000); got != 115200 {
		t.Errorf("baud %d", got)
	}
	if !v.Bool("utf8") || v.Millis("dedupe", time.Minute) != 1500*time.Millisecond || v.Err() != nil {
		t.Errorf("utf8, dedupe or error wrong: %v", v.Err())
	}
	lists, err := NewValues(map[string]any{"path": []any{"CR", int64(3)}}, testKeys())
	if err != nil || lists.Text("path") != "CR,3" {
		t.Errorf("a list reads %q, %v", lists.Text("path"), err)
	}
}

func TestValuesKeepTheDefaults(t *testing.T) {
	v, err := NewValues(nil, testKeys())
	if err != nil || v.Int("baud", 300, 1_000_000) != 9600 || v.Millis("dedupe", time.Minute) != 1500*time.Millisecond {
		t.Errorf("defaults are not kept: %v", err)
	}
}

func TestValuesNameTheNearestKey(t *testing.T) {
	_, err := NewValues(map[string]any{"buad": 9600}, testKeys())
	var key *KeyError
	if !errors.As(err, &key) || key.Key != "buad" || key.Nearest != "baud" {
		t.Errorf("error %v", err)
	}
}

func TestValuesRefuseWhatIsNoValue(t *testing.T) {
	if _, err := NewValues(map[string]any{"baud": map[string]any{}}, testKeys()); err == nil {
		t.Error("a table passed for a value")
	}
	if _, err := NewValues(map[string]any{"baud": 9600.5}, testKeys()); err == nil {
		t.Error("a fraction passed for a value")
	}
}

// A driver reads all its keys and checks once: what is reported is the first
// mistake, not the last.
func TestValuesReportTheFirstMistake(t *testing.T) {
	v, err := NewValues(map[string]any{"baud": "fast", "utf8": "maybe"}, testKeys())
	if err != nil {
		t.Fatal(err)
	}
	v.Int("baud", 300, 115200)
	v.Bool("utf8")
	if err := v.Err(); err == nil || !strings.Contains(err.Error(), "baud") {
		t.Errorf("error %v", err)
	}
}

func TestNearest(t *testing.T) {
	known := []string{"aim", "baud", "dedupe", "idle_gap", "max_len", "max_length"}
	for word, want := range map[string]string{"max": "max_len", "MAX_LENG": "max_length", "idle": "idle_gap", "de": "dedupe", "": "", "idle-gap": "idle_gap", "IDLE_GAP": "idle_gap", "deduplicate": "dedupe", "aims": "aim", "zzzzzz": ""} {
		if got := Nearest(word, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

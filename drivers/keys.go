package drivers

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"
)

// Key describes one configuration key of a driver or profile.
type Key struct {
	Name    string
	Default string // as it would be written
	Help    string // one line: meaning, unit, bounds
}

// KeyError is a configuration value that cannot be used. Key is empty when
// the driver or profile name itself is wrong.
type KeyError struct {
	What    string // "scanner driver", "profile", "key", …, or "value"
	Key     string // the key as it was written
	Value   string // the value as it was written, if that is what is wrong
	Reason  string // what would be right
	Nearest string // the known name that looks most like it; may be empty
}

// Error implements error.
func (e *KeyError) Error() string {
	if e.What == "value" {
		return fmt.Sprintf("%s = %q: %s", e.Key, e.Value, e.Reason)
	}
	msg := fmt.Sprintf("unknown %s %q", e.What, e.Key)
	if e.Nearest != "" {
		msg += fmt.Sprintf(": did you mean %q?", e.Nearest)
	}
	if e.Reason != "" {
		msg += " (" + e.Reason + ")"
	}
	return msg
}

// Unknown returns the error for a name that is not among known, naming the
// nearest of them.
func Unknown(what, name string, known []string) *KeyError {
	sorted := append([]string(nil), known...)
	sort.Strings(sorted)
	return &KeyError{What: what, Key: name, Nearest: Nearest(name, sorted),
		Reason: "known: " + strings.Join(sorted, ", ")}
}

// Nearest returns the shortest known word that begins with word, else the one
// with the smallest edit distance to it, or "" when none is near enough to be
// what was meant.
func Nearest(word string, known []string) string {
	word = strings.ToLower(word)
	// Whoever writes the first half of a key is far from it by distance, and
	// nearer to some other short word.
	best := ""
	for _, k := range known {
		if len(word) > 1 && strings.HasPrefix(k, word) && (best == "" || len(k) < len(best)) {
			best = k
		}
	}
	if best != "" {
		return best
	}
	bestDistance := len(word)/2 + 2
	for _, k := range known {
		if d := distance(word, k); d < bestDistance {
			best, bestDistance = k, d
		}
	}
	return best
}

// distance is the Levenshtein distance in bytes; keys are ASCII.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			diagonal, row[j] = row[j], min(row[j]+1, row[j-1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

// Values holds the keys of one device as text, the form that a configuration
// file and a command line have in common, and remembers the first mistake so
// that a driver reads all its keys and checks once.
type Values struct {
	set map[string]string
	err error
}

// NewValues takes the keys that were written, refusing any that is not known.
// Values may be strings, integers, booleans or lists of strings, as a TOML
// decoder yields them.
func NewValues(written map[string]any, known []Key) (*Values, error) {
	names := make([]string, len(known))
	v := &Values{set: make(map[string]string, len(known))}
	for i, k := range known {
		names[i] = k.Name
		v.set[k.Name] = k.Default
	}
	for _, name := range sortedNames(written) {
		if _, ok := v.set[name]; !ok {
			return nil, Unknown("key", name, names)
		}
		text, err := asText(name, written[name])
		if err != nil {
			return nil, err
		}
		v.set[name] = text
	}
	return v, nil
}

func sortedNames(m map[string]any) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	sort.Strings(names) // the same mistake is reported first every time
	return names
}

func asText(key string, value any) (string, error) {
	switch x := value.(type) {
	case string:
		return x, nil
	case bool:
		return strconv.FormatBool(x), nil
	case int:
		return strconv.Itoa(x), nil
	case int64:
		return strconv.FormatInt(x, 10), nil
	case []string:
		return strings.Join(x, ","), nil
	case []any:
		parts := make([]string, len(x))
		for i, item := range x {
			part, err := asText(key, item)
			if err != nil {
				return "", err
			}
			parts[i] = part
		}
		return strings.Join(parts, ","), nil
	}
	return "", &KeyError{What: "value", Key: key, Value: fmt.Sprint(value), Reason: "must be text, a whole number, true or false"}
}

// Err returns the first mistake found by the readers below.
func (v *Values) Err() error { return v.err }

// Fail records a mistake about key, if it is the first.
func (v *Values) Fail(key, reason string) {
	if v.err == nil {
		v.err = &KeyError{What: "value", Key: key, Value: v.set[key], Reason: reason}
	}
}

// Text returns the value of key as written, without surrounding spaces.
func (v *Values) Text(key string) string { return strings.TrimSpace(v.set[key]) }

// Raw returns the value of key exactly as written, for values in which white
// space means something.
func (v *Values) Raw(key string) string { return v.set[key] }

// Int returns the value of key as a whole number from low to high.
func (v *Values) Int(key string, low, high int) int {
	n, err := strconv.Atoi(v.Text(key))
	if err != nil || n < low || n > high {
		v.Fail(key, fmt.Sprintf("must be a whole number from %d to %d", low, high))
		return low
	}
	return n
}

// Bool returns the value of key: true or false, on or off, yes or no, 1 or 0.
func (v *Values) Bool(key string) bool {
	switch strings.ToLower(v.Text(key)) {
	case "true", "on", "yes", "1":
		return true
	case "false", "off", "no", "0", "":
		return false
	}
	v.Fail(key, "must be true or false")
	return false
}

// Millis returns the value of key as a duration up to limit. A bare number is
// milliseconds; a Go duration such as "1.5s" is understood too.
func (v *Values) Millis(key string, limit time.Duration) time.Duration {
	text := v.Text(key)
	if _, err := strconv.Atoi(text); err == nil {
		text += "ms"
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > limit {
		v.Fail(key, fmt.Sprintf("must be milliseconds from 0 to %d", limit.Milliseconds()))
		return 0
	}
	return d
}

// Choice returns the value of key, which must be one of the choices.
func (v *Values) Choice(key string, choices ...string) string {
	text := strings.ToLower(v.Text(key))
	for _, c := range choices {
		if strings.ToLower(c) == text {
			return c
		}
	}
	v.Fail(key, "must be one of "+strings.Join(choices, ", "))
	return choices[0]
}

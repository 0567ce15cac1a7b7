package settings

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"tillwire/agent"
)

// Type is what kind of value a setting has; it decides the field on the page
// and how the text is read.
type Type string

// The types. The canonical text of each is what Entry.Read returns.
const (
	Duration Type = "duration" // "1.5s", "2m", "7d"
	List     Type = "list"     // durations separated by commas: "5s, 5s, 10s"
	Int      Type = "int"
	Bool     Type = "bool" // "true" or "false"
	Text     Type = "text"
	Choice   Type = "choice" // one of Entry.Choices
	Caps     Type = "caps"   // "CNY 200 500 5000 2500; JPY 4000 …", see readCaps
)

// Who may change a setting.
type Who string

// The doors a change comes through. Somebody at the terminal's own command line
// counts as the owner: whoever may write its files could do more than that.
const (
	Owner Who = "owner"
	Fleet Who = "fleet"
)

// Entry is one row of the table.
type Entry struct {
	Key     string       `json:"key"`
	Title   string       `json:"title"`
	Help    string       `json:"help"` // what it does and what a wrong value costs
	Type    Type         `json:"type"`
	Default string       `json:"default"` // canonical text
	Min     int64        `json:"-"`       // Duration and List: nanoseconds. Text: characters
	Max     int64        `json:"-"`
	Choices []string     `json:"choices,omitempty"`
	Who     []Who        `json:"who"`
	Effect  agent.Effect `json:"effect"`
}

// value is a setting's text and what it says.
type value struct {
	text     string
	duration time.Duration
	list     []time.Duration
	number   int64
	caps     map[agent.Currency]agent.OfflineCap
}

// listMax bounds a list: a cadence longer than this is a typing mistake.
const listMax = 16

// Read checks a text against the entry and returns it in its canonical form.
// The error says what is allowed.
func (e Entry) Read(text string) (canonical string, err error) {
	v, err := e.read(text)
	return v.text, err
}

func (e Entry) read(text string) (value, error) {
	text = strings.TrimSpace(text)
	switch e.Type {
	case Duration:
		d, err := e.readDuration(text)
		return value{text: FormatDuration(d), duration: d}, err
	case List:
		return e.readList(text)
	case Int:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < e.Min || n > e.Max {
			return value{}, e.refuse(text, "a whole number from "+e.Range())
		}
		return value{text: strconv.FormatInt(n, 10), number: n}, nil
	case Bool:
		switch strings.ToLower(text) {
		case "true", "on", "yes":
			return value{text: "true", number: 1}, nil
		case "false", "off", "no":
			return value{text: "false"}, nil
		}
		return value{}, e.refuse(text, "true or false")
	case Caps:
		return e.readCaps(text)
	case Choice:
		for _, c := range e.Choices {
			if strings.EqualFold(c, text) {
				return value{text: c}, nil
			}
		}
		return value{}, e.refuse(text, e.Range())
	}
	if n := int64(len([]rune(text))); n < e.Min || n > e.Max {
		return value{}, e.refuse(text, "a text of "+e.Range())
	}
	for _, r := range text {
		if r < ' ' || r == 0x7f {
			return value{}, e.refuse(text, "a text without control characters")
		}
	}
	return value{text: text}, nil
}

func (e Entry) readDuration(text string) (time.Duration, error) {
	d, err := ParseDuration(text)
	if err != nil || int64(d) < e.Min || int64(d) > e.Max {
		return 0, e.refuse(text, "a time from "+e.Range())
	}
	return d, nil
}

func (e Entry) readList(text string) (value, error) {
	var v value
	var texts []string
	for part := range strings.SplitSeq(text, ",") {
		d, err := e.readDuration(strings.TrimSpace(part))
		if err != nil {
			return value{}, e.refuse(text, "times separated by commas, each from "+e.Range())
		}
		v.list = append(v.list, d)
		texts = append(texts, FormatDuration(d))
	}
	if len(v.list) > listMax {
		return value{}, e.refuse(text, fmt.Sprintf("at most %d times", listMax))
	}
	v.text = strings.Join(texts, ", ")
	return v, nil
}

// Range says in words what is allowed: "1s to 30s", "en or zh".
func (e Entry) Range() string {
	switch e.Type {
	case Duration, List:
		return FormatDuration(time.Duration(e.Min)) + " to " + FormatDuration(time.Duration(e.Max))
	case Int:
		return fmt.Sprintf("%d to %d", e.Min, e.Max)
	case Bool:
		return "true or false"
	case Choice:
		return strings.Join(e.Choices, " or ")
	}
	return fmt.Sprintf("%d to %d characters", e.Min, e.Max)
}

func (e Entry) refuse(text, want string) error {
	return &agent.Error{Op: "setting " + e.Key, Class: agent.Invalid, Code: agent.CodeUnreadable,
		Say: agent.Sentence{ID: "error.setting_value", Args: []string{e.Key, text, want},
			English: fmt.Sprintf("%q is not possible for %s. It takes %s; the default is %q.", text, e.Key, want, e.Default)}}
}

// ParseDuration reads "1.5s", "2m", "1h30m" and, beyond Go's own units, days: "7d".
func ParseDuration(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseInt(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err
	}
	return time.ParseDuration(text)
}

// FormatDuration writes a duration as a person would: "90s", "2m", "7d", with
// the largest unit that divides it.
func FormatDuration(d time.Duration) string {
	units := []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}, {time.Millisecond, "ms"}}
	for _, u := range units {
		// One day or one minute alone reads better in the smaller unit people set it in.
		if d != 0 && d%u.size == 0 && (d/u.size > 1 || u.size < time.Minute) {
			return strconv.FormatInt(int64(d/u.size), 10) + u.name
		}
	}
	return d.String()
}

package national

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"tillwire/agent/wallet/emvqr"
)

// complaints are what a scheme would object to, in sentences.
type complaints []string

func (c *complaints) add(format string, args ...any) {
	*c = append(*c, fmt.Sprintf(format, args...))
}

// rule says what one object of a template may hold.
type rule struct {
	id       string
	what     string // for the sentence: "bank number"
	required bool
	form     form
}

func (r rule) check(template emvqr.Object, c *complaints) {
	v := value(template, r.id)
	switch {
	case v == "" && r.required:
		c.add("%s.%s, the %s, is missing", template.ID, r.id, r.what)
	case v != "" && !r.form.fits(v):
		c.add("%s.%s, the %s, is not %s", template.ID, r.id, r.what, r.form.say)
	}
}

// form is a shape of a value.
type form struct {
	say  string
	fits func(string) bool
}

func digitsOf(least, most int) form {
	say := fmt.Sprintf("%d to %d digits", least, most)
	if least == most {
		say = fmt.Sprintf("%d digits", least)
	}
	return form{say, func(s string) bool { return len(s) >= least && len(s) <= most && digits(s) }}
}

func upTo(most int) form {
	return form{fmt.Sprintf("at most %d characters", most), func(s string) bool { return utf8.RuneCountInString(s) <= most }}
}

func exactly(n int) form {
	return form{fmt.Sprintf("%d characters", n), func(s string) bool { return utf8.RuneCountInString(s) == n }}
}

func oneOf(values ...string) form {
	return form{"one of " + strings.Join(values, ", "), func(s string) bool {
		for _, v := range values {
			if s == v {
				return true
			}
		}
		return false
	}}
}

func prefixed(prefix string, rest form) form {
	return form{prefix + " and " + rest.say, func(s string) bool {
		tail, ok := strings.CutPrefix(s, prefix)
		return ok && rest.fits(tail)
	}}
}

func withAt() form {
	return form{"an address of the form name@place", func(s string) bool {
		name, place, ok := strings.Cut(s, "@")
		return ok && name != "" && place != ""
	}}
}

// day is a date YYYYMMDD; the calendar is not consulted beyond its ranges.
func day() form {
	return form{"a date YYYYMMDD", func(s string) bool {
		return len(s) == 8 && digits(s) && "01" <= s[4:6] && s[4:6] <= "12" && "01" <= s[6:] && s[6:] <= "31"
	}}
}

func anything() form { return form{"", func(string) bool { return true }} }

func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func alphanumeric(s string) bool {
	for _, r := range s {
		if !('0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z') {
			return false
		}
	}
	return s != ""
}

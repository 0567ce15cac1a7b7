package wechat

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// kind is the type of a member.
type kind uint8

const (
	text  kind = iota
	whole      // an integer of at least min
	truth
	sub    // an object with members of its own
	listOf // of objects, at least one
	texts  // of strings
)

// field is one line of a request's table in the API v3 documentation. For text
// most is the longest it may be, in characters.
type field struct {
	name  string
	kind  kind
	need  bool
	most  int
	min   int64
	check func(string) bool
	in    []field
}

// check holds an object against its table and names the first offender.
// Unknown members are refused, as the real API refuses them.
func check(o object, fields []field, path string) *problem {
	known := map[string]bool{}
	for _, f := range fields {
		known[f.name] = true
		value, present := o[f.name]
		if !present {
			if f.need {
				return paramError(path+f.name, "is missing")
			}
			continue
		}
		if p := f.hold(value, path+f.name); p != nil {
			return p
		}
	}
	for name := range o {
		if !known[name] {
			return &problem{http.StatusBadRequest, "PARAM_ERROR", "The parameter " + path + name + " is not known.", "270924358",
				map[string]any{"field": path + name, "issue": "is not known", "location": "body"}}
		}
	}
	return nil
}

// hold holds one value against its line of the table.
func (f field) hold(value any, path string) *problem {
	switch f.kind {
	case text:
		return f.holdText(value, path)
	case whole:
		n, ok := value.(json.Number)
		if !ok {
			return paramError(path, "is not a number")
		}
		// Fractions and exponents fail here, which is right: amounts are whole fen.
		v, err := strconv.ParseInt(n.String(), 10, 64)
		if err != nil {
			return paramError(path, "is not a whole number")
		}
		if v < f.min {
			return paramError(path, "is less than "+strconv.FormatInt(f.min, 10))
		}
	case truth:
		if _, ok := value.(bool); !ok {
			return paramError(path, "is not true or false")
		}
	case sub:
		o, ok := value.(map[string]any)
		if !ok {
			return paramError(path, "is not an object")
		}
		return check(o, f.in, path+".")
	case listOf, texts:
		return f.holdList(value, path)
	}
	return nil
}

// holdText counts characters, not bytes: a Chinese description may be 127 long.
func (f field) holdText(value any, path string) *problem {
	s, ok := value.(string)
	switch {
	case !ok:
		return paramError(path, "is not a string")
	case s == "":
		return paramError(path, "is empty; leave the member out")
	case utf8.RuneCountInString(s) > f.most:
		return paramError(path, "is longer than "+strconv.Itoa(f.most)+" characters")
	case f.check != nil && !f.check(s):
		return paramError(path, "has a value that is not allowed")
	}
	return nil
}

// holdList refuses an empty list; the documentation wants the member left out.
func (f field) holdList(value any, path string) *problem {
	items, ok := value.([]any)
	if !ok || len(items) == 0 {
		return paramError(path, "is not a list of at least one")
	}
	inner := field{kind: sub, in: f.in}
	if f.kind == texts {
		inner = field{kind: text, most: f.most, check: f.check}
	}
	for i, item := range items {
		if p := inner.hold(item, path+"["+strconv.Itoa(i)+"]"); p != nil {
			return p
		}
	}
	return nil
}

// The grammars are those of the API v3 documentation.
var (
	orderNoGrammar  = regexp.MustCompile(`^[0-9A-Za-z_*-]{6,32}$`)
	refundNoGrammar = regexp.MustCompile(`^[0-9A-Za-z_|*@-]{1,64}$`)
	digitsGrammar   = regexp.MustCompile(`^[0-9]+$`)
	storeGrammar    = regexp.MustCompile(`^[0-9A-Za-z_-]+$`)
)

// The checks that a table may name. Each takes a text that is not empty.
func isOrderNo(s string) bool  { return orderNoGrammar.MatchString(s) }
func isRefundNo(s string) bool { return refundNoGrammar.MatchString(s) }
func isDigits(s string) bool   { return digitsGrammar.MatchString(s) }
func isStore(s string) bool    { return storeGrammar.MatchString(s) }
func isCNY(s string) bool      { return s == "CNY" }
func isTime(s string) bool     { _, err := time.Parse(time.RFC3339, s); return err == nil }

func isAddress(s string) bool { _, err := netip.ParseAddr(s); return err == nil }

// isNotify holds for what API v3 takes as a notify_url: https, a host, no query.
func isNotify(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "https" && u.Host != "" && !strings.ContainsAny(s, "?#")
}

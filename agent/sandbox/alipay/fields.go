package alipay

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// kind is the type of a member of biz_content.
type kind uint8

const (
	text  kind = iota
	price      // yuan with at most two decimals, as a string or a number
	list       // of anything
	open       // an object whose members nobody here looks at
	goods      // a list of objects with members of their own
)

// field is one line of a request's table. most is the longest it may be, in
// characters.
type field struct {
	name  string
	kind  kind
	need  bool
	most  int
	check func(string) bool
	in    []field
}

// check holds an object against its table and names the first offender. The real
// gateway ignores members that it does not know; this one refuses them, because
// what a client misspells is a promise that nobody keeps.
func check(o object, fields []field, path string) *problem {
	known := map[string]bool{}
	for _, f := range fields {
		known[f.name] = true
		value, present := o[f.name]
		if !present || value == "" {
			if f.need {
				return badContent(path+f.name, "is missing")
			}
			continue
		}
		if bad := f.hold(value, path+f.name); bad != nil {
			return bad
		}
	}
	for name := range o {
		if !known[name] {
			return badContent(path+name, "is not known")
		}
	}
	return nil
}

// hold checks one value.
func (f field) hold(value any, path string) *problem {
	if _, number := value.(json.Number); number && f.kind == price {
		value = value.(json.Number).String()
	}
	switch f.kind {
	case list, goods:
		items, ok := value.([]any)
		if !ok || len(items) == 0 {
			return badContent(path, "must be a list with something in it")
		}
		for i, item := range items {
			o, ok := item.(map[string]any)
			if f.kind == list {
				continue
			}
			if !ok {
				return badContent(path, "must be a list of objects")
			}
			if bad := check(o, f.in, fmt.Sprintf("%s[%d].", path, i)); bad != nil {
				return bad
			}
		}
		return nil
	case open:
		if _, ok := value.(map[string]any); !ok {
			return badContent(path, "must be an object")
		}
		return nil
	}
	s, ok := value.(string)
	switch {
	case !ok:
		return badContent(path, "must be a string")
	case f.kind == price:
		if fen, good := parseYuan(s); !good || fen < 1 || fen > 100_000_000_00 {
			return badContent(path, "must be an amount of yuan with at most two decimals, 0.01 to 100000000")
		}
	case utf8.RuneCountInString(s) > f.most:
		return badContent(path, "is longer than "+strconv.Itoa(f.most))
	case f.check != nil && !f.check(s):
		return badContent(path, "has a value that is not allowed")
	}
	return nil
}

// The grammars of values.
var (
	tradeNoGrammar = regexp.MustCompile(`^[0-9A-Za-z_]+$`)
	requestGrammar = regexp.MustCompile(`^[0-9A-Za-z_-]+$`)
	expressGrammar = regexp.MustCompile(`^([1-9][0-9]{0,4}[mhd]|1c)$`)
	priceGrammar   = regexp.MustCompile(`^(0|[1-9][0-9]{0,8})(\.[0-9]{1,2})?$`)
)

func isTradeNo(s string) bool { return tradeNoGrammar.MatchString(s) }
func isRequest(s string) bool { return requestGrammar.MatchString(s) }
func isBarCode(s string) bool { return s == "bar_code" }
func isCNY(s string) bool     { return s == "CNY" }
func isBill(s string) bool    { return s == "trade" || s == "signcustomer" }

func isProduct(s string) bool { return s == "FACE_TO_FACE_PAYMENT" || s == "QR_CODE_OFFLINE" }

// isSubject holds for what the documentation allows of a subject.
func isSubject(s string) bool { return !strings.ContainsAny(s, "/=&") }

// isExpress holds for 1m to 15d, and 1c for the end of the day.
func isExpress(s string) bool {
	life, ok := express(s, time.Time{})
	return ok && life <= 15*24*time.Hour
}

// express is how long timeout_express gives an order, seen from now.
func express(s string, now time.Time) (time.Duration, bool) {
	if !expressGrammar.MatchString(s) {
		return 0, false
	}
	if s == "1c" {
		local := now.In(china)
		return time.Date(local.Year(), local.Month(), local.Day()+1, 0, 0, 0, 0, china).Sub(now), true
	}
	n, err := strconv.Atoi(s[:len(s)-1])
	unit := map[byte]time.Duration{'m': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}[s[len(s)-1]]
	return time.Duration(n) * unit, err == nil
}

// parseYuan reads an amount of yuan as fen, digit by digit.
func parseYuan(s string) (fen int64, ok bool) {
	if !priceGrammar.MatchString(s) {
		return 0, false
	}
	whole, part, _ := strings.Cut(s, ".")
	fen, err := strconv.ParseInt(whole+(part + "00")[:2], 10, 64)
	return fen, err == nil
}

// yuan writes fen as the gateway writes amounts: always two decimals.
func yuan(fen int64) string {
	sign := ""
	if fen < 0 {
		sign, fen = "-", -fen
	}
	return fmt.Sprintf("%s%d.%02d", sign, fen/100, fen%100)
}

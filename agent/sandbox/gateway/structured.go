package gateway

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
)

// errStructured reports a field that is not as RFC 9651 wants it.
var errStructured = errors.New("not a structured field")

// item is one value of a structured field (RFC 9651) with its parameters.
type item struct {
	kind   byte   // 's'tring, 'b'ytes, 'i'nteger, 't'oken, '?' boolean, '(' inner list
	text   string // of a string or a token
	number int64  // of an integer; 1 is true
	bytes  []byte
	list   []item // of an inner list
	params []param
	raw    string // value and parameters as they came: what a signature is made over
}

type param struct {
	name string
	item item
}

// param finds a parameter of the given kind.
func (i item) param(name string, kind byte) (item, bool) {
	for _, p := range i.params {
		if p.name == name {
			return p.item, p.item.kind == kind
		}
	}
	return item{}, false
}

// reader is a position in a field.
type reader struct {
	s string
	i int
}

func (r *reader) peek() byte {
	if r.i < len(r.s) {
		return r.s[r.i]
	}
	return 0
}

func (r *reader) take(c byte) bool {
	if r.peek() != c || c == 0 {
		return false
	}
	r.i++
	return true
}

// while takes characters as long as they are wanted.
func (r *reader) while(want func(byte) bool) string {
	begin := r.i
	for r.i < len(r.s) && want(r.s[r.i]) {
		r.i++
	}
	return r.s[begin:r.i]
}

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// key reads the name of a member or a parameter.
func (r *reader) key() (string, error) {
	if !isLower(r.peek()) && r.peek() != '*' {
		return "", errStructured
	}
	return r.while(func(c byte) bool { return isLower(c) || isDigit(c) || strings.IndexByte("_-.*", c) >= 0 }), nil
}

// dictionary reads a whole field. Of members of one name the last counts.
func dictionary(field string) (map[string]item, error) {
	r := &reader{s: strings.Trim(field, " ")}
	members := map[string]item{}
	for r.i < len(r.s) {
		name, err := r.key()
		if err != nil {
			return nil, err
		}
		begin := r.i
		value := item{kind: '?', number: 1}
		if r.take('=') {
			begin = r.i
			if value, err = r.value(); err != nil {
				return nil, err
			}
		}
		if value.params, err = r.params(); err != nil {
			return nil, err
		}
		value.raw = r.s[begin:r.i]
		members[name] = value
		r.while(isSpace)
		if r.i == len(r.s) {
			return members, nil
		}
		if !r.take(',') {
			return nil, errStructured
		}
		if r.while(isSpace); r.i == len(r.s) {
			return nil, errStructured // a comma with nothing behind it
		}
	}
	return members, nil
}

// params reads what stands behind a value.
func (r *reader) params() ([]param, error) {
	var list []param
	for r.take(';') {
		r.while(func(c byte) bool { return c == ' ' })
		name, err := r.key()
		if err != nil {
			return nil, err
		}
		value := item{kind: '?', number: 1}
		if r.take('=') {
			if value, err = r.bare(); err != nil {
				return nil, err
			}
		}
		list = append(list, param{name, value})
	}
	return list, nil
}

// value is an inner list or a bare item, without parameters of its own.
func (r *reader) value() (item, error) {
	if !r.take('(') {
		return r.bare()
	}
	inner := item{kind: '('}
	for {
		r.while(func(c byte) bool { return c == ' ' })
		if r.take(')') {
			return inner, nil
		}
		begin := r.i
		one, err := r.bare()
		if err != nil {
			return item{}, err
		}
		if one.params, err = r.params(); err != nil {
			return item{}, err
		}
		one.raw = r.s[begin:r.i]
		inner.list = append(inner.list, one)
		if r.peek() != ' ' && r.peek() != ')' {
			return item{}, errStructured
		}
	}
}

// bare reads one value by its first character.
func (r *reader) bare() (item, error) {
	switch c := r.peek(); {
	case c == '"':
		return r.quoted()
	case c == ':':
		r.i++
		text := r.while(func(c byte) bool { return c != ':' })
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil || !r.take(':') {
			return item{}, errStructured
		}
		return item{kind: 'b', bytes: b}, nil
	case c == '?':
		r.i++
		if bit := r.peek(); bit == '0' || bit == '1' {
			r.i++
			return item{kind: '?', number: int64(bit - '0')}, nil
		}
	case c == '-' || isDigit(c):
		begin := r.i
		r.take('-')
		r.while(isDigit)
		// Fifteen digits are what the standard allows; decimals are used nowhere here.
		n, err := strconv.ParseInt(r.s[begin:r.i], 10, 64)
		if err != nil || r.i-begin > 16 || r.peek() == '.' {
			return item{}, errStructured
		}
		return item{kind: 'i', number: n}, nil
	case isLower(c) || 'A' <= c && c <= 'Z' || c == '*':
		return item{kind: 't', text: r.while(func(c byte) bool {
			return c > ' ' && c < 0x7f && strings.IndexByte(`"(),;<=>?@[\]{}`, c) < 0
		})}, nil
	}
	return item{}, errStructured
}

// quoted reads a string, in which only quotes and backslashes are escaped.
func (r *reader) quoted() (item, error) {
	r.i++
	var b strings.Builder
	for r.i < len(r.s) {
		c := r.s[r.i]
		r.i++
		switch {
		case c == '"':
			return item{kind: 's', text: b.String()}, nil
		case c == '\\':
			if c = r.peek(); c != '"' && c != '\\' {
				return item{}, errStructured
			}
			r.i++
		case c < ' ' || c > '~':
			return item{}, errStructured
		}
		b.WriteByte(c)
	}
	return item{}, errStructured
}

package emvqr

import (
	"fmt"
	"unicode/utf8"
)

// Object is one data object: two digits of id, two digits of length, value.
type Object struct {
	ID    string // "00" to "99"
	Value string // raw text, 1 to 99 long
	// Nested are the objects inside, when the object is a template that
	// nests. For Encode it may be given instead of Value.
	Nested []Object
}

// unit is what a length counts.
type unit bool

const (
	inCharacters unit = false // Unicode characters, as EMVCo says
	inBytes      unit = true
)

func (u unit) String() string {
	if u == inBytes {
		return "bytes"
	}
	return "characters"
}

func (u unit) length(s string) int {
	if u == inBytes {
		return len(s)
	}
	return utf8.RuneCountInString(s)
}

// cut splits s after n units, or reports that s is shorter.
func (u unit) cut(s string, n int) (head, tail string, ok bool) {
	if u == inBytes {
		if n > len(s) {
			return "", "", false
		}
		return s[:n], s[n:], true
	}
	end := 0
	for range n {
		_, size := utf8.DecodeRuneInString(s[end:])
		if size == 0 {
			return "", "", false
		}
		end += size
	}
	return s[:end], s[end:], true
}

// parse splits text into objects, without looking inside them. With an error
// it returns what came before the break.
func parse(text string, u unit) ([]Object, error) {
	objects := make([]Object, 0, 16)
	for rest := text; rest != ""; {
		if len(rest) < 4 || !digits(rest[:4]) {
			return objects, fmt.Errorf("%w: at byte %d an id and a length of two digits each must stand", ErrStructure, len(text)-len(rest)+1)
		}
		id, n := rest[:2], twoDigits(rest[2:])
		if n == 0 {
			return objects, fmt.Errorf("%w: object %s has length 00", ErrStructure, id)
		}
		value, tail, ok := u.cut(rest[4:], n)
		if !ok {
			return objects, fmt.Errorf("%w: object %s announces %d %s, %d are left; the end of the code is missing", ErrStructure, id, n, u, u.length(rest[4:]))
		}
		objects = append(objects, Object{ID: id, Value: value})
		rest = tail
	}
	return objects, nil
}

// twoDigits is the number that a text begins with.
func twoDigits(s string) int { return int(s[0]-'0')*10 + int(s[1]-'0') }

func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func find(objects []Object, id string) (Object, bool) {
	for _, o := range objects {
		if o.ID == id {
			return o, true
		}
	}
	return Object{}, false
}

func fields(objects []Object) map[string]any {
	m := make(map[string]any, len(objects))
	for _, o := range objects {
		if _, twice := m[o.ID]; twice {
			continue
		}
		if o.Nested != nil {
			m[o.ID] = fields(o.Nested)
		} else {
			m[o.ID] = o.Value
		}
	}
	return m
}

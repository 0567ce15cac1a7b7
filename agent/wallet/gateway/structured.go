package gateway

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// This file reads as much of RFC 8941 (structured fields) as signatures need:
// members of a dictionary, an inner list of strings, and parameters.

// bare is the value of a parameter that stands without one.
const bare = "?1"

// member finds the one member of a dictionary by its key and returns its text as
// it stands, which is what a signature covers.
func member(lines []string, key string) (string, error) {
	found, count := "", 0
	for _, part := range topLevel(strings.Join(lines, ", ")) {
		if name, value, ok := strings.Cut(strings.Trim(part, " \t"), "="); ok && name == key {
			found, count = value, count+1
		}
	}
	switch count {
	case 0:
		return "", ErrUnsigned
	case 1:
		return found, nil
	}
	return "", fmt.Errorf("%w: %q stands there twice", ErrCoverage, key)
}

// topLevel splits at the commas that are in no string and no inner list.
func topLevel(text string) (parts []string) {
	begin, depth, quoted := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth <= 0:
			parts = append(parts, text[begin:i])
			begin = i + 1
		}
	}
	return append(parts, text[begin:])
}

// input is a member of Signature-Input.
type input struct {
	items  []item
	params map[string]string
}

// item is one component identifier: a name and what it is restricted by.
type item struct {
	id     string // as it stands in the list
	name   string
	params map[string]string
}

// scanner walks over a member from left to right.
type scanner struct {
	text string
	at   int
	bad  bool
}

func parseInput(text string) (input, error) {
	s := scanner{text: text}
	var in input
	s.expect('(')
	for !s.bad && !s.take(')') {
		if s.take(' ') {
			continue
		}
		begin := s.at
		name := s.str()
		params := s.parameters()
		in.items = append(in.items, item{text[begin:s.at], name, params})
	}
	in.params = s.parameters()
	if s.bad || s.at != len(text) {
		return input{}, fmt.Errorf("%w: Signature-Input cannot be read at character %d", ErrCoverage, s.at+1)
	}
	return in, nil
}

func (s *scanner) take(c byte) bool {
	if s.at < len(s.text) && s.text[s.at] == c {
		s.at++
		return true
	}
	return false
}

func (s *scanner) expect(c byte) { s.bad = !s.take(c) || s.bad }

// str reads a string. Escapes have no place in any name, id or tag of ours.
func (s *scanner) str() string {
	s.expect('"')
	n := strings.IndexAny(s.text[s.at:], `"\`)
	if s.bad || n < 0 || s.text[s.at+n] == '\\' {
		s.bad = true
		return ""
	}
	value := s.text[s.at : s.at+n]
	s.at += n + 1
	return value
}

// word reads the characters of a key, a token or an integer.
func (s *scanner) word() string {
	begin := s.at
	for s.at < len(s.text) && !strings.ContainsRune(`;=" ()`, rune(s.text[s.at])) {
		s.at++
	}
	s.bad = s.bad || s.at == begin
	return s.text[begin:s.at]
}

func (s *scanner) parameters() map[string]string {
	params := map[string]string{}
	for !s.bad && s.take(';') {
		key, value := s.word(), bare
		if s.take('=') {
			if s.at < len(s.text) && s.text[s.at] == '"' {
				value = s.str()
			} else {
				value = s.word()
			}
		}
		if _, twice := params[key]; twice {
			s.bad = true
		}
		params[key] = value
	}
	return params
}

// bytesOf reads a byte sequence.
func bytesOf(text string) ([]byte, error) {
	if len(text) < 2 || text[0] != ':' || text[len(text)-1] != ':' {
		return nil, ErrSignature
	}
	return base64.StdEncoding.DecodeString(text[1 : len(text)-1])
}

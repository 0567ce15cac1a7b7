package main

import (
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// lines maps the path of a key or table ("lane[0].scanner.baud") to its line,
// so that a mistake in the meaning of a value is reported as exactly as one in
// its spelling.
type lines map[string]int

// readLines walks over the expressions of a file that has been parsed before.
func readLines(text []byte) lines {
	found, counts := lines{}, map[string]int{}
	var p unstable.Parser
	p.Reset(text)
	table := ""
	for p.NextExpression() {
		e := p.Expression()
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			path, line := keyOf(&p, e, "", counts)
			if e.Kind == unstable.ArrayTable {
				counts[path]++
				path = element(path, counts[path]-1)
			}
			table = path
			found[table] = line
		case unstable.KeyValue:
			path, line := keyOf(&p, e, table, nil)
			found[path] = line
		}
	}
	return found
}

// keyOf joins the parts of a dotted key below a table. A part that names an
// array of tables means its last element.
func keyOf(p *unstable.Parser, e *unstable.Node, table string, counts map[string]int) (path string, line int) {
	path = table
	parts := e.Key()
	for parts.Next() {
		if n := counts[path]; n > 0 {
			path = element(path, n-1)
		}
		path = strings.TrimPrefix(path+"."+string(parts.Node().Data), ".")
		line = p.Shape(parts.Node().Raw).Start.Line
	}
	return path, line
}

func element(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// of returns the line of a key, else of the table around it, else 0.
func (l lines) of(path string) int {
	for path != "" {
		if line, ok := l[path]; ok {
			return line
		}
		cut := strings.LastIndexByte(path, '.')
		if cut < 0 {
			break
		}
		path = path[:cut]
	}
	return 0
}

// Package logtest is what a program or a goroutine says while a test reads it. It
// is for tests and imports nothing of ours.
package logtest

import (
	"bytes"
	"sync"
)

// Log keeps what is written to it. The zero Log is empty and ready.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String is everything that was written so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

package serial

import (
	"context"
	"time"
)

// Port is an open serial port. There are two: the owner of a real one, and the
// scripted one for tests.
type Port interface {
	// Input delivers what arrives, in order. It is closed once the port has
	// ended and everything read before has been taken.
	Input() <-chan Chunk
	// Write sends all of b. When the device does not take it within the write
	// timeout the port ends with ErrWriteStuck.
	Write(ctx context.Context, b []byte) error
	// Err says why the port ended, nil while it is open: ErrClosed after Close,
	// ErrUnplugged when the device went away.
	Err() error
	// Close ends the port and returns once its descriptor is closed.
	Close() error
}

// Chunk is one thing the reader knows about the line.
type Chunk struct {
	// At is on the monotonic clock. With bytes: when they were read, so the
	// newest of them arrived no later. Without bytes: nothing more had arrived
	// until At, however late this chunk itself is delivered. Only such a proof
	// may end a frame by silence: a reader that was starved of processor time
	// sees a gap where the scanner made none.
	At    time.Duration
	Bytes []byte
	// Lost says that bytes between the previous chunk and this one were thrown
	// away because nobody took them, or the proof that there were none.
	Lost bool
}

// Settings is how a port is opened. The zero value is 9600 8N1.
type Settings struct {
	Baud         int           // default 9600; ignored by USB CDC devices and pseudo-terminals
	DataBits     int           // 5 to 8, default 8
	Parity       Parity        // default none
	StopBits     int           // 1 or 2, default 1
	Poll         time.Duration // how often silence is reported, default 100 ms
	WriteTimeout time.Duration // after which a blocked write is given up, default 2 s
}

// Parity is the parity bit of a character.
type Parity string

// The parities that scanners and displays use.
const (
	ParityNone Parity = "N"
	ParityEven Parity = "E"
	ParityOdd  Parity = "O"
)

// The defaults of Settings, and the patience of Close with a reader that does
// not come back: it polls, so it returns within one poll unless the kernel
// keeps it.
const (
	defaultBaud         = 9600
	minBaud, maxBaud    = 50, 4_000_000 // what Linux terminals know
	defaultPoll         = 100 * time.Millisecond
	defaultWriteTimeout = 2 * time.Second
	closePatience       = time.Second
)

func (s Settings) withDefaults() Settings {
	if s.Baud == 0 {
		s.Baud = defaultBaud
	}
	if s.DataBits == 0 {
		s.DataBits = 8
	}
	if s.Parity == "" {
		s.Parity = ParityNone
	}
	if s.StopBits == 0 {
		s.StopBits = 1
	}
	if s.Poll <= 0 {
		s.Poll = defaultPoll
	}
	if s.WriteTimeout <= 0 {
		s.WriteTimeout = defaultWriteTimeout
	}
	return s
}

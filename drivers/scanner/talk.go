package scanner

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"tillwire/drivers"
)

// Limits of talking to a scanner.
const (
	queueMax   = 16 // commands waiting; a scanner that far behind does not listen
	retriesMax = 2  // repeats of a command that is not answered
	noteMax    = 64 // bytes of a reply that are shown
)

// Talk is what a profile says to its scanner: for each command the byte
// strings to send, in order. A command without an entry is not said.
type Talk map[Command][][]byte

// talkKeys are the keys of a profile's commands; said holds the defaults in hex.
func talkKeys(said map[Command]string) []drivers.Key {
	return []drivers.Key{
		{Name: string(CommandInit), Default: said[CommandInit], Help: "bytes in hex sent after opening, several strings separated by commas; use settings that the scanner forgets without power"},
		{Name: string(CommandTriggerOn), Default: said[CommandTriggerOn], Help: "bytes in hex that start scanning, sent while a payment waits for a code"},
		{Name: string(CommandTriggerOff), Default: said[CommandTriggerOff], Help: "bytes in hex that end scanning"},
		{Name: string(CommandAccepted), Default: said[CommandAccepted], Help: "bytes in hex sent when the agent took the code, such as a beep"},
		{Name: string(CommandRefused), Default: said[CommandRefused], Help: "bytes in hex sent when the agent cannot use the code"},
		rearmKey(),
	}
}

// rearmKey is how often the trigger command is repeated.
func rearmKey() drivers.Key {
	return drivers.Key{Name: "rearm", Default: "5000", Help: "milliseconds after which scanning is started again while a payment still waits, for scanners that give up; 0: never"}
}

// readTalk reads the keys of talkKeys.
func readTalk(v *drivers.Values) Talk {
	talk := Talk{}
	for _, c := range Commands() {
		for _, word := range strings.Split(v.Text(string(c)), ",") {
			word = strings.Join(strings.Fields(word), "")
			if word == "" || strings.EqualFold(word, "off") {
				continue
			}
			b, err := hex.DecodeString(word)
			if err != nil {
				v.Fail(string(c), fmt.Sprintf("%q is not bytes in hex, such as 16 54 0D", word))
				return talk
			}
			talk[c] = append(talk[c], b)
		}
	}
	return talk
}

// readRearm reads the key of rearmKey.
func readRearm(v *drivers.Values) time.Duration {
	rearm := v.Millis("rearm", time.Minute)
	if rearm > 0 && rearm < 500*time.Millisecond {
		v.Fail("rearm", "must be 0 or at least 500 milliseconds")
	}
	return rearm
}

// request is a command on its way to the scanner.
type request struct {
	bytes   []byte
	awaited bool   // the scanner answers it
	note    string // counter of it; empty for none
}

// noteOf is the counter of what is sent for a command.
func noteOf(c Command) string {
	if c == CommandAccepted {
		return CountAccepted
	}
	return ""
}

// talker sends commands one at a time, waits for the answers it may expect, and
// repeats what was not answered.
type talker struct {
	gap     time.Duration             // least time between two commands
	timeout time.Duration             // how long an answer may take
	again   func(first []byte) []byte // how a repeat differs; nil: it does not
	emit    func(Event)

	queue []request // the first is under way while waiting
	wait  bool
	tries int
	spoke bool
	at    time.Duration // when bytes were sent last
}

// reset forgets everything: the port was opened anew.
func (t *talker) reset() {
	t.queue, t.wait, t.tries, t.spoke = nil, false, 0, false
}

// say queues a command. One that still waits to be sent is not queued twice.
func (t *talker) say(at time.Duration, r request) {
	for i, q := range t.queue {
		if bytes.Equal(q.bytes, r.bytes) && (i > 0 || !t.wait) {
			return
		}
	}
	if len(t.queue) < queueMax {
		t.queue = append(t.queue, r)
	}
	t.next(at)
}

// next sends what may be sent at at.
func (t *talker) next(at time.Duration) {
	for len(t.queue) > 0 && !t.wait {
		if t.spoke && at < t.at+t.gap {
			return
		}
		first := t.queue[0]
		t.put(at, first.bytes, first.note)
		if first.awaited {
			t.wait = true
			return
		}
		t.queue = t.queue[1:]
	}
}

func (t *talker) put(at time.Duration, b []byte, note string) {
	t.spoke, t.at = true, at
	t.emit(Event{At: at, Kind: EventSend, Send: bytes.Clone(b), Note: note})
}

// answered ends the command under way, well or badly.
func (t *talker) answered(at time.Duration) {
	if t.wait {
		t.done()
	}
	t.next(at)
}

func (t *talker) done() {
	t.queue, t.wait, t.tries = t.queue[1:], false, 0
}

// repeat sends the command under way again: the scanner did not understand it.
func (t *talker) repeat(at time.Duration) {
	if !t.wait {
		return
	}
	if t.tries == retriesMax {
		t.emit(Event{At: at, Kind: EventUnanswered, Send: bytes.Clone(t.queue[0].bytes)})
		t.done()
		t.next(at)
		return
	}
	t.tries++
	b := t.queue[0].bytes
	if t.again != nil {
		b = t.again(b)
	}
	t.put(at, b, t.queue[0].note)
}

// tick repeats or gives up what was not answered by at, and sends what had to
// wait for its turn.
func (t *talker) tick(at time.Duration) {
	for t.wait && at >= t.at+t.timeout {
		t.repeat(t.at + t.timeout)
	}
	for len(t.queue) > 0 && !t.wait && at >= t.at+t.gap {
		t.next(t.at + t.gap)
	}
}

// note makes a reply's text fit for a log: printable ASCII of bounded length.
func note(b []byte) string {
	if len(b) > noteMax {
		b = b[:noteMax]
	}
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return '.'
		}
		return r
	}, string(b))
}

package scanner

import "bytes"

// The status bytes in the replies of Honeywell and Newland scanners, and the
// bytes that a reply of theirs ends with.
const (
	statusAck = 0x06 // done
	statusNak = 0x15 // the value is out of range
	statusEnq = 0x05 // the command is unknown
	syn       = 0x16
)

// reply is what a scanner says to a command, found in the stream of its codes.
type reply struct {
	status byte
	text   string // what the command was about
	echo   bool   // the text before it, in the frame, is part of the reply
}

func (r reply) event() Event {
	switch r.status {
	case statusAck:
		return Event{Kind: EventAck, Note: r.text}
	case statusEnq:
		return Event{Kind: EventNak, Note: "unknown " + r.text}
	}
	return Event{Kind: EventNak, Note: r.text}
}

// replies finds a family's replies among the bytes of codes. Each of them
// begins with or contains a byte that no code may have, so a code is never
// taken for one.
type replies interface {
	// take looks at one byte. It answers what to pass on as part of a code, and
	// the reply that the byte completed; what it holds back is neither yet.
	take(c byte) (pass []byte, r *reply)
	// held is what is held back; drop forgets it.
	held() int
	drop()
	// answers reports whether the scanner answers this command.
	answers(command []byte) bool
}

// newReplies returns the finder for a family, nil for one that never replies.
func newReplies(family string, limit int) replies {
	switch family {
	case "honeywell":
		return &honeywellReplies{}
	case "newland":
		return &markedReplies{second: soh, limit: limit, end: newlandEnd, command: []byte{0x7e, soh}}
	case "grow":
		return &markedReplies{second: nul, limit: limit, end: growEnd, command: []byte{0x7e, nul}}
	}
	return nil
}

// replyFamilies names the families of newReplies, and off.
func replyFamilies() []string { return []string{"off", "honeywell", "newland", "grow"} }

// honeywellReplies: the command comes back without its prefix, then the status,
// then the storage character (Honeywell serial programming commands). Only the
// status tells it from a code, so the echo is taken out of the frame again.
type honeywellReplies struct{ status byte }

func (h *honeywellReplies) take(c byte) (pass []byte, r *reply) {
	before := h.status
	h.status = 0
	switch {
	case before != 0 && (c == '!' || c == '.' || c == '@'):
		return nil, &reply{status: before, echo: true}
	case c == statusAck || c == statusNak || c == statusEnq:
		h.status = c
		if before != 0 {
			return []byte{before}, nil
		}
		return nil, nil
	case before != 0:
		return []byte{before, c}, nil
	}
	return []byte{c}, nil
}

func (h *honeywellReplies) held() int {
	if h.status != 0 {
		return 1
	}
	return 0
}

func (h *honeywellReplies) drop() { h.status = 0 }

func (h *honeywellReplies) answers(command []byte) bool {
	return bytes.HasPrefix(command, []byte{syn, 'M', '\r'})
}

// soh begins a Newland reply after STX.
const soh = 0x01

// markedReplies are replies that begin with STX and a second byte.
type markedReplies struct {
	second  byte
	limit   int
	end     func(b []byte) (r *reply, done bool) // looks at what begins with the marks
	command []byte                               // how commands begin that are answered
	buf     []byte
}

func (m *markedReplies) take(c byte) (pass []byte, r *reply) {
	switch {
	case len(m.buf) == 0 && c != stx:
		return []byte{c}, nil
	case len(m.buf) == 1 && c != m.second:
		m.buf = m.buf[:0]
		if c == stx {
			m.buf = append(m.buf, c)
			return []byte{stx}, nil
		}
		return []byte{stx, c}, nil
	}
	m.buf = append(m.buf, c)
	if len(m.buf) < 3 {
		return nil, nil
	}
	r, done := m.end(m.buf)
	switch {
	case done && r != nil:
		m.drop()
		return nil, r
	case done || len(m.buf) > m.limit:
		// Not a reply after all: a frame with such bytes is garbage, and says so.
		pass = append(pass, m.buf...)
		m.drop()
		return pass, nil
	}
	return nil, nil
}

func (m *markedReplies) held() int { return len(m.buf) }

func (m *markedReplies) drop() {
	clear(m.buf)
	m.buf = m.buf[:0]
}

func (m *markedReplies) answers(command []byte) bool { return bytes.HasPrefix(command, m.command) }

// newlandHead is the fixed part behind STX SOH: "0000" and the storage byte.
const newlandHead = 7

// newlandEnd: 02 01 "0000" storage, the command, its status, ";" ETX (Newland,
// unified commands).
func newlandEnd(b []byte) (r *reply, done bool) {
	n := len(b)
	if b[n-1] != etx || b[n-2] != ';' {
		return nil, false
	}
	if n < newlandHead+3 {
		return nil, true
	}
	return &reply{status: b[n-3], text: note(b[newlandHead : n-3])}, true
}

// growEnd: 02 00 type length data CRC, with CRC-16/XMODEM over type to data
// (GROW GM60 and GM65, register protocol). Type 0 is done.
func growEnd(b []byte) (r *reply, done bool) {
	const head, check = 4, 2
	if len(b) < head || len(b) < head+int(b[3])+check {
		return nil, false
	}
	body := b[2 : len(b)-check]
	if crc16(body) != uint16(b[len(b)-2])<<8|uint16(b[len(b)-1]) {
		return nil, true
	}
	status := byte(statusNak)
	if b[2] == 0 {
		status = statusAck
	}
	return &reply{status: status, text: "register"}, true
}

// crc16 is CRC-16/XMODEM: polynomial 1021, starting with 0.
func crc16(b []byte) (crc uint16) {
	for _, c := range b {
		crc ^= uint16(c) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}

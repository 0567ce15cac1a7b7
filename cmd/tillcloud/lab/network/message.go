package network

import (
	"bufio"
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"tillwire/agent/sandbox"
	"tillwire/cmd/tillcloud/lab"
)

// Message is one HTTP/1.1 request or answer, byte for byte as it came.
type Message []byte

// readMessage reads one message whose length its head tells; the product and the
// sandbox send no others.
func readMessage(r *bufio.Reader) (Message, error) {
	var m Message
	length := 0
	for {
		line, err := r.ReadBytes('\n')
		m = append(m, line...)
		if err != nil {
			return m, err
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch strings.ToLower(string(name)) {
		case "content-length":
			if length, err = strconv.Atoi(strings.TrimSpace(string(value))); err != nil {
				return m, fmt.Errorf("content-length: %w", err)
			}
		case "transfer-encoding":
			return m, fmt.Errorf("a message in chunks: %q", m)
		}
		if len(bytes.TrimSpace(line)) == 0 {
			break
		}
	}
	head := len(m)
	m = append(m, make([]byte, length)...)
	for n := head; n < len(m); {
		got, err := r.Read(m[n:])
		n += got
		if err != nil {
			return m[:n], err
		}
	}
	return m, nil
}

// split parts a message into its head, with the empty line, and its body.
func (m Message) split() (head, body []byte) {
	i := bytes.Index(m, []byte("\r\n\r\n"))
	if i < 0 {
		return m, nil
	}
	return m[:i+4], m[i+4:]
}

// orderNumber is an order number of the laboratory's terminal: its code and a ULID.
var orderNumber = regexp.MustCompile(`LAB001[0-9A-HJKMNP-TV-Z]{26}`)

// OrderNo is the order that a request is about, or "".
func (m Message) OrderNo() string { return string(orderNumber.Find(m)) }

// Operation is what a request asks for.
func (m Message) Operation() sandbox.Operation { return lab.OperationOf(m) }

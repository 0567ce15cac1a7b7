package voucher

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"slices"
)

// entry is one member of a map with integer labels, which is all the formats use.
type entry struct {
	label int64
	value any
}

// table is a map. It is written in the order of RFC 8949, 4.2.1, whatever order
// it stands in.
type table []entry

// item is CBOR that is finished already.
type item []byte

// The major types of CBOR (RFC 8949, 3.1) that occur.
const (
	majorUint  = 0
	majorNint  = 1
	majorBytes = 2
	majorText  = 3
	majorArray = 4
	majorMap   = 5
)

// The simple values of CBOR that occur, as one byte each.
const (
	simpleFalse = 0xf4
	simpleTrue  = 0xf5
)

// tagSign1 is tag 18, COSE_Sign1, as one byte.
const tagSign1 = 0xd2

// head writes a major type with its argument in the shortest form.
func head(major byte, n uint64) []byte {
	first := major << 5
	switch {
	case n < 24:
		return []byte{first | byte(n)}
	case n <= math.MaxUint8:
		return []byte{first | 24, byte(n)}
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16([]byte{first | 25}, uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32([]byte{first | 26}, uint32(n))
	}
	return binary.BigEndian.AppendUint64([]byte{first | 27}, n)
}

// pack writes int, int64, uint64, bool, []byte, string, []any, table and item. Nothing
// else is ever handed to it.
func pack(v any) []byte {
	switch v := v.(type) {
	case int:
		return pack(int64(v))
	case int64:
		if v < 0 {
			return head(majorNint, uint64(-1-v))
		}
		return head(majorUint, uint64(v))
	case uint64:
		return head(majorUint, v)
	case bool:
		if v {
			return []byte{simpleTrue}
		}
		return []byte{simpleFalse}
	case []byte:
		return append(head(majorBytes, uint64(len(v))), v...)
	case string:
		return append(head(majorText, uint64(len(v))), v...)
	case []any:
		out := head(majorArray, uint64(len(v)))
		for _, one := range v {
			out = append(out, pack(one)...)
		}
		return out
	case table:
		return packTable(v)
	case item:
		return v
	}
	return nil
}

func packTable(t table) []byte {
	rows := make([][2][]byte, 0, len(t))
	for _, e := range t {
		rows = append(rows, [2][]byte{pack(e.label), pack(e.value)})
	}
	slices.SortFunc(rows, func(a, b [2][]byte) int { return bytes.Compare(a[0], b[0]) })
	out := head(majorMap, uint64(len(t)))
	for _, row := range rows {
		out = append(append(out, row[0]...), row[1]...)
	}
	return out
}

var errShape = errors.New("sandbox voucher: not the CBOR of the formats")

// unpack reads one item that fills data, in its one deterministic form: integers
// come as int64.
func unpack(data []byte) (any, error) {
	v, rest, err := unpackOne(data, 0)
	if err != nil || len(rest) > 0 || !bytes.Equal(pack(v), data) {
		return nil, errShape
	}
	return v, nil
}

func unpackOne(data []byte, depth int) (any, []byte, error) {
	if len(data) > 0 && (data[0] == simpleFalse || data[0] == simpleTrue) {
		return data[0] == simpleTrue, data[1:], nil
	}
	major, n, rest, ok := readHead(data)
	if !ok || depth > 8 {
		return nil, nil, errShape
	}
	switch major {
	case majorUint:
		return int64(n), rest, nil
	case majorNint:
		return -1 - int64(n), rest, nil
	case majorBytes, majorText:
		if n > uint64(len(rest)) {
			return nil, nil, errShape
		}
		if major == majorText {
			return string(rest[:n]), rest[n:], nil
		}
		return slices.Clone(rest[:n]), rest[n:], nil
	case majorArray:
		return unpackArray(n, rest, depth)
	}
	return unpackTable(n, rest, depth)
}

func unpackArray(n uint64, rest []byte, depth int) (any, []byte, error) {
	list := []any{}
	for range min(n, uint64(len(rest))+1) {
		v, left, err := unpackOne(rest, depth+1)
		if err != nil {
			return nil, nil, err
		}
		list, rest = append(list, v), left
	}
	return list, rest, nil
}

func unpackTable(n uint64, rest []byte, depth int) (any, []byte, error) {
	t := table{}
	for range min(n, uint64(len(rest))+1) {
		label, left, err := unpackOne(rest, depth+1)
		if err != nil {
			return nil, nil, err
		}
		number, ok := label.(int64)
		if _, twice := t.get(number); !ok || twice {
			return nil, nil, errShape
		}
		v, left, err := unpackOne(left, depth+1)
		if err != nil {
			return nil, nil, err
		}
		t, rest = append(t, entry{number, v}), left
	}
	return t, rest, nil
}

// readHead reads a major type and its argument, which fits into an int64. What
// the formats do not use is refused: tags, floating point, other simple values, and
// lengths left open.
func readHead(data []byte) (major byte, n uint64, rest []byte, ok bool) {
	if len(data) == 0 || data[0]>>5 > majorMap || data[0]&31 > 27 {
		return 0, 0, nil, false
	}
	major, n, rest = data[0]>>5, uint64(data[0]&31), data[1:]
	if n >= 24 {
		size := 1 << (n - 24)
		if len(rest) < size {
			return 0, 0, nil, false
		}
		n = 0
		for _, b := range rest[:size] {
			n = n<<8 | uint64(b)
		}
		rest = rest[size:]
	}
	return major, n, rest, n <= math.MaxInt64
}

func (t table) get(label int64) (any, bool) {
	for _, e := range t {
		if e.label == label {
			return e.value, true
		}
	}
	return nil, false
}

// has reports whether exactly these labels are there.
func (t table) has(labels ...int64) bool {
	for _, l := range labels {
		if _, ok := t.get(l); !ok {
			return false
		}
	}
	return len(t) == len(labels)
}

// number is a member between least and most; anything else is -1, which no
// member may be.
func (t table) number(label, least, most int64) int64 {
	v, _ := t.get(label)
	return number(v, least, most)
}

func number(v any, least, most int64) int64 {
	if n, ok := v.(int64); ok && n >= least && n <= most {
		return n
	}
	return -1
}

// blob is a byte string of so many bytes, or nil.
func (t table) blob(label int64, size int) []byte {
	v, _ := t.get(label)
	if b, ok := v.([]byte); ok && len(b) == size {
		return b
	}
	return nil
}

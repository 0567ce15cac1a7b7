package wechat

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"strings"
)

// values are the elements of a message of API v2, which is flat.
type values map[string]string

// sign is the keyed hash of a message (API v2, signature): its elements in the
// order of their names, without empty ones and sign itself, then the key.
func (v values) sign(key []byte, kind string) string {
	var h hash.Hash
	switch kind {
	case SignMD5:
		h = md5.New()
	default:
		h = hmac.New(sha256.New, key)
	}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		if v[name] != "" && name != "sign" {
			fmt.Fprintf(h, "%s=%s&", name, v[name])
		}
	}
	fmt.Fprintf(h, "key=%s", key)
	return strings.ToUpper(hex.EncodeToString(h.Sum(nil)))
}

// encode writes a message. Empty elements are left out, as they are not signed.
func (v values) encode() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("<xml>")
	for _, name := range slices.Sorted(maps.Keys(v)) {
		if v[name] == "" {
			continue
		}
		b.WriteString("<" + name + ">")
		if err := xml.EscapeText(&b, []byte(v[name])); err != nil {
			return nil, err
		}
		b.WriteString("</" + name + ">")
	}
	b.WriteString("</xml>")
	return b.Bytes(), nil
}

// maxElements bounds a message; the largest real one has about sixty.
const maxElements = 500

// decode reads a message. What the signature could not cover is refused:
// elements in elements, twice the same name, and a document type, which is where
// entities come from.
func decode(text []byte) (values, error) {
	d := xml.NewDecoder(bytes.NewReader(text))
	v := values{}
	name, depth := "", 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) && len(v) > 0 && depth == 0 {
			return v, nil
		}
		if err != nil {
			return nil, fmt.Errorf("the answer is no XML message: %w", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			depth++
			name = token.Name.Local
			_, repeated := v[name]
			switch {
			case depth == 1 && (name != "xml" || len(v) > 0), depth > 2, depth == 2 && repeated, len(v) >= maxElements:
				return nil, fmt.Errorf("the answer is no flat message at %.40q", name)
			case depth == 2:
				v[name] = ""
			}
		case xml.EndElement:
			depth--
			name = ""
		case xml.CharData:
			if depth == 2 {
				v[name] += string(token)
			}
		case xml.Directive:
			return nil, errors.New("the answer has a document type")
		}
	}
}

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
	"io"
	"maps"
	"slices"
	"strings"
)

// The kinds of signature of API v2.
const (
	signMD5  = "MD5"
	signHMAC = "HMAC-SHA256"
)

// values are the elements of a message of API v2, which is flat.
type values map[string]string

// message is how the decoder sees one.
type message struct {
	XMLName  xml.Name `xml:"xml"`
	Elements []struct {
		XMLName xml.Name
		Text    string     `xml:",chardata"`
		Inner   []struct{} `xml:",any"`
	} `xml:",any"`
}

// parseXML takes a message apart. A document type is where entities come from
// that read files, so there must be none.
func parseXML(body []byte) (values, error) {
	if bytes.Contains(body, []byte("<!DOCTYPE")) || bytes.Contains(body, []byte("<!ENTITY")) {
		return nil, errors.New("a document type is not allowed")
	}
	var m message
	decoder := xml.NewDecoder(bytes.NewReader(body))
	if err := decoder.Decode(&m); err != nil {
		return nil, errors.New("it cannot be read")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("it goes on after its end")
	}
	v := values{}
	for _, e := range m.Elements {
		name := e.XMLName.Local
		if _, repeated := v[name]; repeated || len(e.Inner) > 0 {
			return nil, fmt.Errorf("%s is repeated or not a plain value", name)
		}
		v[name] = e.Text
	}
	return v, nil
}

// xml writes a message as the real gateway does, every value in a CDATA section.
func (v values) xml() []byte {
	var b bytes.Buffer
	b.WriteString("<xml>")
	for _, name := range slices.Sorted(maps.Keys(v)) {
		if v[name] != "" {
			fmt.Fprintf(&b, "<%[1]s><![CDATA[%[2]s]]></%[1]s>\n", name, strings.ReplaceAll(v[name], "]]>", "]]]]><![CDATA[>"))
		}
	}
	b.WriteString("</xml>")
	return b.Bytes()
}

// seal is the sign of a message: its elements in the order of their names, empty
// ones and sign itself left out, and the key behind them (API v2, signature).
func seal(v values, key, kind string) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(v)) {
		if name != "sign" && v[name] != "" {
			pairs = append(pairs, name+"="+v[name])
		}
	}
	text := strings.Join(append(pairs, "key="+key), "&")
	if kind == signMD5 {
		sum := md5.Sum([]byte(text))
		return strings.ToUpper(hex.EncodeToString(sum[:]))
	}
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text))
	return strings.ToUpper(hex.EncodeToString(mac.Sum(nil)))
}

// flipped is a sign with one digit wrong.
func flipped(sign string) string {
	other := byte('0')
	if sign[0] == other {
		other = '1'
	}
	return string(other) + sign[1:]
}

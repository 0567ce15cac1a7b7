package emvqr

import (
	"encoding/base64"
	"reflect"
	"strings"
	"testing"
)

func FuzzReadMerchant(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.Payload)
	}
	f.Add("00020163041D3D")
	f.Add("000201\xff\xfe")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ReadMerchant(text)
		p.Fields()
		if err != nil {
			return
		}
		text = trim(text)
		want := text[:len(text)-4] + strings.ToUpper(text[len(text)-4:])
		if got, err := Encode(p); err != nil || got != want {
			t.Errorf("read %q, wrote %q, %v", want, got, err)
		}
		for _, o := range p.Objects {
			if o.Value == "" || len(o.ID) != 2 {
				t.Errorf("object %+v", o)
			}
		}
	})
}

func FuzzReadConsumer(f *testing.F) {
	f.Add(emvcoSample)
	f.Add(unionpaySample)
	f.Add("hQVDUFYwMWGB")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ReadConsumer(text)
		c.Applications()
		if err != nil {
			return
		}
		if fields := c.Fields(); fields["85"] == nil {
			t.Errorf("no indicator in %v", fields)
		}
		// What was read and written in strict BER reads the same.
		again, err := ReadConsumer(base64.StdEncoding.EncodeToString(appendTLV(nil, c.Objects)))
		if err != nil || (len(c.Warnings) == 0 && !reflect.DeepEqual(again.Fields(), c.Fields())) {
			t.Errorf("read %v, again %v, %v", c.Fields(), again.Fields(), err)
		}
	})
}

func FuzzReadUPI(f *testing.F) {
	f.Add("upi://pay?pa=chaipoint@okaxis&pn=Chai%20Point&am=149.50&cu=INR")
	f.Add("UPI:///?&amp;=%&%zz")
	f.Fuzz(func(t *testing.T, text string) {
		link, err := ReadUPI(text)
		if err == nil && len(link.Fields()) == 0 {
			t.Error("a link without parameters was accepted")
		}
	})
}

func appendTLV(out []byte, objects []TLV) []byte {
	for _, o := range objects {
		for i := 0; i < len(o.Tag); i += 2 {
			out = append(out, firstByte(o.Tag[i:]))
		}
		switch n := len(o.Value); {
		case n < 0x80:
			out = append(out, byte(n))
		case n < 0x100:
			out = append(out, 0x81, byte(n))
		default:
			out = append(out, 0x82, byte(n>>8), byte(n))
		}
		out = append(out, o.Value...)
	}
	return out
}

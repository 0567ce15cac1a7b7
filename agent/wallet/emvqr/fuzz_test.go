package emvqr

import (
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
		// What was read and can be written in strict BER reads the same, whatever was
		// tolerated the first time.
		written, err := EncodeConsumer(c)
		if err != nil {
			return
		}
		again, err := ReadConsumer(written)
		if err != nil || len(again.Warnings) != 0 || len(c.Warnings) == 0 && !reflect.DeepEqual(again.Fields(), c.Fields()) {
			t.Errorf("read %v, again %v, %v", c.Fields(), again.Fields(), err)
		}
	})
}

func FuzzReadUPI(f *testing.F) {
	f.Add("upi://pay?pa=chaipoint@okaxis&pn=Chai%20Point&am=149.50&cu=INR")
	f.Add("UPI:///?&amp;=%&%zz")
	f.Add("upi://0?0=" + strings.Repeat("\xca", maxText/2)) // longer than any link once it is escaped
	f.Fuzz(func(t *testing.T, text string) {
		link, err := ReadUPI(text)
		if err == nil && len(link.Fields()) == 0 {
			t.Error("a link without parameters was accepted")
		}
		written, err := EncodeUPI(link)
		if err != nil {
			return
		}
		again, err := ReadUPI(written)
		if err != nil || !reflect.DeepEqual(again.Fields(), link.Fields()) {
			t.Errorf("read %v, wrote %s, read %v, %v", link.Fields(), written, again.Fields(), err)
		}
	})
}

// Whatever is put into a template is read again as it was, as far as it nests.
func FuzzNested(f *testing.F) {
	f.Add("26", "0001A0101B")
	f.Add("38", "0010A0000007270123000697041601092576788590208QRIBFTTA")
	f.Add("64", "0002ZH0104最佳运输")
	f.Add("62", "5010"+"0001A0101B")
	f.Fuzz(func(t *testing.T, id, value string) {
		text, err := Encode(Payload{Objects: []Object{{ID: "00", Value: "01"}, {ID: id, Value: value}}})
		if err != nil {
			return
		}
		p, err := ReadMerchant(text)
		if err != nil {
			return // two objects 00, or blanks at the ends of the whole
		}
		if got := p.Get(id); got != value && trim(text) == text {
			t.Errorf("%s: put in %q, read %q", id, value, got)
		}
		// What nests says the same when it is written from what is inside.
		ordered := Canonical(p)
		again, err := Encode(ordered)
		if err != nil {
			return
		}
		back, err := ReadMerchant(again)
		if err != nil {
			t.Fatalf("%q written in order is %q: %v", text, again, err)
		}
		want, got := p.Fields(), back.Fields()
		delete(want, "63")
		delete(got, "63")
		if !p.ByteLengths && ascii(text) && !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %v, in order %v", text, want, got)
		}
	})
}

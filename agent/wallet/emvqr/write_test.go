package emvqr

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// notInOrder are the published codes whose authors chose another order of objects.
var notInOrder = []string{"M-A01", "M-A02", "M-A18"}

func TestPublishedCodesAreWrittenInOrderWithTheSameFields(t *testing.T) {
	for _, v := range vectors(t) {
		p, err := ReadMerchant(v.Payload)
		if err != nil {
			t.Fatal(err)
		}
		text, err := Encode(Canonical(p))
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		if same := text == v.Payload; same == slices.Contains(notInOrder, v.Name) {
			t.Errorf("%s: the same text is %t: %s", v.Name, same, text)
		}
		back, err := ReadMerchant(text)
		if err != nil {
			t.Fatalf("%s: %s: %v", v.Name, text, err)
		}
		want, got := v.Fields, back.Fields()
		delete(got, "63")
		delete(want, "63")
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s\n got %v\nwant %v", v.Name, got, want)
		}
		last := ""
		for _, o := range back.Objects[:len(back.Objects)-1] {
			if o.ID <= last {
				t.Errorf("%s: %s stands after %s", v.Name, o.ID, last)
			}
			last = o.ID
		}
		if p.Objects[len(p.Objects)-1].ID != "63" || reflect.DeepEqual(p, back) == slices.Contains(notInOrder, v.Name) {
			t.Errorf("%s: what was read was changed by ordering it", v.Name)
		}
	}
}

func TestAWrongChecksumSaysWhichCharacterWasExpected(t *testing.T) {
	const good = "00020101021229370016A0000006770101110113006680111111153037645802TH540520.156304" // 42BE
	for written, want := range map[string]string{
		"42BF":    "it ends in 42BF, its text gives 42BE: F where E is expected (character 4)",
		"52BF":    "it ends in 52BF, its text gives 42BE: 5 where 4 is expected (character 1), F where E is expected (character 4)",
		"42 E":    "it ends in 42 E, its text gives 42BE:   where B is expected (character 3)",
		"42B\x1b": `it ends in "42B\x1b", its text gives 42BE: "\x1b" where E is expected (character 4)`,
	} {
		_, err := ReadMerchant(good + written)
		var wrong *ChecksumError
		if !errors.As(err, &wrong) || !errors.Is(err, ErrChecksum) || wrong.Expected != "42BE" || wrong.Say() != want {
			t.Errorf("%q: %v, want %s", written, err, want)
		}
	}
	if _, err := ReadMerchant(good + "42be"); err != nil {
		t.Errorf("lower case: %v", err)
	}
}

func TestConsumerSamplesAreWrittenAsTheyWere(t *testing.T) {
	for _, text := range []string{emvcoSample, unionpaySample} {
		c, err := ReadConsumer(text)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := EncodeConsumer(c); err != nil || again != text {
			t.Errorf("read %s, wrote %s, %v", text, again, err)
		}
	}
}

func TestALongTemplateGetsItsLengthInBER(t *testing.T) {
	// The published QRIS sample says "61 93"; written, it says "61 81 93".
	plain := base64Of(t, cpv+"61 91 4F 07 A0000006022020 50 7F"+strings.Repeat("41", 0x7F)+"9F08 04 31323334")
	c, err := ReadConsumer(plain)
	if err != nil || len(c.Warnings) != 1 {
		t.Fatal(err, c.Warnings)
	}
	written, err := EncodeConsumer(c)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ReadConsumer(written)
	if err != nil || len(again.Warnings) != 0 || !reflect.DeepEqual(again.Fields(), c.Fields()) {
		t.Errorf("%v, warnings %v", err, again.Warnings)
	}
	jpqr := Consumer{Indicator: "JPQR1", Objects: []TLV{{Tag: "61", Nested: []TLV{{Tag: "4F", Value: []byte("31589900")}, {Tag: "57", Value: []byte("1234567890123456")}}}}}
	if text, err := EncodeConsumer(jpqr); err != nil || !strings.HasPrefix(text, "hQVKUFFSMW") || !IsConsumer(text) {
		t.Errorf("JPQR: %q, %v", text, err)
	}
}

func TestConsumerCodesThatCannotBeWrittenAreRefused(t *testing.T) {
	app := TLV{Tag: "61", Nested: []TLV{{Tag: "4F", Value: []byte{0xA0, 0, 0, 6, 2}}}}
	for name, c := range map[string]Consumer{
		"no indicator":     {Objects: []TLV{app}},
		"a long indicator": {Indicator: "CPV001", Objects: []TLV{app}},
		"no application":   {Indicator: "CPV01", Objects: []TLV{{Tag: "62", Value: []byte{1}}}},
		"lower case":       {Indicator: "CPV01", Objects: []TLV{app, {Tag: "9f26"}}},
		"half a byte":      {Indicator: "CPV01", Objects: []TLV{app, {Tag: "9F2"}}},
		"a tag cut off":    {Indicator: "CPV01", Objects: []TLV{app, {Tag: "9F"}}},
		"two tags":         {Indicator: "CPV01", Objects: []TLV{app, {Tag: "5A57"}}},
		"tag zero":         {Indicator: "CPV01", Objects: []TLV{app, {Tag: "00"}}},
		"a bad tag inside": {Indicator: "CPV01", Objects: []TLV{{Tag: "61", Nested: []TLV{{Tag: ""}}}}},
		"too long":         {Indicator: "CPV01", Objects: []TLV{app, {Tag: "62", Value: make([]byte, 400)}}},
	} {
		if text, err := EncodeConsumer(c); err == nil {
			t.Errorf("%s became %s", name, text)
		}
	}
}

func TestLinksAreWrittenAsTheyWere(t *testing.T) {
	for _, text := range []string{
		"upi://pay?pa=chaipoint@okaxis&pn=Chai%20Point&am=149.50&cu=INR&tn=Order%2042&tr=ORD-42",
		"upi://mandate?pa=a@b&x-new=1%2B1&pn=A+B&am=",
		"upi://pay?pa=a@b&sign=AbC==",
	} {
		link, err := ReadUPI(text)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := EncodeUPI(link); err != nil || again != text {
			t.Errorf("read %s, wrote %s, %v", text, again, err)
		}
	}
	fresh := Link{Action: "pay", Params: []Param{{Key: "sign", Value: "AbC=="}, {Key: "pa", Value: "shop@bank"}, {Key: "pn", Value: "Tea & Co #1, 50%"}, {Key: "tn", Value: "茶"}}}
	want := "upi://pay?pa=shop@bank&pn=Tea%20%26%20Co%20%231,%2050%25&tn=%E8%8C%B6&sign=AbC=="
	if text, err := EncodeUPI(fresh); err != nil || text != want {
		t.Errorf("wrote %s, %v; want %s", text, err, want)
	}
	for name, l := range map[string]Link{
		"no action":     {Params: []Param{{Key: "pa", Value: "a@b"}}},
		"no parameters": {Action: "pay"},
		"a key twice":   {Action: "pay", Params: []Param{{Key: "pa", Value: "a"}, {Key: "pa", Value: "b"}}},
		"a split key":   {Action: "pay", Params: []Param{{Key: "p&a", Value: "a"}}},
	} {
		if text, err := EncodeUPI(l); err == nil {
			t.Errorf("%s became %s", name, text)
		}
	}
}

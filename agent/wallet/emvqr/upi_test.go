package emvqr

import (
	"errors"
	"reflect"
	"testing"
)

func TestUPILinksRead(t *testing.T) {
	cases := []struct {
		name, text, action string
		want               map[string]any
		warnings           int
	}{
		{"in a shop", "upi://pay?pa=chaipoint@okaxis&pn=Chai%20Point&am=149.50&cu=INR&tn=Order%2042&tr=ORD-42", "pay",
			map[string]any{"pa": "chaipoint@okaxis", "pn": "Chai Point", "am": "149.50", "cu": "INR", "tn": "Order 42", "tr": "ORD-42"}, 0},
		{"slash, web escaping, any case", "UPI://PAY/?PA=a@b&amp;Pn=A&amp;Am=", "pay",
			map[string]any{"pa": "a@b", "pn": "A", "am": ""}, 0},
		{"unknown keys survive, plus stays", "upi://mandate?pa=a@b&x-new=1%2B1&pn=A+B", "mandate",
			map[string]any{"pa": "a@b", "x-new": "1+1", "pn": "A+B"}, 0},
		{"bad escape, repetition", "upi://pay?pa=a@b&tn=100%&pa=c@d", "pay",
			map[string]any{"pa": "a@b", "tn": "100%"}, 2},
		{"a value with an equals sign", "upi://pay?pa=a@b&sign=AbC==\n", "pay",
			map[string]any{"pa": "a@b", "sign": "AbC=="}, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			link, err := ReadUPI(c.text)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(link.Fields(), c.want) || link.Action != c.action || len(link.Warnings) != c.warnings {
				t.Errorf("got %s %v, warnings %v", link.Action, link.Fields(), link.Warnings)
			}
			if link.Get("pa") != c.want["pa"] || link.Get("none") != "" {
				t.Errorf("pa is %q", link.Get("pa"))
			}
		})
	}
	for text, want := range map[string]error{"https://pay?pa=a@b": ErrNotEMV, "": ErrNotEMV, "upi://pay": ErrStructure, "upi://pay?&": ErrStructure} {
		if _, err := ReadUPI(text); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
	}
}

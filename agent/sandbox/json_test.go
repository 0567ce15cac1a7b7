package sandbox_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"tillwire/agent/sandbox"
)

// What a decoder would let pass, each of which two readers may read in two ways.
func TestAnObjectIsReadStrictly(t *testing.T) {
	for text, says := range map[string]string{
		``:                          "is not JSON",
		`{"a":1`:                    "is cut off",
		`{"a":1,}`:                  "is not JSON",
		`[1]`:                       "is not a JSON object",
		`"{}"`:                      "is not a JSON object",
		`{"a":1} {}`:                "goes on after its JSON",
		`{"a":1,"b":{"a":1,"a":1}}`: `names "a" twice`,
		`{"a":1,"\u0061":1}`:        `names "a" twice`,
		`{"a":[1,null]}`:            "holds null",
		`{"a":` + strings.Repeat("[", 9) + strings.Repeat("]", 9) + `}`: "is nested too deep",
	} {
		if o, err := sandbox.ReadObject([]byte(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s is read as %v: %v, want %q", text, o, err, says)
		}
	}
	got, err := sandbox.ReadObject([]byte(` {"A":1.50,"a":{"b":["x",true,{}]}} `))
	want := map[string]any{"A": json.Number("1.50"), "a": map[string]any{"b": []any{"x", true, map[string]any{}}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read as %v: %v", got, err)
	}
}

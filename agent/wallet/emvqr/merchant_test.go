package emvqr

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
)

type vector struct {
	Name, About, Payload string
	Fields               map[string]any
}

// vectors are published codes whose checksums were verified independently;
// testdata/merchant.json names the source of each.
func vectors(t testing.TB) []vector {
	t.Helper()
	raw, err := os.ReadFile("testdata/merchant.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	if err := json.Unmarshal(raw, &all); err != nil || len(all) != 18 {
		t.Fatalf("%d vectors, %v", len(all), err)
	}
	return all
}

func sealed(t *testing.T, text string) string {
	t.Helper()
	return text + "6304" + checksum(text+"6304")
}

func TestPublishedCodesRead(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Name+" "+v.About, func(t *testing.T) {
			p, err := ReadMerchant(v.Payload)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Fields(); !reflect.DeepEqual(got, v.Fields) {
				t.Errorf("fields\n got %v\nwant %v", got, v.Fields)
			}
			if !IsMerchant(v.Payload) || len(p.Warnings) != 0 || p.ByteLengths {
				t.Errorf("recognised %t, warnings %v", IsMerchant(v.Payload), p.Warnings)
			}
			if again, err := Encode(p); err != nil || again != v.Payload {
				t.Errorf("written again %s, %v", again, err)
			}
		})
	}
}

func TestOneChangedCharacterIsNoticed(t *testing.T) {
	for _, v := range vectors(t) {
		runes := []rune(v.Payload)
		for i := range runes {
			changed := append([]rune(nil), runes...)
			if changed[i] == '7' {
				changed[i] = '1'
			} else {
				changed[i] = '7'
			}
			if _, err := ReadMerchant(string(changed)); err == nil {
				t.Errorf("%s: character %d changed and nothing noticed", v.Name, i+1)
			}
		}
		// Inside a value only the checksum can tell.
		inValue := strings.Replace(v.Payload, v.Fields["58"].(string), "XX", 1)
		if p, err := ReadMerchant(inValue); !errors.Is(err, ErrChecksum) || len(p.Objects) != len(v.Fields) {
			t.Errorf("%s: %v with %d objects, want ErrChecksum and all", v.Name, err, len(p.Objects))
		}
	}
}

func TestALostEndIsABrokenLength(t *testing.T) {
	for _, v := range vectors(t) {
		runes := []rune(v.Payload)
		for cut := 1; cut < len(runes)-2; cut += 7 {
			p, err := ReadMerchant(string(runes[:len(runes)-cut]))
			if !errors.Is(err, ErrStructure) {
				t.Errorf("%s without its last %d characters: %v", v.Name, cut, err)
			}
			if cut == 1 && len(p.Objects) != len(v.Fields)-1 {
				t.Errorf("%s: %d objects before the break, want %d", v.Name, len(p.Objects), len(v.Fields)-1)
			}
		}
	}
}

func TestBrokenStructureIsRefusedAndExplained(t *testing.T) {
	cases := []struct {
		name, text string
		want       error
		says       string
	}{
		{"empty", "", ErrNotEMV, "object 00"},
		{"a web link", "https://example.com", ErrNotEMV, "object 00"},
		{"00 is not first", sealed(t, "0102110002015802TH"), ErrNotEMV, "begin"},
		{"a goods barcode", "0012345678905", ErrStructure, "00 announces 12"},
		{"a name twice", sealed(t, "0002015904SHOP5904SHOP5802TH"), ErrStructure, "59 appears twice"},
		{"no checksum", "0002015802TH", ErrStructure, "63"},
		{"checksum not last", sealed(t, "000201") + "5802TH", ErrStructure, "63"},
		{"checksum too short", "0002016303ABC", ErrStructure, "3 characters"},
		{"length 00", sealed(t, "0002015900"), ErrStructure, "length 00"},
		{"letters for an id", sealed(t, "000201AB02TH"), ErrStructure, "byte 7"},
		{"a lone digit at the end", sealed(t, "000201") + "5", ErrStructure, "byte 15"},
		{"a length too long", "0002015899TH", ErrStructure, "58 announces 99 characters, 2 are left"},
		{"endless", "0002015802TH" + strings.Repeat("7", 5000), ErrStructure, "5012 bytes"},
		{"wrong checksum", "0002015802TH63040000", ErrChecksum, "0000"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if _, err := ReadMerchant(c.text); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v; want %v saying %q", err, c.want, c.says)
			}
		})
	}
}

// A scheme's complaints are not the grammar's: these codes read.
func TestWhatOnlyASchemeMindsStillReads(t *testing.T) {
	for _, text := range []string{"0002010102135802TH", "00020154041,005802TH", "0002015502025802TH", "000207", "0005hello"} {
		if _, err := ReadMerchant(sealed(t, text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestLengthsCountCharactersElseBytes(t *testing.T) {
	inBytes := sealed(t, "0002015802TH"+"6422"+"0002ZH"+"0112最佳运输")
	p, err := ReadMerchant(inBytes)
	if err != nil {
		t.Fatal(err)
	}
	if !p.ByteLengths || len(p.Warnings) != 1 || p.Get("64", "01") != "最佳运输" {
		t.Errorf("byte lengths: %t, warnings %v, name %q", p.ByteLengths, p.Warnings, p.Get("64", "01"))
	}
	if again, err := Encode(p); err != nil || again != inBytes {
		t.Errorf("written again %s, %v", again, err)
	}
	mixed := sealed(t, "0002015802TH"+"6414"+"0002ZH"+"0112最佳运输") // outside characters, inside bytes
	if p, err := ReadMerchant(mixed); err != nil || p.ByteLengths || p.Get("64", "01") != "最佳运输" {
		t.Errorf("mixed: %v, %v", p.Fields(), err)
	}
	if _, err := ReadMerchant(sealed(t, "0002015802TH"+"6440"+"0112最佳运输")); !errors.Is(err, ErrStructure) {
		t.Errorf("neither count fits: %v", err)
	}
}

func TestChecksumIsCCITTFalse(t *testing.T) {
	if got := checksum("123456789"); got != "29B1" {
		t.Errorf("check value %s, want 29B1", got)
	}
	// Leading zeros are written, lower case is read.
	for i := range 5000 {
		text := "0002015904" + string(rune('A'+i%26)) + string(rune('A'+i/26%26)) + string(rune('A'+i/676)) + "Z"
		if code := sealed(t, text); strings.Contains(code[len(code)-4:], "A") && code[len(code)-4] == '0' {
			if _, err := ReadMerchant(strings.ToLower(code[len(code)-4:])); err == nil {
				t.Error("a checksum alone is not a code")
			}
			if _, err := ReadMerchant(code[:len(code)-4] + strings.ToLower(code[len(code)-4:])); err != nil {
				t.Errorf("lower case: %v", err)
			}
			return
		}
	}
	t.Fatal("no checksum with a leading zero and a letter among the samples")
}

func TestTemplatesNestOnlyWhereAnAccidentIsUnlikely(t *testing.T) {
	cases := []struct {
		name, text string
		path       []string
		want       any
	}{
		{"a primitive account stays text", "0414" + "00020101020304", []string{"04"}, "00020101020304"},
		{"a template that does not read stays text", "2605ABCDE", []string{"26"}, "ABCDE"},
		{"sub-ids that repeat are no template", "2610" + "0001A0001B", []string{"26"}, "0001A0001B"},
		{"unreserved templates read", "9110" + "0001A0101B", []string{"91"}, map[string]any{"00": "A", "01": "B"}},
		{"RFU is passed through", "6510" + "0001A0101B", []string{"65"}, "0001A0101B"},
		{"62.50 stays text", "6214" + "5010" + "0001A0101B", []string{"62", "50"}, "0001A0101B"},
		{"an account number is no template", "2614" + "0110" + "0102AB0204", []string{"26", "01"}, "0102AB0204"},
		{"two objects from 00 upwards are", "2614" + "0110" + "0001A0101B", []string{"26", "01"}, map[string]any{"00": "A", "01": "B"}},
		{"to any depth", "3018" + "0114" + "0001X0305" + "0001Y", []string{"30", "01", "03"}, "0001Y"},
		{"to three levels", "3023" + "0119" + "0001X0310" + "0001Y0201Z", []string{"30", "01", "03"}, map[string]any{"00": "Y", "02": "Z"}},
		{"VietQR with the bank only", "3828" + "0010A0000007270110" + "0006970416", []string{"38", "01"}, map[string]any{"00": "970416"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, err := ReadMerchant(sealed(t, "000201"+c.text))
			if err != nil {
				t.Fatal(err)
			}
			var got any = p.Fields()
			for _, id := range c.path {
				m, ok := got.(map[string]any)
				if !ok {
					t.Fatalf("%s is not inside a template: %v", id, got)
				}
				got = m[id]
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestGetFollowsAPath(t *testing.T) {
	p, err := ReadMerchant("\t" + vectors(t)[13].Payload + "\r\n")
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"54": "1000", "38/00": "A000000727", "38/01/01": "257678859", "59": "", "38/09": "", "54/01": ""} {
		if got := p.Get(strings.Split(path, "/")...); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	if p.Get() != "" {
		t.Errorf("the empty path is %q", p.Get())
	}
}

func TestEncodeRefusesWhatCannotBeWritten(t *testing.T) {
	for name, objects := range map[string][]Object{
		"an id of three":     {{ID: "001", Value: "x"}},
		"an id of letters":   {{ID: "AB", Value: "x"}},
		"an empty value":     {{ID: "00"}},
		"100 characters":     {{ID: "00", Value: strings.Repeat("佳", 100)}},
		"a template too big": {{ID: "62", Nested: []Object{{ID: "01", Value: strings.Repeat("x", 96)}}}},
		"a bad object in it": {{ID: "62", Nested: []Object{{ID: "1", Value: "x"}}}},
	} {
		if text, err := Encode(Payload{Objects: objects}); err == nil {
			t.Errorf("%s became %s", name, text)
		}
	}
	p := Payload{Objects: []Object{{ID: "00", Value: "01"}, {ID: "63", Value: "0000"}, {ID: "62", Nested: []Object{{ID: "01", Value: strings.Repeat("佳", 95)}}}}}
	text, err := Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := ReadMerchant(text); err != nil || back.Get("62", "01") != strings.Repeat("佳", 95) {
		t.Errorf("read back %v, %v", back, err)
	}
}

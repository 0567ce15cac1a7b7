package sandbox

import (
	"os"
	"regexp"
	"testing"
)

// Every language says everything that the pages ask for.
func TestWordsAreComplete(t *testing.T) {
	asked := map[string]bool{"customer": true}
	for _, file := range []string{"ui/phone.html", "ui/phones.html"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\.W\.([a-z_]+)`).FindAllStringSubmatch(string(text), -1) {
			asked[m[1]] = true
		}
	}
	for _, name := range scriptWords {
		asked[name] = true
	}
	for _, b := range Behaviours {
		asked[mannerOf(b)] = true
	}
	for _, s := range []State{StateCreated, StateAwaiting, StatePaid, StateDeclined, StateCancelled, StateClosed, StateReversed, "refunded", "part"} {
		asked["state_"+string(s)] = true
	}
	for lang, words := range phoneWords {
		for name := range asked {
			if words[name] == "" {
				t.Errorf("%s has no word for %s", lang, name)
			}
		}
		for name := range phoneWords["en"] {
			if words[name] == "" {
				t.Errorf("%s lacks %s", lang, name)
			}
		}
	}
}

func TestYuan(t *testing.T) {
	for minor, want := range map[int64]string{0: "¥0.00", 5: "¥0.05", 1280: "¥12.80", 100000: "¥1,000.00", 123456789: "¥1,234,567.89", -455: "−¥4.55"} {
		if got := yuan(minor); got != want {
			t.Errorf("%d is %q, want %q", minor, got, want)
		}
	}
}

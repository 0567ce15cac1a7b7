package words_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"

	"tillwire/agent"
	"tillwire/agent/words"
)

// counts reach every plural form that a language has for whole numbers.
var counts = []int{0, 1, 2, 3, 10, 11, 26, 99, 100, 101, 102, 103, 111, 1000, 1_000_000}

func TestATextHasEveryPluralFormOfItsLanguage(t *testing.T) {
	names := map[plural.Form]string{plural.Other: "other", plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many"}
	forms := 0
	for _, l := range open(t).Languages() {
		needed := map[string]bool{"other": true}
		for _, n := range counts {
			needed[names[plural.Cardinal.MatchPlural(language.MustParse(l.Code), n, 0, 0, 0, 0)]] = true
		}
		for key, texts := range catalogue(t, l.Code) {
			if len(texts) == 1 {
				continue
			}
			forms++
			for form := range needed {
				if texts[form] == "" {
					t.Errorf("%s %s lacks the form %q", l.Name, key, form)
				}
			}
		}
	}
	if forms == 0 {
		t.Error("no text has plural forms: this test sees nothing")
	}
}

func TestCountedThings(t *testing.T) {
	w := open(t)
	for _, test := range []struct {
		lang string
		n    int
		want string
	}{
		{"en", 1, "tries: 1"}, {"fr", 0, "0 essai"}, {"fr", 1, "1 essai"}, {"fr", 2, "2 essais"}, {"pt-BR", 2, "2 tentativas"}, {"hi", 1, "1 कोशिश"}, {"hi", 5, "5 कोशिशें"},
		{"ar", 0, "دون محاولة"}, {"ar", 1, "محاولة واحدة"}, {"ar", 2, "محاولتان"}, {"ar", 3, "3 محاولات"}, {"ar", 11, "11 محاولة"}, {"ar", 100, "100 محاولة"}, {"th", 4, "ลองแล้ว 4 ครั้ง"},
	} {
		if got := w.Text(test.lang, "queue.tries", test.n); got != test.want {
			t.Errorf("%s, %d: %q, want %q", test.lang, test.n, got, test.want)
		}
	}
	// A sentence of the root carries its number as text.
	late := agent.Sentence{ID: "accept.window", Args: []string{"2"}, English: "two hours"}
	if got := w.Say("ar", late); !strings.Contains(got, "ساعتان") {
		t.Errorf("two hours: %s", got)
	}
	for _, l := range w.Languages() {
		for _, n := range counts {
			if got := w.Text(l.Code, "queue.tries", n); got == "queue.tries" || strings.Contains(got, "<no value>") {
				t.Errorf("%s has no text for %d: %q", l.Name, n, got)
			}
		}
	}
}

func TestAmountsAsALanguageWritesThem(t *testing.T) {
	w := open(t)
	for _, test := range []struct {
		lang     string
		value    int64
		currency agent.Currency
		want     string
	}{
		{"en", 123456, "CNY", "¥1,234.56"}, {"en", 1250, "KWD", "KWD 1.250"}, {"zh-CN", 123456, "CNY", "¥1,234.56"},
		{"fr", 123456, "EUR", "1\u202f234,56\u00a0€"}, {"fr", 1250, "KWD", "1,250\u00a0KWD"}, {"fr", -1280, "CNY", "−12,80\u00a0¥"},
		{"pt-BR", 123456, "BRL", "R$\u00a01.234,56"}, {"hi", 123456789, "INR", "₹12,34,567.89"}, {"th", 123456, "THB", "฿1,234.56"}, {"hi", 500, "JPY", "¥500"},
		{"ar", 123456, "CNY", "\u2066¥1,234.56\u2069"}, {"ar", -1280, "CNY", "\u2066−¥12.80\u2069"}, {"nobody's", 1280, "CNY", "¥12.80"},
	} {
		if got := w.MoneyIn(test.lang, agent.Money{Value: test.value, Currency: test.currency}); got != test.want {
			t.Errorf("%s: %d %s: %q, want %q", test.lang, test.value, test.currency, got, test.want)
		}
	}
}

func TestDaysAsALanguageWritesThem(t *testing.T) {
	w := open(t)
	at := time.Date(2026, 5, 1, 9, 4, 5, 0, time.FixedZone("", 8*3600))
	for lang, want := range map[string]string{
		"en": "1 May 2026 09:04:05", "zh-CN": "2026年5月1日 09:04:05", "fr": "1 mai 2026 09:04:05", "pt-BR": "1 de mai. de 2026 09:04:05",
		"hi": "1 मई 2026 09:04:05", "th": "1 พ.ค. 2569 09:04:05", "ar": "1 مايو 2026 09:04:05",
	} {
		if got := w.Stamp(lang, at); got != want {
			t.Errorf("%s: %q, want %q", lang, got, want)
		}
	}
	// The offset begins with a sign, which would change sides in Arabic.
	if got := w.Voice("ar", at.Location()).Stamp(at); !strings.HasSuffix(got, "\u2066+08:00\u2069") {
		t.Errorf("%q", got)
	}
}

// TestArabicKeepsWhatIsNotArabicApart: an order number or an amount in a sentence that runs
// from right to left keeps its own direction, and nothing else is marked.
func TestArabicKeepsWhatIsNotArabicApart(t *testing.T) {
	w := open(t)
	if w.Dir("ar") != "rtl" || w.Dir("en") != "ltr" || w.Dir("nobody's") != "ltr" {
		t.Error("the directions are wrong")
	}
	review := agent.Sentence{ID: "say.review", Args: []string{"DEMO01-X"}, English: "-"}
	if got := w.Say("ar", review); !strings.HasSuffix(got, "\u2068DEMO01-X\u2069") {
		t.Errorf("%q", got)
	}
	if got := w.Text("ar", "js.seconds"); strings.ContainsRune(got, '\u2068') {
		t.Errorf("%q", got)
	}
	for _, lang := range []string{"fr", "th", "hi", "pt-BR", "zh-CN"} {
		if got := w.Say(lang, review); strings.ContainsRune(got, '\u2068') {
			t.Errorf("%s: %q", lang, got)
		}
	}
}

func TestScriptsGetTheFormsOfATextOrTheText(t *testing.T) {
	w := open(t)
	if forms, ok := w.Script("ar", "js.down.down").(map[string]string); !ok || len(forms) != 6 || !strings.Contains(forms["few"], "{2}") {
		t.Errorf("%v", w.Script("ar", "js.down.down"))
	}
	if text := w.Script("fr", "js.do.cancel"); text != "Annuler" {
		t.Errorf("%v", text)
	}
	if text := w.Script("nobody's", "js.do.cancel"); text != "Cancel" {
		t.Errorf("%v", text)
	}
}

// TestALanguageIsOneFile: whatever lies in the folder of the catalogues is a language, with a
// name of its own and the direction it is written in.
func TestALanguageIsOneFile(t *testing.T) {
	list, codes := open(t).Languages(), words.Codes()
	var got []string
	names := map[string]bool{}
	for _, l := range list {
		got = append(got, l.Code)
		names[l.Name] = true
	}
	if fmt.Sprint(got) != fmt.Sprint(codes) || len(names) != len(list) || codes[0] != words.English {
		t.Errorf("%v of %v, %d names", got, codes, len(names))
	}
	if want := "[en ar fr hi pt-BR th zh-CN]"; fmt.Sprint(codes) != want {
		t.Errorf("the languages are %v, want %s", codes, want)
	}
}

// TestEveryLanguageCanBeRead: the catalogues wait until they are needed, by many at once as
// pages need them, so a mistake in one must show here.
func TestEveryLanguageCanBeRead(t *testing.T) {
	w := open(t)
	var all sync.WaitGroup
	for _, code := range slices.Concat(words.Codes(), words.Codes()) {
		all.Go(func() {
			if err := w.Read(code); err != nil {
				t.Error(err)
			}
			if text := w.Text(code, "language.name"); text == "" || (code != words.English && text == w.Text(words.English, "language.name")) {
				t.Errorf("%s calls itself %q", code, text)
			}
		})
	}
	all.Wait()
	if err := w.Read("tlh"); err == nil || !strings.Contains(err.Error(), `"tlh"`) {
		t.Errorf("a language that nobody wrote: %v", err)
	}
}

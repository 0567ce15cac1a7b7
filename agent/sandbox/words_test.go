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

func TestMoney(t *testing.T) {
	for _, c := range []struct {
		minor    int64
		currency string
		want     string
	}{
		{0, "CNY", "¥0.00"}, {5, "CNY", "¥0.05"}, {1280, "CNY", "¥12.80"}, {100000, "CNY", "¥1,000.00"}, {123456789, "CNY", "¥1,234,567.89"}, {-455, "CNY", "−¥4.55"},
		{1280, "JPY", "¥1,280"}, {1280, "KWD", "KWD 1.280"}, {5, "KWD", "KWD 0.005"}, {9900, "THB", "฿99.00"}, {-50000, "VND", "−₫50,000"},
	} {
		if got := money(c.minor, c.currency); got != c.want {
			t.Errorf("%d %s is %q, want %q", c.minor, c.currency, got, c.want)
		}
	}
}

func TestBrands(t *testing.T) {
	for _, c := range [][3]string{{"alipay", "en", "Alipay"}, {"alipay", "zh", "支付宝"}, {"wechat", "en", "WeChat Pay"}, {"toy", "zh", "toy"}} {
		if got, _ := brandOf(c[0], c[1]); got != c[2] {
			t.Errorf("%s in %s is %q, want %q", c[0], c[1], got, c[2])
		}
	}
}

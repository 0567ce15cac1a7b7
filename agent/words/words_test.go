package words_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/words"
)

func open(t *testing.T) *words.Words {
	t.Helper()
	w, err := words.New()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// catalogue reads a file as it is: every id in it with its texts by plural form. A text
// without forms is "other" alone.
func catalogue(t *testing.T, lang string) map[string]map[string]string {
	t.Helper()
	text, err := os.ReadFile("catalog/" + lang + ".json")
	if err != nil {
		t.Fatal(err)
	}
	raw := map[string]any{}
	if err := json.Unmarshal(text, &raw); err != nil {
		t.Fatal(err)
	}
	m := map[string]map[string]string{}
	for id, value := range raw {
		m[id] = map[string]string{}
		switch v := value.(type) {
		case string:
			m[id]["other"] = v
		case map[string]any:
			for form, text := range v {
				m[id][form], _ = text.(string)
			}
		}
	}
	return m
}

// spoken is every sentence that the root can say, and the sentences that other
// rooms hold as literals.
func spoken(t *testing.T) map[string]string {
	t.Helper()
	ids := map[string]string{}
	add := func(s agent.Sentence) { ids[s.ID] = s.English }
	states := map[agent.State]bool{agent.Created: true}
	for _, edge := range agent.Edges() {
		states[edge[0]], states[edge[1]] = true, true
	}
	for state := range states {
		variants := []agent.Payment{{Status: agent.Status{State: state}}, {Status: agent.Status{State: state, Showing: true}}}
		for _, way := range agent.Ways() {
			variants = append(variants, agent.Payment{Status: agent.Status{State: state, Way: way}})
		}
		for _, p := range variants {
			word, _ := p.Status.Word()
			add(word)
			add(p.Say())
			add(p.Screen(0).Say)
			add(p.Screen(time.Minute).Say)
			receipt := agent.NewReceipt(p, "shop", false)
			add(receipt.Title)
			add(receipt.Foot)
		}
	}
	for _, reason := range agent.Reasons() {
		add(reason.Say())
	}
	for _, state := range []agent.RefundState{agent.RefundRequested, agent.RefundProcessing, agent.RefundUnknown, agent.RefundDone} {
		add(agent.Refund{State: state}.Say("CNY"))
	}
	for id := range literals(t) {
		if _, ok := ids[id]; !ok {
			ids[id] = ""
		}
	}
	for id := range problemIDs(t) {
		ids[id] = ""
	}
	delete(ids, "")
	return ids
}

// literals finds sentence ids in the rooms below agent and in the store: whatever
// they say can reach the register or a till.
func literals(t *testing.T) map[string]bool {
	t.Helper()
	form := regexp.MustCompile(`"((?:say|word|scan|screen|error|receipt|page|form|bill|voucher|accept)\.[a-z_]+)"`)
	ids := map[string]bool{}
	for _, root := range []string{"..", "../../offline"} {
		err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
			skip := strings.HasSuffix(name, "/sandbox") || strings.HasSuffix(name, "test") && entry != nil && entry.IsDir() || strings.HasSuffix(name, "/words")
			if err != nil || skip {
				if skip && entry.IsDir() {
					return fs.SkipDir
				}
				return err
			}
			if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return nil
			}
			text, err := os.ReadFile(name)
			for _, m := range form.FindAllStringSubmatch(string(text), -1) {
				ids[m[1]] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return ids
}

// wrapped sentences are put together from a wrapping and a reason.
func wrapped(id string) string {
	for _, family := range []string{"say.not_charged.", "say.loss.", "refund.failed."} {
		if strings.HasPrefix(id, family) {
			return strings.TrimSuffix(family, ".")
		}
	}
	return id
}

func TestEverySentenceIsKnownInEveryLanguage(t *testing.T) {
	w := open(t)
	for _, l := range w.Languages() {
		if l.Code == words.English {
			continue // the place that says a sentence holds its English
		}
		for id := range spoken(t) {
			if !w.Has(l.Code, wrapped(id)) {
				t.Errorf("%s lacks the sentence %s", l.Name, id)
			}
		}
	}
}

func TestEveryPageTextIsKnownInEveryLanguage(t *testing.T) {
	w := open(t)
	english, said := catalogue(t, words.English), spoken(t)
	for _, l := range w.Languages() {
		there := catalogue(t, l.Code)
		for key := range english {
			if there[key]["other"] == "" {
				t.Errorf("%s lacks the text %s", l.Name, key)
			}
		}
		for key, forms := range there {
			_, isText := english[key]
			_, isSentence := said[key]
			if wrapping := slices.Contains([]string{"say.not_charged", "say.loss", "refund.failed"}, key); !isText && !isSentence && !wrapping {
				t.Errorf("%s has %s, which nobody says", l.Name, key)
			}
			for form, text := range forms {
				if strings.TrimSpace(text) != text || text == "" {
					t.Errorf("%s %s (%s): %q is empty, or begins or ends with space", l.Name, key, form, text)
				}
			}
		}
	}
}

// places are where arguments stand in a text.
var places = regexp.MustCompile(`\{\{\.A\d\}\}|\{\d\}`)

// TestTranslationsUseTheSamePlaces holds every language against English, and where the English
// is not in a catalogue, against the other languages. Only a form for none, one or two things may
// leave its number out: it is a word there.
func TestTranslationsUseTheSamePlaces(t *testing.T) {
	original := catalogue(t, words.English)
	for id, forms := range catalogue(t, "zh-CN") {
		if _, ok := original[id]; !ok {
			original[id] = forms
		}
	}
	sorted := func(text string) []string { return slices.Sorted(slices.Values(places.FindAllString(text, -1))) }
	for _, l := range open(t).Languages() {
		for key, forms := range catalogue(t, l.Code) {
			want := sorted(original[key]["other"])
			for form, text := range forms {
				got := sorted(text)
				fewer := slices.Contains([]string{"zero", "one", "two"}, form) && len(got) < len(want) &&
					!slices.ContainsFunc(got, func(p string) bool { return !slices.Contains(want, p) })
				if !slices.Equal(got, want) && !fewer {
					t.Errorf("%s %s (%s): the places are %v, in the original %v", l.Name, key, form, got, want)
				}
			}
		}
	}
}

func TestACatalogueHasNoKeyTwice(t *testing.T) {
	for _, l := range open(t).Languages() {
		text, err := os.ReadFile("catalog/" + l.Code + ".json")
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, m := range regexp.MustCompile(`(?m)^  "([^"]+)":`).FindAllStringSubmatch(string(text), -1) {
			if seen[m[1]] {
				t.Errorf("%s has %s twice; the last one silently wins", l.Name, m[1])
			}
			seen[m[1]] = true
		}
		if len(seen) < 800 {
			t.Errorf("%s: only %d keys were seen, one on a line", l.Name, len(seen))
		}
	}
}

func TestSaying(t *testing.T) {
	w := open(t)
	cny := func(v int64) agent.Payment {
		return agent.Payment{Amount: agent.Money{Value: v, Currency: "CNY"}, OrderNo: "DEMO01X"}
	}
	declined := cny(1280)
	declined.Status = agent.Status{State: agent.Declined, Reason: agent.ReasonNotEnough}
	paid := cny(1280)
	paid.Status.State = agent.Paid
	review := cny(1)
	review.Status.State = agent.Review
	failed := agent.Refund{Amount: 280, State: agent.RefundFailed, Reason: agent.ReasonShopBalance}
	tests := []struct {
		s    agent.Sentence
		en   string
		zhCN string
	}{
		{paid.Say(), "PAID 12.80", "已收款 12.80"},
		{declined.Say(), "Not charged: not enough money in the wallet. Try another way to pay", "未收款：余额不足，请换一种付款方式"},
		{review.Say(), "Office will settle this. Order DEMO01X", "需人工处理，订单 DEMO01X"},
		{failed.Say("CNY"), "Refund of 2.80 failed: not enough money in the shop's account at the wallet", "退款 2.80 失败：本店商户账户余额不足"},
		{agent.Sentence{ID: "scan.not_taken", Args: []string{"Alipay"}, English: "This is an Alipay code"}, "This is an Alipay code", "这是支付宝的付款码，本店不支持，请换一种付款方式"},
		{agent.Sentence{ID: "scan.taken", Args: []string{"PayPay"}, English: "This is a PayPay code"}, "This is a PayPay code", "这是PayPay的付款码"},
		{agent.Sentence{ID: "nobody.knows", English: "As it is."}, "As it is.", "As it is."},
		{agent.Sentence{}, "", ""},
	}
	for _, test := range tests {
		if got := w.Say("en", test.s); got != test.en {
			t.Errorf("%s: %q, want %q", test.s.ID, got, test.en)
		}
		if got := w.Say("zh-CN", test.s); got != test.zhCN {
			t.Errorf("%s: %q, want %q", test.s.ID, got, test.zhCN)
		}
	}
}

func TestAWalletIsCalledWhatTheShopCallsIt(t *testing.T) {
	w := open(t)
	w.Title("cornerpay", "Corner Pay")
	w.Title("alipay", "Ali at the corner")
	for name, want := range map[string]string{"cornerpay": "Corner Pay", "alipay": "Ali at the corner", "wechat": "微信支付", "nobody": "nobody"} {
		if got := w.Wallet("zh-CN", name); got != want {
			t.Errorf("%s is called %q, want %q", name, got, want)
		}
	}
	if w.Titled("cornerpay") != "Corner Pay" || w.Titled("wechat") != "" {
		t.Errorf("titled are %q and %q", w.Titled("cornerpay"), w.Titled("wechat"))
	}
}

// TestASentenceNamesAWalletByItsBrand: whoever says it knows the configured name only, and that
// stands on no tile.
func TestASentenceNamesAWalletByItsBrand(t *testing.T) {
	w := open(t)
	w.Title("cornerpay", "Corner Pay")
	for _, c := range []struct {
		id, english, en, zhCN string
		args                  []string
	}{
		{"error.wallet", `The wallet "wechat" cannot show a code.`, `The wallet "WeChat Pay" cannot show a code.`, "微信支付", []string{"wechat"}},
		{"error.wallet_currency", "The wallet jpqr does not take CNY here.", "The wallet JPQR does not take CNY here.", "JPQR（日本）", []string{"jpqr", "CNY"}},
		{"error.shop_code", "The shop's own code of cornerpay cannot be shown.", "The shop's own code of Corner Pay cannot be shown.", "Corner Pay", []string{"cornerpay"}},
		{"problem.wallet_down", "The cloud of alipay cannot be reached.", "The cloud of Alipay cannot be reached.", "支付宝", []string{"alipay"}},
		{"problem.clock_behind", "The clock is 10m0s behind the cloud of wechat.", "The clock is 10m0s behind the cloud of WeChat Pay.", "微信支付", []string{"wechat", "10m0s"}},
		{"error.wallet", "The wallet pix shows pixels.", "The wallet Pix shows pixels.", "Pix（巴西）", []string{"pix"}},
		{"error.wallet", "The wallet nobody is not set up.", "The wallet nobody is not set up.", "nobody", []string{"nobody"}},
		{"error.lane_unknown", "There is no lane wechat.", "There is no lane wechat.", "“wechat”", []string{"wechat"}},
	} {
		s := agent.Sentence{ID: c.id, Args: c.args, English: c.english}
		if got := w.Say("en", s); got != c.en {
			t.Errorf("%q, want %q", got, c.en)
		}
		if got := w.Say("zh-CN", s); !strings.Contains(got, c.zhCN) {
			t.Errorf("%q does not name %s", got, c.zhCN)
		}
	}
}

func TestChoosingALanguage(t *testing.T) {
	w := open(t)
	tests := []struct {
		wishes []string
		want   string
	}{
		{nil, "en"}, {[]string{""}, "en"}, {[]string{"zh"}, "zh-CN"}, {[]string{"zh-CN"}, "zh-CN"}, {[]string{"zh-Hans-SG"}, "zh-CN"},
		{[]string{"", "", "zh-CN,zh;q=0.9,en;q=0.8"}, "zh-CN"}, {[]string{"en-GB"}, "en"}, {[]string{"", "zh"}, "zh-CN"},
		{[]string{"de-DE,zh;q=0.5"}, "zh-CN"}, {[]string{"de", "zh"}, "zh-CN"}, {[]string{"de"}, "en"}, {[]string{"%$!", "zh"}, "zh-CN"},
		{[]string{"en", "zh"}, "en"}, {[]string{"fr-CA,en;q=0.5"}, "fr"}, {[]string{"pt"}, "pt-BR"}, {[]string{"pt-PT"}, "pt-BR"}, {[]string{"ar-EG"}, "ar"},
		{[]string{"hi-IN,en;q=0.9"}, "hi"}, {[]string{"th-TH"}, "th"},
	}
	for _, test := range tests {
		if got := w.Match(test.wishes...); got != test.want {
			t.Errorf("%q: %s, want %s", test.wishes, got, test.want)
		}
	}
}

func TestAmounts(t *testing.T) {
	w := open(t)
	tests := []struct {
		value    int64
		currency agent.Currency
		want     string
	}{
		{0, "CNY", "¥0.00"}, {5, "CNY", "¥0.05"}, {1280, "CNY", "¥12.80"}, {123456, "CNY", "¥1,234.56"}, {100000000, "CNY", "¥1,000,000.00"},
		{-1280, "CNY", "−¥12.80"}, {500, "JPY", "¥500"}, {1234567, "KRW", "₩1,234,567"}, {1250, "KWD", "KWD 1.250"}, {99999, "EUR", "€999.99"},
	}
	for _, test := range tests {
		if got := w.Money(agent.Money{Value: test.value, Currency: test.currency}); got != test.want {
			t.Errorf("%d %s: %q, want %q", test.value, test.currency, got, test.want)
		}
	}
}

func TestTimes(t *testing.T) {
	w := open(t)
	at := time.Date(2026, 5, 1, 9, 4, 5, 0, time.UTC)
	if got := w.Stamp("en", at); got != "1 May 2026 09:04:05" {
		t.Error(got)
	}
	if got := w.Stamp("zh-CN", at); got != "2026年5月1日 09:04:05" {
		t.Error(got)
	}
	tests := []struct {
		span     time.Duration
		en, zhCN string
	}{
		{-time.Second, "0 s", "0 秒"}, {59*time.Second + 999*time.Millisecond, "59 s", "59 秒"}, {time.Minute, "1 min", "1 分"},
		{200 * time.Second, "3 min 20 s", "3 分 20 秒"}, {2 * time.Hour, "2 h", "2 小时"}, {26*time.Hour + 59*time.Minute, "1 d 2 h", "1 天 2 小时"},
	}
	for _, test := range tests {
		if en, zh := w.Span("en", test.span), w.Span("zh-CN", test.span); en != test.en || zh != test.zhCN {
			t.Errorf("%v: %q %q", test.span, en, zh)
		}
	}
}

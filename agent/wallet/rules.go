package wallet

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"tillwire/agent"
)

// Rule recognises one kind of text. Rules are tried in order and the first that
// matches decides, so a prefix stands before a length.
type Rule struct {
	Name    string // its own, for settings and messages: "linepay_length"
	Kind    agent.CodeKind
	Scheme  string // the word for Code.Scheme and for a wallet's list of schemes
	Pattern string // regular expression over the cleaned text, anchored at its beginning; "" recognises nothing
	// First is a narrower scheme whose wallet is asked before Scheme's: codes of
	// one wallet in another country, which another institution charges.
	First string
	// Weak marks a pattern that tells by length alone. It counts only where a
	// configured wallet takes the scheme, or every shelf barcode would match.
	Weak bool
}

const (
	consumer = agent.CodeConsumer
	merchant = agent.CodeMerchant
)

// defaultRules is the table of known schemes. No authoritative prefix is public for
// the rows without a pattern: a shop that has a contract with one of them gets it
// from its acquirer and sets it; we do not guess.
var defaultRules = []Rule{
	{Name: "emv_cpm", Kind: consumer, Scheme: "emv-cpm", Pattern: `^hQVDUFYwM`},                     // EMVCo CPM: 85 05 "CPV01"; the tenth character mixes in the next tag
	{Name: "jpqr_cpm", Kind: consumer, Scheme: "jpqr-cpm", Pattern: `^hQVKUFFS`},                    // JPQR CPM: 85 05 "JPQR"
	{Name: "wechat_hk", Kind: consumer, Scheme: "wechat", First: "wechathk", Pattern: `^15\d{16}$`}, // WeChat Pay, codepay: 15 is the Hong Kong wallet
	{Name: "wechat", Kind: consumer, Scheme: "wechat", Pattern: `^1[0-5]\d{16}$`},
	{Name: "alipay", Kind: consumer, Scheme: "alipay", Pattern: `^(2[5-9]|30)\d{14,22}$`}, // Alipay and Alipay+ alike; the contract says which
	{Name: "unionpay", Kind: consumer, Scheme: "unionpay", Pattern: `^62\d{17}$`},
	{Name: "alipay_face", Kind: consumer, Scheme: "alipay", Pattern: `^fp[0-9A-Za-z]{33}$`}, // Alipay face token
	{Name: "merpay", Kind: consumer, Scheme: "merpay", Pattern: `^31589900\d{11}$`},         // Japan, measured in 2020 on the brands' own apps
	{Name: "aupay", Kind: consumer, Scheme: "aupay", Pattern: `^31589921\d{11}$`},
	{Name: "yuchopay", Kind: consumer, Scheme: "yuchopay", Pattern: `^315899(3[1-9]|40)\d{11}$`},
	{Name: "pring", Kind: consumer, Scheme: "pring", Pattern: `^31589995\d{11}$`},
	{Name: "jpqr_barcode", Kind: consumer, Scheme: "jpqr-barcode", Pattern: `^315899\d{13}$`},
	{Name: "paypay", Kind: consumer, Scheme: "paypay", Pattern: `^9000818188\d{14}$`},
	{Name: "linepay", Kind: consumer, Scheme: "linepay", Pattern: `^9000000000\d{9}$`},
	{Name: "rakutenpay", Kind: consumer, Scheme: "rakutenpay", Pattern: `^900001\d{10}$`},
	{Name: "dbarai", Kind: consumer, Scheme: "dbarai", Pattern: `^90000002\d{14}$`},
	{Name: "origami", Kind: consumer, Scheme: "origami", Pattern: `^90000001\d{14}$`}, // its service is closed
	{Name: "jp_barcode", Kind: consumer, Scheme: "jp-barcode", Pattern: `^9000\d{12,20}$`},
	{Name: "jdpay", Kind: consumer, Scheme: "jdpay"},
	{Name: "meituan", Kind: consumer, Scheme: "meituan"},
	{Name: "ecny", Kind: consumer, Scheme: "ecny"},
	{Name: "grabpay", Kind: consumer, Scheme: "grabpay"},
	{Name: "boost", Kind: consumer, Scheme: "boost"},
	{Name: "tng", Kind: consumer, Scheme: "tng"},
	{Name: "shopeepay", Kind: consumer, Scheme: "shopeepay"},
	{Name: "kakaopay", Kind: consumer, Scheme: "kakaopay"},
	{Name: "jkopay", Kind: consumer, Scheme: "jkopay"},
	{Name: "linepay_length", Kind: consumer, Scheme: "linepay", Pattern: `^(\d{19}|\d{18}|\d{12})$`, Weak: true}, // LINE Pay one-time keys: Japan 19 digits, Taiwan 18, elsewhere 12
	{Name: "shown_emv", Kind: merchant, Scheme: "emv-mpm", Pattern: `^00020[12]`},                                // what a shop shows, and links: nobody's payment code
	{Name: "shown_upi", Kind: merchant, Scheme: "upi", Pattern: `(?i)^upi:`},
	{Name: "shown_twqrp", Kind: merchant, Scheme: "twqrp", Pattern: `(?i)^twqrp(:|%3a)`},
	{Name: "shown_wechat", Kind: merchant, Scheme: "wechat", Pattern: `(?i)^(weixin|wxp)://`},
	{Name: "shown_alipay", Kind: merchant, Scheme: "alipay", Pattern: `(?i)^(alipays?://|https://qr\.alipay\.com/)`},
	{Name: "shown_swissqr", Kind: merchant, Scheme: "swissqr", Pattern: `^SPC\r?\n`},
	{Name: "link", Kind: merchant, Scheme: "url", Pattern: `(?i)^([a-z][a-z0-9+.-]*://|www\.)`},
}

// DefaultRules returns the rules of the schemes that are known.
func DefaultRules() []Rule { return append([]Rule(nil), defaultRules...) }

// OwnRules reads rules that a shop adds for schemes that are not in the table: pairs
// of a scheme's name and a pattern, separated by blanks.
func OwnRules(text string) ([]Rule, error) {
	words := strings.Fields(text)
	if len(words)%2 != 0 {
		return nil, refuse(fmt.Errorf("%q is without its pattern: write pairs of a name and a pattern, separated by blanks", words[len(words)-1]))
	}
	var rules []Rule
	for i := 0; i < len(words); i += 2 {
		if strings.Trim(words[i], "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return nil, refuse(fmt.Errorf("%q is no name: small letters, digits and hyphens make one", words[i]))
		}
		rules = append(rules, Rule{Name: "own " + words[i], Kind: consumer, Scheme: words[i], Pattern: words[i+1]})
	}
	return rules, nil
}

// Join puts a shop's own rules into a table: before the lengths, which are Weak, and
// behind every other rule of a consumer's code.
func Join(rules, own []Rule) []Rule {
	at := slices.IndexFunc(rules, func(r Rule) bool { return r.Weak })
	if at < 0 {
		at = len(rules)
	}
	return slices.Insert(slices.Clone(rules), at, own...)
}

// rule is a Rule ready for use.
type rule struct {
	Rule
	match *regexp.Regexp
}

// compile makes rules ready; those without a pattern are left out.
func compile(rules []Rule) ([]rule, error) {
	ready := make([]rule, 0, len(rules))
	for _, r := range rules {
		if r.Pattern == "" {
			continue
		}
		c, err := r.compile()
		if err != nil {
			return nil, fmt.Errorf("codes of %s: %w", Brand(r.Scheme), err)
		}
		ready = append(ready, c)
	}
	return ready, nil
}

func (r Rule) compile() (rule, error) {
	switch r.Kind {
	case agent.CodeConsumer, agent.CodeMerchant, agent.CodeGoods:
	default:
		return rule{}, fmt.Errorf("the kind %q must be consumer, merchant or goods", r.Kind)
	}
	match, err := regexp.Compile(r.Pattern)
	if err != nil {
		return rule{}, fmt.Errorf("the pattern %q is not a regular expression: %w", r.Pattern, err)
	}
	if tree, err := syntax.Parse(r.Pattern, syntax.Perl); err != nil || !anchored(tree) {
		return rule{}, fmt.Errorf("the pattern %q must begin with ^, in each of its alternatives, or it finds its scheme inside other codes", r.Pattern)
	}
	return rule{r, match}, nil
}

// anchored holds for a pattern that matches at the beginning of a text alone.
func anchored(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpBeginText:
		return true
	case syntax.OpConcat, syntax.OpCapture:
		return len(re.Sub) > 0 && anchored(re.Sub[0])
	case syntax.OpAlternate:
		return !slices.ContainsFunc(re.Sub, func(sub *syntax.Regexp) bool { return !anchored(sub) })
	}
	return false
}

package wallet

import (
	"fmt"
	"regexp"
	"strings"

	"tillwire/agent"
)

// Rule recognises one kind of text. Rules are tried in order and the first that
// matches decides, so a prefix stands before a length.
type Rule struct {
	Kind    agent.CodeKind
	Scheme  string // the word for Code.Scheme and for a wallet's list of schemes
	Pattern string // regular expression over the cleaned text; anchor it yourself
	// Weak marks a pattern that tells by length alone. It counts only where a
	// configured wallet takes the scheme, or every shelf barcode would match.
	Weak bool
}

// defaultRules is the table of known schemes. No authoritative prefix is public
// for JD Pay, Meituan, e-CNY, GrabPay, Boost, Touch 'n Go, ShopeePay, Kakao and
// JKoPay: a rule is added once one is, we do not guess.
var defaultRules = []Rule{
	{Kind: agent.CodeConsumer, Scheme: "emv-cpm", Pattern: `^hQVDUFYwM`},    // EMVCo CPM: 85 05 "CPV01"; the tenth character mixes in the next tag
	{Kind: agent.CodeConsumer, Scheme: "jpqr-cpm", Pattern: `^hQVKUFFS`},    // JPQR CPM: 85 05 "JPQR"
	{Kind: agent.CodeConsumer, Scheme: "wechat", Pattern: `^1[0-5]\d{16}$`}, // WeChat Pay, codepay; 15 is the Hong Kong wallet
	{Kind: agent.CodeConsumer, Scheme: "alipay", Pattern: `^(2[5-9]|30)\d{14,22}$`},
	{Kind: agent.CodeConsumer, Scheme: "unionpay", Pattern: `^62\d{17}$`},
	{Kind: agent.CodeConsumer, Scheme: "alipay", Pattern: `^fp[0-9A-Za-z]{33}$`}, // Alipay face token
	// Japan, measured in 2020 on the brands' own apps.
	{Kind: agent.CodeConsumer, Scheme: "merpay", Pattern: `^31589900\d{11}$`},
	{Kind: agent.CodeConsumer, Scheme: "aupay", Pattern: `^31589921\d{11}$`},
	{Kind: agent.CodeConsumer, Scheme: "yuchopay", Pattern: `^315899(3[1-9]|40)\d{11}$`},
	{Kind: agent.CodeConsumer, Scheme: "pring", Pattern: `^31589995\d{11}$`},
	{Kind: agent.CodeConsumer, Scheme: "jpqr-barcode", Pattern: `^315899\d{13}$`},
	{Kind: agent.CodeConsumer, Scheme: "paypay", Pattern: `^9000818188\d{14}$`},
	{Kind: agent.CodeConsumer, Scheme: "linepay", Pattern: `^9000000000\d{9}$`},
	{Kind: agent.CodeConsumer, Scheme: "rakutenpay", Pattern: `^900001\d{10}$`},
	{Kind: agent.CodeConsumer, Scheme: "dbarai", Pattern: `^90000002\d{14}$`},
	{Kind: agent.CodeConsumer, Scheme: "origami", Pattern: `^90000001\d{14}$`},
	{Kind: agent.CodeConsumer, Scheme: "jp-barcode", Pattern: `^9000\d{12,20}$`},
	// LINE Pay one-time keys: Japan 19 digits, Taiwan 18, elsewhere 12.
	{Kind: agent.CodeConsumer, Scheme: "linepay", Pattern: `^(\d{19}|\d{18}|\d{12})$`, Weak: true},
	// What a shop shows, and links: nobody's payment code.
	{Kind: agent.CodeMerchant, Scheme: "emv-mpm", Pattern: `^00020[12]`},
	{Kind: agent.CodeMerchant, Scheme: "upi", Pattern: `(?i)^upi:`},
	{Kind: agent.CodeMerchant, Scheme: "twqrp", Pattern: `(?i)^twqrp(:|%3a)`},
	{Kind: agent.CodeMerchant, Scheme: "wechat", Pattern: `(?i)^(weixin|wxp)://`},
	{Kind: agent.CodeMerchant, Scheme: "alipay", Pattern: `(?i)^(alipays?://|https://qr\.alipay\.com/)`},
	{Kind: agent.CodeMerchant, Scheme: "swissqr", Pattern: `^SPC\r?\n`},
	{Kind: agent.CodeMerchant, Scheme: "url", Pattern: `(?i)^([a-z][a-z0-9+.-]*://|www\.)`},
}

// DefaultRules returns the rules of the schemes that are known.
func DefaultRules() []Rule { return append([]Rule(nil), defaultRules...) }

// rule is a Rule ready for use.
type rule struct {
	Rule
	match *regexp.Regexp
}

func (r Rule) compile() (rule, error) {
	switch r.Kind {
	case agent.CodeConsumer, agent.CodeMerchant, agent.CodeGoods:
	default:
		return rule{}, fmt.Errorf("the kind %q must be consumer, merchant or goods", r.Kind)
	}
	if !strings.HasPrefix(strings.TrimPrefix(r.Pattern, "(?i)"), "^") {
		return rule{}, fmt.Errorf("the pattern %q must begin with ^, or it finds its scheme inside other codes", r.Pattern)
	}
	match, err := regexp.Compile(r.Pattern)
	if err != nil {
		return rule{}, fmt.Errorf("the pattern %q is not a regular expression: %w", r.Pattern, err)
	}
	return rule{r, match}, nil
}

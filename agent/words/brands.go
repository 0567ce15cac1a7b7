package words

import (
	"regexp"
	"slices"
	"strings"

	"tillwire/agent"
)

// ofWallets are the sentences, and the problems with their advice, that name a wallet first.
// Whoever says them knows it by its configured name; people know it by the name on its tile.
var ofWallets = []string{
	"error.wallet", "error.wallet_currency", "error.wallet_configuration", "error.shop_code", "error.bill_wallet",
	"problem.line_down", "problem.wallet_down", "problem.clock_ahead", "problem.clock_behind",
}

// branded puts the names that people know into a sentence: those of wallets, and those of the
// schemes of scanned codes where the language has its own.
func (w *Words) branded(lang string, s agent.Sentence) agent.Sentence {
	switch {
	case len(s.Args) == 0:
	case slices.Contains(ofWallets, strings.TrimSuffix(s.ID, ".do")):
		name := w.Wallet(lang, s.Args[0])
		s.English = renamed(s.English, s.Args[0], name)
		s.Args = append([]string{name}, s.Args[1:]...)
	case strings.HasPrefix(s.ID, "scan."):
		s.Args = slices.Clone(s.Args)
		for i, arg := range s.Args {
			s.Args[i] = w.Scheme(lang, arg)
		}
	}
	return s
}

// Scheme is a scheme's brand in a language: "微信支付" for "WeChat Pay". One that has no name of
// its own there keeps its English one.
func (w *Words) Scheme(lang, brand string) string {
	if name, ok := w.find(lang, "brand."+brand, nil); ok {
		return name
	}
	return brand
}

// renamed writes a name in the place of another one, where that stands as a word of its own.
func renamed(text, from, to string) string {
	if from == "" || from == to {
		return text
	}
	return regexp.MustCompile(`\b`+regexp.QuoteMeta(from)+`\b`).ReplaceAllLiteralString(text, to)
}

package web

import (
	"slices"
	"strings"

	"tillwire/agent"
	"tillwire/agent/words"
)

// wallets adds to each offer whether its cloud is reached; a wallet that nothing
// was asked of yet counts as reached.
func wallets(offers []agent.Offer, line agent.Line) []walletJSON {
	list := make([]walletJSON, 0, len(offers))
	for _, o := range offers {
		state := line.Wallets[o.Name].State
		if state == "" {
			state = agent.LineOnline
		}
		list = append(list, walletJSON{o, state})
	}
	return list
}

// showing names the wallets that give codes to show, the lane's own first.
func showing(offers []agent.Offer, own string) []string {
	list := []string{}
	for _, o := range offers {
		if o.Show && o.Name == own {
			list = slices.Insert(list, 0, o.Name)
		} else if o.Show {
			list = append(list, o.Name)
		}
	}
	return list
}

// scanning names the wallets whose customers' codes can be charged.
func scanning(offers []agent.Offer) []string {
	list := []string{}
	for _, o := range offers {
		if o.Scan {
			list = append(list, o.Name)
		}
	}
	return list
}

// currencies is what a cashier can choose from: the shop's own and whatever some
// wallet names, in the shop's order of wallets.
func currencies(own agent.Currency, offers []agent.Offer) []agent.Currency {
	list := []agent.Currency{own}
	for _, o := range offers {
		for _, c := range o.Currencies {
			if c.Known() && !slices.Contains(list, c) {
				list = append(list, c)
			}
		}
	}
	return list
}

// walletNames are the brands as the staff know them, for the page's script.
func (s *Server) walletNames(lang string) map[string]string {
	names := map[string]string{}
	for _, key := range s.Words.Keys("wallet.") {
		names[strings.TrimPrefix(key, "wallet.")] = s.Words.Text(lang, key)
	}
	for _, o := range s.Counter.Offers() {
		names[o.Name] = s.Words.Wallet(lang, o.Name)
	}
	return names
}

// money writes an amount for the staff in English.
func (s *Server) money(m agent.Money) string { return s.moneyIn(words.English, m) }

// moneyIn writes an amount for the staff as their language does. A currency other
// than the shop's own is also named by its code: a yen and a yuan have one sign.
func (s *Server) moneyIn(lang string, m agent.Money) string {
	text := s.Words.MoneyIn(lang, m)
	if m.Currency == s.Currency || strings.Contains(text, string(m.Currency)) {
		return text
	}
	return text + " " + string(m.Currency)
}

// paidIn writes what left the customer's account. Beside an amount in another
// currency it always says which one it is: the shop's own sign may be the other's too.
func (s *Server) paidIn(lang string, sum, asked agent.Money) string {
	text := s.moneyIn(lang, sum)
	if sum.Currency == asked.Currency || strings.Contains(text, string(sum.Currency)) {
		return text
	}
	return text + " " + string(sum.Currency)
}

// payerName is a brand in the words of those who pay with it, which may be another
// script beside the page's.
func (s *Server) payerName(lang, name string) string {
	if key := "payer." + name; s.Words.Has(lang, key) && s.Words.Titled(name) == "" {
		return s.Words.Text(lang, key)
	}
	return s.Words.Wallet(lang, name)
}

// openApp says with which app the customer scans a wallet's code.
func (s *Server) openApp(lang, name string) string {
	if key := "open." + name; s.Words.Has(lang, key) {
		return s.Words.Text(lang, key)
	}
	return s.Words.Text(lang, "display.open", s.payerName(lang, name))
}

// marks names the wallets whose codes the shop scans in a currency.
func (s *Server) marks(lang string, c agent.Currency) []string {
	names := []string{}
	for _, o := range s.Counter.Offers() {
		if o.Scan && o.Takes(c) {
			names = append(names, s.payerName(lang, o.Name))
		}
	}
	return names
}

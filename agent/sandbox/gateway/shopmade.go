package gateway

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"tillwire/agent"
	"tillwire/agent/sandbox"
)

// The objects that a shop adds to its printed code, or writes anew, when it makes one
// for a sale (EMVCo merchant-presented mode): how it was made, amount, reference, and
// checksum.
const (
	objectMethod    = "01"
	objectCurrency  = "53"
	objectAmount    = "54"
	objectAdded     = "62"
	objectReference = "05"
	objectChecksum  = "63"
)

// emvObject is an object of a merchant-presented code.
type emvObject struct{ id, value string }

// objects takes a code, or a template of it, apart.
func objects(text string) (list []emvObject, ok bool) {
	for text != "" {
		if len(text) < 4 {
			return nil, false
		}
		length, err := strconv.ParseUint(text[2:4], 10, 8)
		id, rest := text[:2], text[4:]
		end := 0
		for range length {
			_, size := utf8.DecodeRuneInString(rest[end:])
			end += size
		}
		if err != nil || uint64(utf8.RuneCountInString(rest[:end])) != length {
			return nil, false
		}
		list, text = append(list, emvObject{id, rest[:end]}), rest[end:]
	}
	return list, true
}

func valueOf(list []emvObject, id string) string {
	i := slices.IndexFunc(list, func(o emvObject) bool { return o.id == id })
	if i < 0 {
		return ""
	}
	return list[i].value
}

// whose are the objects that say whose code it is.
func whose(list []emvObject) []emvObject {
	return slices.DeleteFunc(slices.Clone(list), func(o emvObject) bool {
		return slices.Contains([]string{objectMethod, objectAmount, objectAdded, objectChecksum}, o.id)
	})
}

// Printed is the code that the shop has on its counter, without amount and reference;
// empty where the brand has none.
func (w *Wallet) Printed() string {
	if !w.brand.shopMade {
		return ""
	}
	made, _ := objects(w.brand.show(shown{name: "Corner shop", reference: "0", amount: agent.Money{Value: 1, Currency: w.brand.Currencies[0]}})) // of our own making
	var b strings.Builder
	for i, o := range whose(made) {
		b.WriteString(tlv(o.id, o.value))
		if i == 0 {
			b.WriteString(tlv(objectMethod, "11"))
		}
	}
	return sealed(b.String())
}

// ReadShopMade implements [sandbox.ShopMade]: the printed code of the shop with an
// amount and the end of an order number.
func (w *Wallet) ReadShopMade(text string) (sandbox.Showing, bool) {
	text = strings.TrimSpace(text)
	list, ok := objects(text)
	printed, okPrinted := objects(w.Printed())
	if !ok || !okPrinted || len(printed) == 0 || !slices.Equal(whose(list), whose(printed)) || sealed(text[:max(0, len(text)-8)]) != text {
		return sandbox.Showing{}, false
	}
	currency := w.brand.Currencies[0]
	added, ok := objects(valueOf(list, objectAdded))
	reference := valueOf(added, objectReference)
	value, okAmount := minor(valueOf(list, objectAmount), currency)
	if !ok || !okAmount || len(reference) != 20 || w.brand.takes(agent.Money{Value: value, Currency: currency}) != nil {
		return sandbox.Showing{}, false
	}
	return sandbox.Showing{Key: sandbox.Key{Wallet: w.brand.Name, Merchant: w.terminal.Merchant}, Alias: reference, Amount: value, Currency: string(currency),
		Description: w.brand.Title, QR: text}, true
}

// minor reads an amount as object 54 has it.
func minor(text string, c agent.Currency) (int64, bool) {
	whole, part, _ := strings.Cut(text, ".")
	n := c.Exponent()
	if whole == "" || len(part) > n || strings.Trim(whole+part, "0123456789") != "" {
		return 0, false
	}
	v, err := strconv.ParseInt(whole+part+strings.Repeat("0", n-len(part)), 10, 64)
	return v, err == nil && v > 0
}

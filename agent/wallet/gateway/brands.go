package gateway

import "tillwire/agent"

// Kind is what a shown code is.
type Kind string

// The kinds of codes to show.
const (
	KindEMV  Kind = "emv"  // EMV merchant-presented text
	KindUPI  Kind = "upi"  // a upi://pay link
	KindLink Kind = "link" // any other link, by its prefixes
)

// Brand is what is known of a wallet before the gateway was asked. One row is one
// brand; what the gateway's capabilities say adds to it.
type Brand struct {
	Name       string           // as in requests
	Charges    bool             // takes customers' codes
	Shows      bool             // gives codes to show
	Takes      []string         // schemes of codes, as wallet.Rule names them; empty: the brand's own name
	Currencies []agent.Currency // empty: whatever the gateway takes
	Kind       Kind             // of the codes to show; empty: the gateway says
	Profiles   []string         // national profiles those may have; empty: any
}

// brands are the schemes and wallets that shops reach through an acquirer.
var brands = []Brand{
	{Name: "promptpay", Shows: true, Currencies: []agent.Currency{"THB"}, Kind: KindEMV, Profiles: []string{"promptpay"}},
	{Name: "paynow", Shows: true, Currencies: []agent.Currency{"SGD"}, Kind: KindEMV, Profiles: []string{"paynow", "sgqr"}},
	{Name: "qris", Shows: true, Currencies: []agent.Currency{"IDR"}, Kind: KindEMV, Profiles: []string{"qris"}},
	{Name: "duitnow", Shows: true, Currencies: []agent.Currency{"MYR"}, Kind: KindEMV, Profiles: []string{"duitnow"}},
	{Name: "pix", Shows: true, Currencies: []agent.Currency{"BRL"}, Kind: KindEMV, Profiles: []string{"pix"}},
	{Name: "vietqr", Shows: true, Currencies: []agent.Currency{"VND"}, Kind: KindEMV, Profiles: []string{"vietqr", "vnpay"}},
	{Name: "khqr", Shows: true, Currencies: []agent.Currency{"KHR", "USD"}, Kind: KindEMV, Profiles: []string{"khqr"}},
	{Name: "fps", Shows: true, Currencies: []agent.Currency{"HKD", "CNY"}, Kind: KindEMV, Profiles: []string{"hkqr"}},
	{Name: "laoqr", Shows: true, Currencies: []agent.Currency{"LAK"}, Kind: KindEMV, Profiles: []string{"laoqr"}},
	{Name: "jpqr", Charges: true, Shows: true, Takes: []string{"jpqr-cpm", "jpqr-barcode"}, Currencies: []agent.Currency{"JPY"}, Kind: KindEMV, Profiles: []string{"jpqr"}},
	{Name: "upi", Shows: true, Currencies: []agent.Currency{"INR"}, Kind: KindUPI},
	{Name: "unionpay", Charges: true, Shows: true, Takes: []string{"unionpay"}, Kind: KindEMV},
	{Name: "alipayplus", Charges: true, Shows: true, Takes: []string{"alipay"}},
	{Name: "linepay", Charges: true},
	{Name: "paypay", Charges: true, Shows: true, Currencies: []agent.Currency{"JPY"}},
}

// Known finds a brand in the table.
func Known(name string) (Brand, bool) {
	for _, b := range brands {
		if b.Name == name {
			return b, true
		}
	}
	return Brand{}, false
}

// Brands lists the names of the brands that are known beforehand, in the table's
// order; a gateway may have others.
func Brands() []string {
	names := make([]string, 0, len(brands))
	for _, b := range brands {
		names = append(names, b.Name)
	}
	return names
}

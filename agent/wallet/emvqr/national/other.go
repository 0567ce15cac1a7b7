package national

import (
	"strings"
	"unicode/utf8"

	"tillwire/agent/wallet/emvqr"
)

// consumerSchemes are known by the beginning of an application's AID, the
// registered provider and, where one provider runs several, what follows.
var consumerSchemes = []struct {
	aid string // upper-case hexadecimal
	Profile
}{
	{"A0000006022020", Profile{"qris", "QRIS", "ID", []string{"360"}}},
	{"A000000615", Profile{"duitnow", "DuitNow", "MY", []string{"458"}}},
	{"A000000677010114", Profile{"promptpay", "PromptPay", "TH", []string{"764"}}},
	{"A000000333", Profile{"unionpay", "UnionPay", "", nil}},
	{"A000000003", Profile{"visa", "Visa", "", nil}},
	{"A000000004", Profile{"mastercard", "Mastercard", "", nil}},
	{"A000000065", Profile{"jcb", "JCB", "", nil}},
}

// IdentifyConsumer names the scheme of a consumer-presented code: that of the
// first application which is known, for the customer's wallet lists them in
// its order of preference; "emv" when none is. The complaints are what EMVCo
// CPM 1.1 would object to.
func IdentifyConsumer(code emvqr.Consumer) (Profile, []string) {
	var c complaints
	apps := code.Applications()
	if len(apps) == 0 {
		c.add("no application is given (61)")
	}
	japan := strings.HasPrefix(code.Indicator, "JPQR")
	for i, a := range apps {
		switch {
		case a.AID == "":
			c.add("application %d has no name (4F)", i+1)
		case japan && !(len(a.AID) == 8 && digits(a.AID)):
			c.add("the brand id of application %d is not 8 digits", i+1)
		case !japan && (len(a.AID) < 10 || len(a.AID) > 32):
			c.add("the AID of application %d is not 5 to 16 bytes", i+1)
		}
		if utf8.RuneCountInString(a.Label) > 16 {
			c.add("the label of application %d is longer than 16 characters", i+1)
		}
	}
	if japan {
		return Profile{"jpqr", "JPQR", "JP", []string{"392"}}, c
	}
	for _, a := range apps {
		if p, known := application(a); known {
			return p, c
		}
	}
	return Profile{Name: "emv", Title: "EMV"}, c
}

// Applications names the known schemes of a consumer-presented code in the order in
// which the customer's wallet prefers them. A JPQR code names the brand by a number
// that is not published, so there is none.
func Applications(code emvqr.Consumer) (names []string) {
	for _, a := range code.Applications() {
		if p, known := application(a); known && !strings.HasPrefix(code.Indicator, "JPQR") {
			names = append(names, p.Name)
		}
	}
	return names
}

func application(a emvqr.Application) (Profile, bool) {
	for _, s := range consumerSchemes {
		if strings.HasPrefix(a.AID, s.aid) {
			return s.Profile, true
		}
	}
	return Profile{}, false
}

// upi is no row of the table: its codes are links.
var upi = Profile{"upi", "UPI", "IN", []string{"356"}}

// IdentifyUPI gives the profile of a UPI link and what NPCI's linking
// specification would object to.
func IdentifyUPI(link emvqr.Link) (Profile, []string) {
	var c complaints
	switch address := link.Get("pa"); {
	case address == "":
		c.add("pa, the recipient's address, is missing")
	case !withAt().fits(address):
		c.add("pa, the recipient's address, is not %s", withAt().say)
	}
	if link.Get("pn") == "" {
		c.add("pn, the recipient's name, is missing")
	}
	for _, key := range []string{"am", "mam"} {
		amount := link.Get(key)
		_, fraction, _ := strings.Cut(amount, ".")
		if amount != "" && (!decimal(amount, 20) || len(fraction) > 2) {
			c.add("%s, an amount, is not a number with at most two decimals", key)
		}
	}
	if currency := link.Get("cu"); currency != "" && currency != "INR" {
		c.add("cu, the currency, is not INR")
	}
	if len(link.Get("tr")) > 35 {
		c.add("tr, the reference, is longer than 35 characters")
	}
	if mode := link.Get("mode"); (mode == "15" || mode == "16") && link.Get("tr") == "" {
		c.add("tr, the reference, is missing in a dynamic code")
	}
	if n := len(link.Params); link.Get("sign") != "" && link.Params[n-1].Key != "sign" {
		c.add("sign is not the last parameter; it covers only what stands before it")
	}
	return upi, c
}

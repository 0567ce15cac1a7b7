package national

import (
	"fmt"
	"slices"
	"strings"

	"tillwire/agent/wallet/emvqr"
)

// Apart says why two codes cannot be one.
type Apart struct{ Why string }

// Error implements error.
func (a *Apart) Error() string { return "national: one code for several wallets: " + a.Why }

// Share puts the accounts of several codes into one, which the payer scans with any
// of their wallets, as SGQR, HKQR and JPQR have it. The first code is the one that
// is shared: its scheme has to allow other brands' accounts, and what it says of the
// merchant stands for all. It is possible only where the codes ask for the same
// amount of the same currency in the same country, say the same of tips and
// additional data, and no two of them are of one brand. An account whose id is taken
// moves to a free one of 26 to 50, for readers look for its name; a primitive one
// (02 to 25) and object 51 stay where they are.
//
// The codes are whole payloads; the error is an *Apart or, for a code that does not
// read, that of emvqr. One shared code is one order at every wallet in it: whoever
// shows it asks all of them and closes the others once one has paid.
func Share(codes ...string) (string, error) {
	if len(codes) == 0 {
		return "", &Apart{"no code is given"}
	}
	shared, row, err := readRow(codes[0])
	if err != nil {
		return "", err
	}
	if len(codes) > 1 && !row.shares {
		return "", &Apart{row.Title + " keeps its codes to itself"}
	}
	for _, code := range codes[1:] {
		other, its, err := readRow(code)
		if err != nil {
			return "", err
		}
		if err := agree(shared, other, its); err != nil {
			return "", err
		}
		if err := join(&shared, other, its); err != nil {
			return "", err
		}
	}
	text, err := emvqr.Encode(emvqr.Canonical(shared))
	if err != nil {
		return "", err
	}
	return text, keeps(text, row)
}

// Shares tells whether a scheme allows other brands' accounts in its codes.
func Shares(name string) bool {
	return slices.ContainsFunc(merchantSchemes, func(s scheme) bool { return s.Name == name && s.shares })
}

func readRow(code string) (emvqr.Payload, scheme, error) {
	p, err := emvqr.ReadMerchant(code)
	if err != nil {
		return p, scheme{}, err
	}
	for _, s := range merchantSchemes {
		if _, found := s.find(p); found {
			return p, s, nil
		}
	}
	return p, scheme{}, &Apart{"the scheme of a code is not known"}
}

// agree checks what the codes share. Names and postal codes may differ: they are
// one shop's in the words of two contracts.
func agree(a, b emvqr.Payload, its scheme) error {
	for _, id := range []string{"00", "01", "53", "54", "55", "56", "57", "58"} {
		x, y := a.Get(id), b.Get(id)
		if id == "01" && (x == "12") == (y == "12") {
			continue // a static code may leave it out
		}
		if x != y {
			return &Apart{fmt.Sprintf("object %s of %s is %q and not %q", id, its.Title, y, x)}
		}
	}
	if x, y := a.Get("62"), b.Get("62"); x != y && y != "" {
		return &Apart{"the additional data (62) of " + its.Title + " differ, and a code has them once"}
	}
	return nil
}

// join moves the accounts of another code into the shared one.
func join(shared *emvqr.Payload, other emvqr.Payload, its scheme) error {
	for _, o := range other.Objects {
		if o.ID < "02" || o.ID > "51" {
			continue
		}
		if o.Nested == nil || o.ID < "26" || o.ID == "51" {
			if have := shared.Get(o.ID); have != "" && have != o.Value {
				return &Apart{fmt.Sprintf("%s needs object %s, which is taken", its.Title, o.ID)}
			} else if have == "" {
				shared.Objects = append(shared.Objects, o)
			}
			continue
		}
		brand := value(o, "00")
		for _, have := range shared.Objects {
			if accountTemplate(have.ID) && strings.EqualFold(value(have, "00"), brand) && brand != "" {
				return &Apart{"both codes are of " + brand}
			}
		}
		id := free(*shared, o.ID)
		if id == "" {
			return &Apart{"there is no room for another account"}
		}
		o.ID = id
		shared.Objects = append(shared.Objects, o)
	}
	return nil
}

// free is the id itself, or else the first of 26 to 50 that nothing stands at.
func free(p emvqr.Payload, id string) string {
	for n := 26; p.Get(id) != ""; n++ {
		if n > 50 {
			return ""
		}
		id = fmt.Sprint(n)
	}
	return id
}

// keeps checks that the shared code still is the first one's.
func keeps(text string, row scheme) error {
	p, err := emvqr.ReadMerchant(text)
	if err != nil {
		return err
	}
	if profile, complaints := Identify(p); profile.Name != row.Name || len(complaints) > 0 {
		return &Apart{fmt.Sprintf("together they would be taken for a code of %s %s", profile.Title, strings.Join(complaints, "; "))}
	}
	return nil
}

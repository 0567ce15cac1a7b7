package national

import (
	"maps"
	"slices"
	"strings"

	"tillwire/agent/wallet/emvqr"
)

// writing is the part of a row that says how codes of the scheme are written.
type writing struct {
	accounts  []account
	reference spot
	elsewhere bool     // a code for one payment may lack the amount: it stands behind an address
	once      []string // sources that a code for one payment needs
	name      string   // what stands for a merchant's name that is not given
	city      string
	silent    bool          // a static code leaves 01 out
	tips      bool          // the scheme's wallets know 55 to 57
	fill      func(*writer) // what the rest of the row cannot say; may be nil
}

// account is one template that identifies who is paid.
type account struct {
	id    string   // "29"
	guid  string   // what 00 says; "" when a slot fills it
	by    []string // written when one of these sources is given; nil: one of its members
	not   string   // not written when this source is given
	holds []slot
}

// slot is one object of an account and what it is filled from: a member of
// Ask.Account, "=" and a constant, or "@" and a part of the Ask.
type slot struct {
	id   string // "01", or "01.00" inside 01
	from string
	as   func(string) string // puts what people write into the scheme's form; may be nil
}

// spot is where the shop's reference goes.
type spot struct {
	path string // "62.05"; "" means an account has a slot for it, or there is no place
	most int    // characters
	form form
}

// Write makes the payload of a code. It is strict: objects in the order of their
// ids, lengths in characters, the amount with exactly the scheme's decimals, ASCII
// in name and city, and nothing that the scheme's own row would complain about on
// reading. For "upi" the payload is a link. The error is a *Refused.
func Write(a Ask) (string, error) {
	if a.Scheme == upi.Name {
		return writeUPI(a)
	}
	for _, s := range merchantSchemes {
		if s.Name == a.Scheme {
			w := writer{ask: a, row: s, used: map[string]bool{}}
			return w.write()
		}
	}
	return "", &Refused{a.Scheme, []string{"this scheme is not known; there are " + strings.Join(Schemes(), ", ")}}
}

// Schemes lists what Write can write, sorted.
func Schemes() []string {
	names := []string{upi.Name}
	for _, s := range merchantSchemes {
		names = append(names, s.Name)
	}
	slices.Sort(names)
	return names
}

// Members lists what Ask.Account may hold for a scheme, in the order of its
// objects. Accounts of other brands, by path, come beside them.
func Members(scheme string) (names []string) {
	if scheme == upi.Name {
		return []string{"vpa"}
	}
	for _, s := range merchantSchemes {
		if s.Name != scheme {
			continue
		}
		for _, a := range s.write.accounts {
			for _, h := range a.holds {
				if h.from[0] != '=' && h.from[0] != '@' && !slices.Contains(names, h.from) {
					names = append(names, h.from)
				}
			}
		}
	}
	return names
}

// Labels lists the names that Ask.Labels knows, sorted.
func Labels() []string { return slices.Sorted(maps.Keys(labels)) }

// writer puts one code together.
type writer struct {
	ask     Ask
	row     scheme
	payload emvqr.Payload
	used    map[string]bool // sources that were written
	why     complaints
}

func (w *writer) write() (string, error) {
	w.head()
	w.accounts()
	w.money()
	w.merchant()
	w.additional()
	w.leftovers()
	if len(w.why) > 0 {
		return "", w.refused()
	}
	text, err := emvqr.Encode(emvqr.Canonical(w.payload))
	if err != nil {
		w.why.add("%v", err)
		return "", w.refused()
	}
	// What is written must read: by whoever pays it, and first of all here.
	read, err := emvqr.ReadMerchant(text)
	if err != nil {
		w.why.add("%v", err)
		return "", w.refused()
	}
	profile, complaints := Identify(read)
	if profile.Name != w.row.Name {
		w.why.add("it would be taken for a code of %s", profile.Title)
	}
	w.why = append(append(w.why, read.Warnings...), complaints...)
	if len(w.why) > 0 {
		return "", w.refused()
	}
	return text, nil
}

func (w *writer) refused() error { return &Refused{w.row.Name, w.why} }

// put writes a value at a path of ids, "54" or "38.01.00". An empty value is none.
func (w *writer) put(path, value string) {
	if value == "" {
		return
	}
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7F || r == '\uFFFD' }) {
		w.why.add("%s has a character that cannot be written", path)
		return
	}
	objects, left := &w.payload.Objects, path
	for {
		id, rest, deeper := strings.Cut(left, ".")
		at := slices.IndexFunc(*objects, func(o emvqr.Object) bool { return o.ID == id })
		switch {
		case at < 0 && !deeper:
			*objects = append(*objects, emvqr.Object{ID: id, Value: value})
			return
		case at < 0:
			*objects = append(*objects, emvqr.Object{ID: id})
			at = len(*objects) - 1
		case !deeper, (*objects)[at].Value != "":
			w.why.add("%s would be written twice", path)
			return
		}
		objects, left = &(*objects)[at].Nested, rest
	}
}

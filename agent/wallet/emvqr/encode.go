package emvqr

import (
	"fmt"
	"slices"
	"strings"
)

// Canonical returns the payload with its objects in the order in which this
// program writes codes: 00, 01, the accounts, 52 to 62, 64 to 99, and 63 last. It
// is the order of the ids, in templates too. An object that nests is kept by what
// is inside it.
func Canonical(p Payload) Payload {
	p.Objects = inOrder(p.Objects)
	return p
}

func inOrder(objects []Object) []Object {
	ordered := slices.Clone(objects)
	for i := range ordered {
		if o := &ordered[i]; o.Nested != nil {
			o.Nested, o.Value = inOrder(o.Nested), ""
		}
	}
	slices.SortStableFunc(ordered, func(a, b Object) int {
		return strings.Compare(place(a.ID), place(b.ID))
	})
	return ordered
}

// place is what an id is sorted by. Inside a template 63 is an id like any other,
// but no scheme uses it there.
func place(id string) string {
	if id == "63" {
		return "last"
	}
	return id
}

// Encode writes the payload with its checksum. The objects keep their order,
// lengths count characters unless ByteLengths is set, an object 63 among them
// is replaced. It refuses an id that is not two digits and a value that is
// empty or longer than 99.
func Encode(p Payload) (string, error) {
	u := unit(p.ByteLengths)
	var b strings.Builder
	for _, o := range p.Objects {
		if o.ID == "63" {
			continue
		}
		if err := write(&b, o, u); err != nil {
			return "", err
		}
	}
	b.WriteString("6304")
	return b.String() + checksum(b.String()), nil
}

func write(b *strings.Builder, o Object, u unit) error {
	value := o.Value
	if value == "" {
		var inner strings.Builder
		for _, n := range o.Nested {
			if err := write(&inner, n, u); err != nil {
				return fmt.Errorf("in object %s: %w", o.ID, err)
			}
		}
		value = inner.String()
	}
	if len(o.ID) != 2 || !digits(o.ID) {
		return fmt.Errorf("emvqr: encode: %q is no id of two digits", o.ID)
	}
	n := u.length(value)
	if n < 1 || n > 99 {
		return fmt.Errorf("emvqr: encode: object %s is %d %s long; 1 to 99 can be written", o.ID, n, u)
	}
	b.WriteString(o.ID)
	b.WriteByte(byte('0' + n/10))
	b.WriteByte(byte('0' + n%10))
	b.WriteString(value)
	return nil
}

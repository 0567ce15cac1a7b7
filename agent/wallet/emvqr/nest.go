package emvqr

// napas is the GUID of VietQR, the scheme whose template 38 is known to nest
// once more: 38.01 holds bank and account.
const napas = "A000000727"

// nest looks inside a top-level object. Only ids that EMVCo reserves for
// templates are tried, because a plain value may read like objects by
// accident; one that does not read stays text.
func (o *Object) nest(u unit) {
	account := "26" <= o.ID && o.ID <= "51"
	if !account && o.ID != "62" && o.ID != "64" && o.ID < "80" {
		return
	}
	o.Nested = inside(o.Value, u)
	if account {
		deepen(o.Nested, u)
	}
}

// deepen looks inside the objects of a merchant account template, to any
// depth. National schemes nest there without a rule of EMVCo's, and account
// numbers are free text, so only what can hardly be an accident counts: at
// least two objects, from 00 upwards. Object 00 itself names the scheme. In
// additional data (62.50 to 99) deeper values are left as text.
func deepen(objects []Object, u unit) {
	guid, _ := find(objects, "00")
	for i := range objects {
		o := &objects[i]
		if o.ID == "00" {
			continue
		}
		nested := inside(o.Value, u)
		if !ascending(nested) && !(guid.Value == napas && o.ID == "01") {
			continue
		}
		o.Nested = nested
		deepen(o.Nested, u)
	}
}

// inside reads value as a template, in the lengths of the code around it or,
// for text that a second program put together, in the other ones; nil when it
// does not read.
func inside(value string, u unit) []Object {
	for range 2 {
		if n := count(value, u); n > 0 {
			if objects, err := parse(value, u); err == nil {
				return objects
			}
		}
		if ascii(value) {
			return nil // both lengths are the same
		}
		u = !u
	}
	return nil
}

// count is how many objects of different ids a value holds, 0 when it does not read
// as a template. Most values do not, and this finds it out at no cost.
func count(value string, u unit) (n int) {
	var seen [100]bool
	for value != "" {
		if len(value) < 4 || !digits(value[:4]) {
			return 0
		}
		id, length := twoDigits(value), twoDigits(value[2:])
		_, tail, ok := u.cut(value[4:], length)
		if length == 0 || !ok || seen[id] {
			return 0
		}
		seen[id], value = true, tail
		n++
	}
	return n
}

func ascending(objects []Object) bool {
	if len(objects) < 2 || objects[0].ID != "00" {
		return false
	}
	for i := 1; i < len(objects); i++ {
		if objects[i].ID <= objects[i-1].ID {
			return false
		}
	}
	return true
}

package emvqr

import "slices"

// ForSale makes of a shop's own printed code one for a single sale: it says that it is
// for one payment (01 is "12"), how much (54) and by which reference the shop will ask
// for it (62-05, the reference label, at most 25 characters; EMVCo MPM 1.1, 4.8).
// Everything else stays as the bank wrote it, tips excepted: the amount is the shop's.
// decimal is the amount in major units, as the currency's code writes it.
func ForSale(p Payload, decimal, reference string) (string, error) {
	additional, _ := find(p.Objects, "62")
	own := func(o Object) bool {
		return slices.Contains([]string{"01", "54", "55", "56", "57", "62", "63"}, o.ID)
	}
	p.Objects = append(slices.DeleteFunc(slices.Clone(p.Objects), own),
		Object{ID: "01", Value: "12"}, Object{ID: "54", Value: decimal},
		Object{ID: "62", Nested: append(slices.DeleteFunc(slices.Clone(additional.Nested), func(o Object) bool { return o.ID == "05" }),
			Object{ID: "05", Value: reference})})
	return Encode(Canonical(p))
}

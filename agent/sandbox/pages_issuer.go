package sandbox

import (
	"cmp"
	"fmt"
	"time"
)

// issuerRow is an issuer on the sandbox's page, all text already.
type issuerRow struct {
	Brand    string
	Number   int
	Version  string
	Keys     []issuerKeyRow
	Vouchers []issuerVoucherRow
}

type issuerKeyRow struct {
	ID, From, Until, State string
	Revoked                bool
}

type issuerVoucherRow struct {
	ID, Customer, Kind, Total, Drawn, Left, Until string
	Denied                                        bool
}

func issuerRows(reports []IssuerReport) []issuerRow {
	var rows []issuerRow
	for _, r := range reports {
		row := issuerRow{Brand: r.Brand, Number: r.Number, Version: fmt.Sprint(cmp.Or(r.Published, r.Version))}
		if r.Published != 0 {
			row.Version += fmt.Sprintf(" instead of %d", r.Version)
		}
		for _, k := range r.Keys {
			row.Keys = append(row.Keys, issuerKeyRow{ID: k.ID, From: dayOf(k.From), Until: dayOf(k.Until), State: keyState(k), Revoked: k.Revoked})
		}
		for _, v := range newestFirst(r.Vouchers[max(0, len(r.Vouchers)-pageRows):]) {
			row.Vouchers = append(row.Vouchers, issuerVoucherRow{ID: v.ID, Customer: v.Customer, Kind: v.Kind, Total: money(v.Total, v.Currency),
				Drawn: money(v.Drawn, v.Currency), Left: money(v.Total-v.Drawn-v.Returned, v.Currency), Until: dayOf(v.Until), Denied: v.Denied})
		}
		rows = append(rows, row)
	}
	return rows
}

func keyState(k IssuerKey) string {
	switch {
	case k.Revoked:
		return "withdrawn"
	case k.InUse:
		return "signs now"
	}
	return "still taken"
}

func dayOf(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

package web

import (
	"encoding/csv"
	"io"
	"net/http"
	"strconv"
	"time"

	"tillwire/agent"
)

// dayHead names the columns of a day's export. Amounts are decimal, with the digits
// that their currency has.
var dayHead = []string{"day", "wallet", "currency", "paid", "open", "taken", "given_back", "takings"}

// dayCSV writes a day by wallet and currency, for a spreadsheet. Rows are never
// summed over wallets: whoever adds a column up must not count anything twice.
func (s *Server) dayCSV(w http.ResponseWriter, r *http.Request, _ agent.Person) error {
	day := r.URL.Query().Get("day")
	if day == "" {
		day = "today"
	}
	from, to, err := s.day(day)
	if err != nil {
		return err
	}
	hours, err := s.Store.TotalsByHour(r.Context(), from, to)
	if err != nil {
		return err
	}
	name := from.Format(time.DateOnly)
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="takings-`+name+`.csv"`)
	rows := [][]string{dayHead}
	for _, d := range byWallet(hours, s.Currency) {
		if !d.Sum {
			rows = append(rows, []string{name, d.Wallet, string(d.Net.Currency), strconv.Itoa(d.Paid), strconv.Itoa(d.Open), d.Taken.Decimal(), d.Refunded.Decimal(), d.Net.Decimal()})
		}
	}
	// Spreadsheets take a file for UTF-8 only with this mark before it.
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return nil // the browser has gone away
	}
	if err := csv.NewWriter(w).WriteAll(rows); err != nil {
		s.Log.Warn("an export was cut off", "comp", "web", "err", err)
	}
	return nil
}

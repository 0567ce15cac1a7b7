package sandbox

import (
	"bytes"
	"embed"
	"encoding/json"
	"html/template"
	"net/http"
	"path"
	"strings"
)

//go:embed ui
var ui embed.FS

// pageRows is how many orders and requests the sandbox's page shows.
const pageRows = 100

// page renders one of the templates; it is small enough to parse every time.
func (c *Cloud) page(w http.ResponseWriter, r *http.Request, name string, data any) {
	t, err := template.ParseFS(ui, "ui/"+name)
	var b bytes.Buffer
	if err == nil {
		err = t.Execute(&b, data)
	}
	if err != nil {
		c.broken(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(b.Bytes()) // a browser that left needs no page
}

// asset serves a style or a script; templates are not for the outside.
func (c *Cloud) asset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	kind := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}[path.Ext(name)]
	b, err := ui.ReadFile("ui/" + name)
	if kind == "" || err != nil {
		fail(w, http.StatusNotFound, "not_found", "There is nothing at this address.")
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(b) // a browser that left needs no asset
}

// kindTexts says to people what a kind of fault does.
var kindTexts = map[FaultKind]string{
	DropRequest: "reset during the request", DropResponse: "reset during the answer", Delay: "hold the answer", StatusOnly: "bare HTTP status",
	BadSignature: "wrong signature", WrongAmount: "wrong amount", Duplicate: "deliver twice", CaptivePortal: "captive portal", RefuseConnection: "refuse connections",
}

// kindOption is one choice of the fault form.
type kindOption struct {
	Kind FaultKind
	Text string
}

// orderRow is a line of the page's ledger, all text already.
type orderRow struct {
	Wallet, OrderNo, State, Reason, Amount, Captured, Refunded, Keeps, History string
}

func (c *Cloud) controlPage(w http.ResponseWriter, r *http.Request) {
	orders, err := c.options.Ledger.Orders(r.Context(), pageRows)
	if err != nil {
		c.broken(w, r, err)
		return
	}
	requests, err := c.options.Ledger.Requests(r.Context(), pageRows)
	if err != nil {
		c.broken(w, r, err)
		return
	}
	total := "newest first"
	rows := make([]orderRow, 0, len(orders))
	for _, o := range newestFirst(orders) {
		rows = append(rows, tableRow(o))
	}
	type requestRow struct {
		Seen
		At string
	}
	var seen []requestRow
	for _, s := range newestFirst(requests) {
		seen = append(seen, requestRow{s, s.At.Format("15:04:05.000")})
	}
	var kinds []kindOption
	for _, k := range FaultKinds {
		kinds = append(kinds, kindOption{k, string(k) + " – " + kindTexts[k]})
	}
	issuers, err := c.reports(r.Context())
	if err != nil {
		c.broken(w, r, err)
		return
	}
	c.page(w, r, "control.html", map[string]any{"Operations": operations, "Wallets": c.walletNames(), "Kinds": kinds,
		"Faults": c.Faults(), "Orders": rows, "Requests": seen, "Total": total, "Cut": c.faults.cut(), "Issuers": issuerRows(issuers)})
}

// newestFirst turns a list around without touching it.
func newestFirst[T any](list []T) []T {
	out := make([]T, 0, len(list))
	for i := len(list) - 1; i >= 0; i-- {
		out = append(out, list[i])
	}
	return out
}

func tableRow(o OrderWithHistory) orderRow {
	// What the shop keeps is the number to compare with its own books.
	keeps := o.Captured - o.Refunded
	if o.Reversed {
		keeps = 0
	}
	var events []string
	for _, e := range o.History {
		text := e.At.Format("15:04:05") + " " + e.Event
		if e.Amount != 0 {
			text += " " + money(e.Amount, o.Currency)
		}
		events = append(events, text)
	}
	return orderRow{Wallet: o.Wallet, OrderNo: o.OrderNo, State: string(o.State), Reason: string(o.Reason), Amount: money(o.Amount, o.Currency), Captured: money(o.Captured, o.Currency),
		Refunded: money(o.Refunded, o.Currency), Keeps: money(keeps, o.Currency), History: strings.Join(events, " · ")}
}

// script is what a page hands to its program, as JSON in an attribute.
func script(words map[string]string) string {
	chosen := map[string]string{}
	for _, name := range scriptWords {
		chosen[name] = words[name]
	}
	b, err := json.Marshal(chosen)
	if err != nil {
		return "{}" // strings always marshal
	}
	return string(b)
}

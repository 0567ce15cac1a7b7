package sandbox

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tillwire/agent"
	"tillwire/agent/qr"
)

// historyRows is how many orders a phone shows.
const historyRows = 50

// phoneView is a customer as the pages show one.
type phoneView struct {
	ID, Name, Initial, Manner, Balance string
	Wallet, Brand, Code                string // Code is what the shops' codes begin with
}

// view falls back to the id for a customer without a name.
func view(c Customer, lang string) phoneView {
	words := phoneWords[lang]
	brand, code := brandOf(c.Wallet, lang)
	name := c.Name
	if name == "" {
		name = words["customer"] + " " + c.ID
	}
	first, _ := utf8.DecodeRuneInString(name)
	return phoneView{ID: c.ID, Name: name, Initial: strings.ToUpper(string(first)), Manner: words[mannerOf(c.Behaviour)], Balance: money(c.Balance, c.Currency),
		Wallet: c.Wallet, Brand: brand, Code: code}
}

// translated is what every phone page needs.
func translated(r *http.Request) (map[string]any, map[string]string) {
	lang := language(r)
	words := phoneWords[lang]
	other, otherName := "zh", "中文"
	if lang == "zh" {
		other, otherName = "en", "English"
	}
	return map[string]any{"Lang": lang, "W": words, "Other": other, "OtherName": otherName, "Script": script(words)}, words
}

// phonesPage lists the phones and makes new ones.
func (c *Cloud) phonesPage(w http.ResponseWriter, r *http.Request) {
	list, err := c.options.Ledger.Customers(r.Context())
	if err != nil {
		c.broken(w, r, err)
		return
	}
	data, words := translated(r)
	lang := language(r)
	var views []phoneView
	for _, customer := range list {
		views = append(views, view(customer, lang))
	}
	var options []option
	for _, b := range Behaviours {
		options = append(options, option{string(b), words[mannerOf(b)]})
	}
	type choice struct {
		Value, Text, Currency string
		Digits                int // after the decimal point
	}
	var wallets []choice
	for _, open := range c.options.Wallets {
		name, _ := brandOf(open.Wallet.Name(), lang)
		for _, currency := range currenciesOf(open.Wallet) {
			wallets = append(wallets, choice{open.Wallet.Name(), name + " · " + currency, currency, agent.Currency(currency).Exponent()})
		}
	}
	data["Customers"], data["Behaviours"], data["Wallets"] = views, options, wallets
	c.page(w, r, "phones.html", data)
}

// phonePage sends a stale bookmark to the list instead of to an error.
func (c *Cloud) phonePage(w http.ResponseWriter, r *http.Request) {
	customer, err := c.options.Ledger.Customer(r.Context(), r.PathValue("id"))
	if errors.Is(err, ErrNoCustomer) {
		http.Redirect(w, r, "/phone", http.StatusSeeOther)
		return
	}
	if err != nil {
		c.broken(w, r, err)
		return
	}
	data, words := translated(r)
	if issuer, err := c.issuerOf(customer.Wallet); err == nil {
		data["Offline"], data["Attacks"], data["Gifts"] = true, attackOptions(issuer, words), giftOptions(customer.Currency)
	}
	data["Looks"] = slices.ContainsFunc(c.options.Counters, func(l Counter) bool { return l.Look != nil })
	data["Customer"], data["Counters"], data["Shows"] = view(customer, language(r)), c.options.Counters, c.shows(customer.Wallet)
	c.page(w, r, "phone.html", data)
}

// option is a choice on a phone's page.
type option struct{ Value, Text string }

// attackOptions are what the phone's owner may do instead of paying.
func attackOptions(i Issuer, words map[string]string) []option {
	list := []option{{"", words["attack_none"]}}
	for _, name := range i.Attacks() {
		list = append(list, option{name, words["attack_"+name]})
	}
	return list
}

// giftOptions are bearer vouchers to buy, in minor units.
func giftOptions(currency string) []option {
	var list []option
	for _, major := range []int64{5, 20, 100} {
		minor := major * Unit(currency)
		list = append(list, option{strconv.FormatInt(minor, 10), money(minor, currency)})
	}
	return list
}

// shows reports whether phones of a wallet have codes to show.
func (c *Cloud) shows(wallet string) bool {
	r, ok := c.wallet(wallet).(Reader)
	return !ok || !r.OnlyReads()
}

// phoneCode is a fresh payment code with its picture. It answers a POST, so
// that no code is ever part of an address.
func (c *Cloud) phoneCode(w http.ResponseWriter, r *http.Request) {
	if !read(w, r, &struct{}{}) {
		return
	}
	code, err := c.issue(r)
	if err != nil {
		c.broken(w, r, err)
		return
	}
	matrix, err := qr.Encode(code.Code, qr.M)
	if err != nil {
		c.broken(w, r, err)
		return
	}
	// Seconds, not a time: the phone's own clock may be wrong.
	left := int(code.Expires.Sub(c.options.Clock.Now()) / time.Second)
	reply(w, http.StatusOK, map[string]any{"code": code.Code, "grouped": grouped(code.Code), "expires": iso(code.Expires),
		"seconds": left, "svg": matrix.SVG("")})
}

// grouped sets a space after every fourth digit, as wallets print codes. A code
// that is not all digits is for scanners alone.
func grouped(code string) string {
	if strings.Trim(code, "0123456789") != "" {
		return ""
	}
	var parts []string
	for digits := range slices.Chunk([]byte(code), 4) {
		parts = append(parts, string(digits))
	}
	return strings.Join(parts, " ")
}

// phonePresent holds the phone to a lane's scanner.
func (c *Cloud) phonePresent(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		Code string `json:"code"`
	}
	if !read(w, r, &ask) {
		return
	}
	counter, ok := c.counter(w, r)
	switch {
	case !ok:
		return
	case ask.Code == "" || strings.ContainsFunc(ask.Code, func(r rune) bool { return r < ' ' || r > '~' }):
		fail(w, http.StatusUnprocessableEntity, "code", "There is no payment code to show.")
		return
	}
	if err := counter.Present(ask.Code); err != nil {
		c.broken(w, r, err)
		return
	}
	reply(w, http.StatusOK, map[string]string{"status": "presented"})
}

// counter is the register in the address; it answers the request itself when there
// is none.
func (c *Cloud) counter(w http.ResponseWriter, r *http.Request) (Counter, bool) {
	i := slices.IndexFunc(c.options.Counters, func(l Counter) bool { return l.ID == r.PathValue("counter") })
	if i < 0 {
		fail(w, http.StatusNotFound, "no_counter", "There is no such register.")
		return Counter{}, false
	}
	return c.options.Counters[i], true
}

// phoneLook points the camera at a register's display.
func (c *Cloud) phoneLook(w http.ResponseWriter, r *http.Request) {
	counter, ok := c.counter(w, r)
	if !ok || !read(w, r, &struct{}{}) {
		return
	}
	var text string
	var err error
	if counter.Look != nil {
		text, err = counter.Look(r.Context())
	}
	switch {
	case err != nil:
		c.options.Log.Warn("a phone could not see a display", "counter", counter.ID, "error", err)
		fail(w, http.StatusBadGateway, "display", "The display of "+counter.Name+" cannot be seen.")
	case text == "":
		fail(w, http.StatusNotFound, "nothing_shown", "The display of "+counter.Name+" shows no code now.")
	default:
		reply(w, http.StatusOK, map[string]string{"qr": text})
	}
}

// historyEntry is one order on a phone, in the words of its language.
type historyEntry struct {
	OrderNo string `json:"order_no"`
	State   State  `json:"state"`
	Say     string `json:"say"`
	Amount  string `json:"amount"`
	Kind    string `json:"kind"` // a style: what became of the money
	At      string `json:"at"`
	ByCode  bool   `json:"by_code"`
}

// shownEntry is something to pay: on a display, or asked for a password.
type shownEntry struct {
	OrderNo     string `json:"order_no"`
	Description string `json:"description"`
	Amount      string `json:"amount"`
	QR          string `json:"qr,omitempty"`
}

// phoneState is all that a phone refreshes every second. It says nothing of other
// customers, except what shops show to everybody.
func (c *Cloud) phoneState(w http.ResponseWriter, r *http.Request) {
	id, words := r.PathValue("id"), phoneWords[language(r)]
	customer, err := c.options.Ledger.Customer(r.Context(), id)
	if err != nil {
		c.broken(w, r, err)
		return
	}
	orders, err := c.options.Ledger.CustomerOrders(r.Context(), id, historyRows)
	if err != nil {
		c.broken(w, r, err)
		return
	}
	display, err := c.options.Ledger.OnDisplay(r.Context(), customer.Wallet)
	if err != nil {
		c.broken(w, r, err)
		return
	}
	history, shown := []historyEntry{}, []shownEntry{}
	var prompt *shownEntry
	for _, o := range newestFirst(orders) {
		history = append(history, entry(o.Order, words))
		if prompt == nil && o.State == StateAwaiting && o.Answers.IsZero() && customer.Behaviour != Abandon {
			prompt = &shownEntry{OrderNo: o.OrderNo, Description: o.Description, Amount: o.shown(o.Amount)}
		}
	}
	for _, o := range newestFirst(display) {
		shown = append(shown, shownEntry{OrderNo: o.OrderNo, Description: o.Description, Amount: o.shown(o.Amount), QR: o.QR})
	}
	state := map[string]any{"balance": money(customer.Balance, customer.Currency), "prompt": prompt, "history": history, "shown": shown}
	if issuer, err := c.issuerOf(customer.Wallet); err == nil {
		pocket, err := issuer.Carry(r.Context(), id, Carriage{})
		if err != nil {
			c.broken(w, r, err)
			return
		}
		state["flight"], state["carries"], state["attack"], state["es256"] = pocket.Flight, "", pocket.Attack, pocket.ES256
		if pocket.Flight {
			// Nothing that is only known with a line.
			state["shown"], state["prompt"] = []shownEntry{}, nil
		}
		if pocket.Voucher != "" {
			state["carries"] = money(pocket.Left, pocket.Currency)
		}
	}
	reply(w, http.StatusOK, state)
}

// phoneDraw pictures what the phone shows a shop that has no line.
func (c *Cloud) phoneDraw(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		Code string `json:"code"`
	}
	if !read(w, r, &ask) {
		return
	}
	matrix, err := qr.Encode(ask.Code, qr.M)
	if err != nil {
		fail(w, http.StatusUnprocessableEntity, "code", "This cannot be drawn as a code.")
		return
	}
	reply(w, http.StatusOK, map[string]string{"svg": matrix.SVG("")})
}

// entry is one line of a phone's history. Times are those of the customers'
// country, whatever the machine's.
func entry(o *Order, words map[string]string) historyEntry {
	china := time.FixedZone("CST", 8*60*60)
	e := historyEntry{OrderNo: o.OrderNo, State: o.State, Say: words["state_"+string(o.State)], Amount: o.shown(-o.Amount),
		At: o.Created.In(china).Format("01-02 15:04"), ByCode: o.Kind == KindCode}
	switch {
	case o.State != StatePaid:
		e.Amount, e.Kind = o.shown(o.Amount), "nothing"
	case o.Refunded == o.Captured:
		e.Say, e.Kind, e.Amount = words["state_refunded"], "back-again", o.shown(o.Refunded)
	case o.Refunded > 0:
		e.Say, e.Amount = words["state_part"], o.shown(o.Refunded-o.Captured)
	}
	return e
}

package main

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a static program finds no time zones of its own on a bare machine
	"unicode"

	"tillwire/agent"
	"tillwire/agent/settings"
	"tillwire/agent/wallet/emvqr"
	"tillwire/agent/words"
	"tillwire/drivers"
)

var (
	codePattern  = regexp.MustCompile(`^[0-9A-Z]{6}$`)
	storePattern = regexp.MustCompile(`^[0-9A-Za-z]{1,32}$`)
	namePattern  = regexp.MustCompile(`^[0-9A-Za-z_-]{1,32}$`)
)

func knownLanguage(code string) bool { return slices.Contains(words.Codes(), code) }

// checker collects what is wrong in the meaning of the file.
type checker struct {
	file   string
	lines  lines
	faults []fault
}

// report notes a fault; what and do are whole sentences.
func (k *checker) report(fatal bool, key, what, do string) {
	k.faults = append(k.faults, fault{File: k.file, Line: k.lines.of(key), Key: key, What: what, Do: do, Fatal: fatal})
}

// check says everything that is wrong and can be seen without touching a key
// file, a device or a network. Without a terminal code, a currency or a data
// folder nothing can be sold, so those are fatal; a wallet or a lane that is
// wrong stops itself only.
func (c *config) check(file string) []fault {
	k := &checker{file: file, lines: c.lines}
	c.checkTerminal(k)
	c.checkHTTP(k)
	for i, t := range c.Tokens {
		key := element("token", i)
		if !namePattern.MatchString(t.Name) {
			k.report(false, key+".name", fmt.Sprintf("%q is no name.", t.Name), "Use 1 to 32 letters, digits, - or _.")
		}
		if t.File == "" {
			k.report(false, key+".file", "the file of the token is missing.", "Name a file with at least 32 random characters, readable by the agent alone (0600).")
		}
		if slices.ContainsFunc(c.Tokens[:i], func(o tokenConfig) bool { return o.Name == t.Name }) {
			k.report(false, key+".name", fmt.Sprintf("the name %q is used twice.", t.Name), "Give every till its own token.")
		}
	}
	c.checkUplink(k)
	c.checkWallets(k)
	c.checkLanes(k)
	c.checkPrinters(k)
	c.checkDisplays(k)
	c.checkNexo(k)
	c.checkFleet(k)
	return k.faults
}

func (c *config) checkTerminal(k *checker) {
	t := c.Terminal
	if !codePattern.MatchString(t.Code) {
		k.report(true, "terminal.code", fmt.Sprintf("%q is not exactly six of 0-9 and A-Z.", t.Code), "Give this terminal a code that no other terminal of the merchant has.")
	}
	if n := len([]rune(t.Shop)); n < 1 || n > 64 {
		k.report(true, "terminal.shop", "the name of the shop has to be 1 to 64 characters long.", "Write what shall stand on receipts.")
	}
	if !storePattern.MatchString(t.StoreID) {
		k.report(true, "terminal.store_id", fmt.Sprintf("%q is not 1 to 32 letters and digits.", t.StoreID), "Use the number the merchant's books have for this store.")
	}
	if !agent.Currency(t.Currency).Known() {
		k.report(true, "terminal.currency", fmt.Sprintf("%q is not a known ISO 4217 currency.", t.Currency), `Use three capital letters such as "CNY".`)
	}
	if _, err := time.LoadLocation(t.TimeZone); err != nil || t.TimeZone == "Local" {
		k.report(false, "terminal.time_zone", fmt.Sprintf("%q is not a time zone; days begin at midnight UTC until it is one.", t.TimeZone), `Use a name such as "Asia/Shanghai".`)
	}
	if !knownLanguage(t.Language) {
		k.report(false, "terminal.language", fmt.Sprintf("the pages do not speak %q; they use en.", t.Language), "Known: "+strings.Join(words.Codes(), ", ")+".")
	}
}

func (c *config) checkHTTP(k *checker) {
	host, port, err := net.SplitHostPort(c.HTTP.Listen)
	if n, numErr := strconv.ParseUint(port, 10, 16); err != nil || numErr != nil || n > 65535 || host != "localhost" && net.ParseIP(host) == nil {
		k.report(true, "http.listen", fmt.Sprintf("%q is not an address and a port.", c.HTTP.Listen), `Use "127.0.0.1:8480".`)
	}
	host, port, err = net.SplitHostPort(c.HTTP.LAN)
	if n, numErr := strconv.ParseUint(port, 10, 16); err != nil || numErr != nil || n > 65535 || host != "" && net.ParseIP(host) == nil {
		k.report(false, "http.lan", fmt.Sprintf("%q is not a port, nor an address and a port.", c.HTTP.LAN), `Use ":8483".`)
	}
	for i, h := range c.HTTP.Hosts {
		if strings.ContainsAny(h, "/: ") || h == "" {
			k.report(false, "http.hosts", fmt.Sprintf("entry %d, %q, is not a host name.", i+1, h), "Write the name alone, without scheme and port.")
		}
	}
}

// mostTitle is how long a wallet's title may be, in letters: a slip has 32 in a line.
const mostTitle = 24

// interfaceName is what Linux takes for a network interface.
var interfaceName = regexp.MustCompile(`^[^\s/]{1,15}$`)

// checkUplink looks at the second way to the network.
func (c *config) checkUplink(k *checker) {
	u := c.Uplink
	if u.Interface == "" && len(u.DNS) == 0 {
		return
	}
	if !interfaceName.MatchString(u.Interface) {
		k.report(false, "uplink.interface", fmt.Sprintf("%q is no network interface.", u.Interface), `Write its name as "ip link" shows it, such as "wwan0".`)
	}
	for i, server := range u.DNS {
		if _, err := netip.ParseAddr(server); err != nil {
			k.report(false, "uplink.dns", fmt.Sprintf("entry %d, %q, is no address.", i+1, server), "Write the address of a name server, such as 9.9.9.9.")
		}
	}
}

func (c *config) checkWallets(k *checker) {
	for i, w := range c.Wallets {
		at := &checker{file: w.where.file, lines: w.where.lines}
		key := w.where.path
		if !namePattern.MatchString(w.Name) {
			at.report(false, key+".name", fmt.Sprintf("%q is no name.", w.Name), `Write the brand the customer pays with, such as "wechat".`)
		}
		if slices.ContainsFunc(c.Wallets[:i], func(o walletConfig) bool { return o.Name == w.Name }) {
			at.report(false, key+".name", fmt.Sprintf("the name %q is used twice.", w.Name), "Give every wallet its own name.")
		}
		if strings.ContainsFunc(w.Title, unicode.IsControl) || len([]rune(w.Title)) > mostTitle {
			at.report(false, key+".title", fmt.Sprintf("%q cannot be shown.", w.Title), fmt.Sprintf("Write what people call the wallet, in up to %d letters.", mostTitle))
		}
		if known := protocols(); !slices.Contains(known, w.Protocol) {
			at.report(false, key+".protocol", fmt.Sprintf("this version does not speak %q.", w.Protocol), meant(w.Protocol, known))
		} else {
			for _, foreign := range w.foreign() {
				at.report(false, key+"."+foreign, fmt.Sprintf("the protocol %q has no such key.", w.Protocol), "Remove it, or correct the protocol.")
			}
		}
		c.checkOffline(at, key, i)
		k.faults = append(k.faults, at.faults...)
	}
}

// checkOffline looks at what a wallet brings for selling without a line.
func (c *config) checkOffline(at *checker, key string, i int) {
	w := c.Wallets[i]
	if w.Issuer < 0 || w.Issuer > math.MaxUint16 {
		at.report(false, key+".issuer", fmt.Sprintf("%d is no issuer's number.", w.Issuer), "The acquirer gives it: 0 to 65535.")
	}
	if len(w.IssuerRoots) == 0 && (w.Issuer != 0 || len(w.IssuerGroups) > 0) {
		at.report(false, key+".issuer_roots", "the issuer has no keys, so none of its codes is accepted.", "Name the files of its root keys; the acquirer gives them.")
	}
	if slices.ContainsFunc(c.Wallets[:i], func(o walletConfig) bool { return len(o.IssuerRoots) > 0 }) && len(w.IssuerRoots) > 0 {
		at.report(false, key+".issuer_roots", "another wallet has an issuer already; this one is left out.", "Keep the one whose codes the shop accepts without a connection.")
	}
	if w.ShopCode == "" {
		return
	}
	if code, err := emvqr.ReadMerchant(w.ShopCode); err != nil {
		at.report(false, key+".shop_code", "it is no code that can be paid: "+err.Error()+".", "Write what `tillwire code` reads from the shop's printed code.")
	} else if c.Terminal.Currency != "" && code.Get("53") != agent.Currency(c.Terminal.Currency).Number() {
		at.report(false, key+".shop_code", fmt.Sprintf("it asks for currency %s, the shop sells in %s.", code.Get("53"), c.Terminal.Currency), "Use the shop's printed code in its own currency.")
	}
}

// foreign lists the keys that are set and that the wallet's protocol does not
// read: a slip that would otherwise switch something off in silence.
func (w walletConfig) foreign() (keys []string) {
	v := reflect.ValueOf(w)
	for i := range v.NumField() {
		of, limited := v.Type().Field(i).Tag.Lookup("of")
		if limited && !v.Field(i).IsZero() && !slices.Contains(strings.Fields(of), w.Protocol) {
			keys = append(keys, v.Type().Field(i).Tag.Get("toml"))
		}
	}
	return keys
}

func (c *config) checkLanes(k *checker) {
	names := make([]string, len(c.Wallets))
	for i, w := range c.Wallets {
		names[i] = w.Name
	}
	for i, l := range c.Lanes {
		at := &checker{file: l.where.file, lines: l.where.lines}
		key := l.where.path
		if !namePattern.MatchString(l.ID) {
			at.report(false, key+".id", fmt.Sprintf("%q is no id.", l.ID), `Number the registers: "1", "2", …`)
		}
		if slices.ContainsFunc(c.Lanes[:i], func(o laneConfig) bool { return o.ID == l.ID }) {
			at.report(false, key+".id", fmt.Sprintf("the id %q is used twice.", l.ID), "Give every lane its own id.")
		}
		if l.Wallet != "" && !slices.Contains(names, l.Wallet) {
			at.report(false, key+".wallet", fmt.Sprintf("there is no wallet %q.", l.Wallet), meant(l.Wallet, names))
		}
		checkDevice(at, key+".scanner", l.Scanner, scannerDrivers())
		checkDevice(at, key+".display", l.Display, displayDrivers())
		k.faults = append(k.faults, at.faults...)
	}
}

// checkDevice looks at the driver's name; its other keys are the driver's own.
func checkDevice(k *checker, key string, table map[string]any, known []string) {
	if table == nil {
		return
	}
	name, _ := table["driver"].(string)
	if !slices.Contains(known, name) {
		do := meant(name, known)
		// Drivers are named after makers, so the beginning of one says which was meant.
		if near := drivers.Nearest(name, known); near != "" {
			do = fmt.Sprintf("Did you mean %q?", near)
		}
		k.report(false, key+".driver", fmt.Sprintf("there is no driver %q.", name), do)
	}
}

// meant proposes the nearest of the known words, or lists them.
func meant(word string, known []string) string {
	if near := settings.Nearest(word, known); near != "" {
		return fmt.Sprintf("Did you mean %q?", near)
	}
	if len(known) == 0 {
		return "None is configured yet."
	}
	return "Known: " + strings.Join(known, ", ") + "."
}

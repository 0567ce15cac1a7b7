package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tillwire/agent"
	"tillwire/agent/words"
	"tillwire/drivers"
	"tillwire/drivers/printer"
)

// What a printer prints by itself.
const (
	printPaid    = "paid"    // at the end of a sale
	printRefund  = "refund"  // when a refund is done
	printOffline = "offline" // at the end of a sale that is accepted without the wallet's word
)

// printerConfig is one [[printer]]: what the shop wants of it. The other keys of its
// table are the driver's.
type printerConfig struct {
	ID         string // "printer." and its name
	Language   string
	Lanes      []string // that print here; empty: all
	Print      []string // of printWords
	Copies     []agent.Copy
	OpenDrawer bool // with each sale

	device drivers.Config
}

// printWords are what can be printed by itself, and is where nothing is said.
func printWords() []string { return []string{printPaid, printRefund, printOffline} }

// serves reports whether a lane's slips come out here.
func (p printerConfig) serves(lane string) bool {
	return len(p.Lanes) == 0 || slices.Contains(p.Lanes, lane)
}

// The keys of a [[printer]] that are ours, beside "driver", "path" and "disabled".
const (
	keyName       = "name"
	keyLane       = "lane"
	keyLanes      = "lanes"
	keyPrint      = "print"
	keyCopies     = "copies"
	keyOpenDrawer = "open_drawer"
	keyLanguage   = "language"
)

// printers reads the [[printer]] tables. What is wrong is reported by checkPrinters;
// here it is left out, so that a slip of the pen stops no sale.
func (c *config) printers() (list []printerConfig) {
	for i, table := range c.Printers {
		p := printerConfig{Language: c.Terminal.Language, Print: printWords(), Copies: []agent.Copy{agent.CopyCustomer}}
		own := map[string]any{}
		for key, value := range table {
			switch key {
			case keyName, keyLanes, keyPrint, keyCopies, keyOpenDrawer:
			default:
				own[key] = value
			}
		}
		p.ID = string(agent.KindPrinter) + "." + tableName(table, i)
		p.Lanes, _ = texts(table[keyLanes])
		if words, given := texts(table[keyPrint]); given {
			p.Print = words
		}
		if words, given := texts(table[keyCopies]); given {
			p.Copies = nil
			for _, w := range words {
				p.Copies = append(p.Copies, agent.Copy(w))
			}
		}
		if language, given := table[keyLanguage].(string); given {
			p.Language = language
		} else if !prints(table, p.Language) {
			p.Language = words.English // a slip that can be read, rather than none
		}
		own[keyLanguage] = p.Language
		p.OpenDrawer, _ = table[keyOpenDrawer].(bool)
		lane := ""
		if len(p.Lanes) == 1 {
			lane = p.Lanes[0]
		}
		p.device = deviceConfig(lane, agent.KindPrinter, own)
		p.device.ID = p.ID
		list = append(list, p)
	}
	return list
}

// tableName is the name in a table of devices, or its number in the file.
func tableName(table map[string]any, i int) string {
	if name, ok := table[keyName].(string); ok {
		return name
	}
	return strconv.Itoa(i + 1)
}

// texts reads a list of texts; given is false where there is none.
func texts(value any) (list []string, given bool) {
	items, ok := value.([]any)
	if !ok {
		return nil, false
	}
	for _, item := range items {
		if text, ok := item.(string); ok {
			list = append(list, text)
		}
	}
	return list, true
}

// prints reports whether the printer of a table has the letters of a language.
func prints(table map[string]any, language string) bool {
	driver, _ := table["driver"].(string)
	charset, _ := table["charset"].(string)
	return printer.Prints(driver, charset, language)
}

func (c *config) laneIDs() (list []string) {
	for _, l := range c.Lanes {
		list = append(list, l.ID)
	}
	return list
}

// checkPrinters says what is wrong with the keys that are ours, and with a driver's
// name; a driver's own keys are checked by it.
func (c *config) checkPrinters(k *checker) {
	for i, table := range c.Printers {
		at := element("printer", i)
		checkDevice(k, at, table, driverNames(agent.KindPrinter))
		checkTableName(k, at, c.Printers, i)
		checkWords(k, at+"."+keyLanes, table[keyLanes], c.laneIDs(), "a lane")
		checkWords(k, at+"."+keyPrint, table[keyPrint], printWords(), "something to print")
		checkWords(k, at+"."+keyCopies, table[keyCopies], []string{string(agent.CopyCustomer), string(agent.CopyShop)}, "a copy")
		if language, ok := table[keyLanguage]; ok && !knownLanguage(fmt.Sprint(language)) {
			k.report(false, at+"."+keyLanguage, fmt.Sprintf("slips do not speak %q; they use the terminal's language.", fmt.Sprint(language)), "Known: "+strings.Join(words.Codes(), ", ")+".")
		}
		if _, given := table[keyLanguage]; !given && !prints(table, c.Terminal.Language) {
			do := "No printer here has them. Write language = \"en\" to say that English is meant."
			if sets := printer.Charsets(c.Terminal.Language); len(sets) > 0 {
				do = "Set charset to what the printer has of " + strings.Join(sets, ", ") + ", or write language = \"en\"."
			}
			k.report(false, at+"."+keyLanguage, fmt.Sprintf("this printer has no letters for %q; its slips are in English.", c.Terminal.Language), do)
		}
		if open, ok := table[keyOpenDrawer]; ok && open != true && open != false {
			k.report(false, at+"."+keyOpenDrawer, "it takes true or false.", "Write it without quotes.")
		} else if open == true && table["drawer"] == "none" {
			k.report(false, at+"."+keyOpenDrawer, "this printer's drawer is \"none\", so nothing opens with a sale.", "Set drawer to the line that opens it (pin2, pin5 or both), or remove open_drawer.")
		}
	}
}

// checkTableName looks at the name of a device that has a table of its own.
func checkTableName(k *checker, at string, tables []map[string]any, i int) {
	name := tableName(tables[i], i)
	if given, ok := tables[i][keyName]; ok && given != name || !namePattern.MatchString(name) {
		k.report(false, at+"."+keyName, fmt.Sprintf("%q is no name.", fmt.Sprint(given)), "Use 1 to 32 letters, digits, - or _.")
	}
	for j := range i {
		if tableName(tables[j], j) == name {
			k.report(false, at+"."+keyName, fmt.Sprintf("the name %q is used twice.", name), "Give every device its own name.")
			return
		}
	}
}

// checkWords reports every word of a list that is not known.
func checkWords(k *checker, key string, value any, known []string, what string) {
	if value == nil {
		return
	}
	list, ok := value.([]any)
	if !ok {
		k.report(false, key, "it takes a list of texts.", fmt.Sprintf("Write it as [%q].", strings.Join(known, `", "`)))
		return
	}
	for _, item := range list {
		if text := fmt.Sprint(item); !slices.Contains(known, text) {
			k.report(false, key, fmt.Sprintf("%q is not %s.", text, what), meant(text, known))
		}
	}
}

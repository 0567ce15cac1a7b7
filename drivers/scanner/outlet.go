package scanner

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"time"

	"tillwire/agent"
	"tillwire/drivers"
)

// outlet is the last stage of every codec: it judges a complete frame, tells
// repeats from scans and collects the events of the running call.
type outlet struct {
	repeats repeats
	utf8    bool
	aim     drivers.AIM
	ids     []string      // the maker's code ids, longest first; nil: none are sent
	grace   time.Duration // end of the open grace
	events  []Event
}

func (o *outlet) emit(e Event) { o.events = append(o.events, e) }

func (o *outlet) take() []Event {
	out := o.events
	o.events = nil
	return out
}

// inOrder puts the timers that one call fired into the order of their times.
func inOrder(events []Event) []Event {
	slices.SortStableFunc(events, func(a, b Event) int { return cmp.Compare(a.At, b.At) })
	return events
}

// deliver emits a frame as a scan or a duplicate, or as garbage. symbology is
// what the packet said about it, if it did; id is the maker's own code beside.
func (o *outlet) deliver(at time.Duration, frame []byte, symbology, id string) {
	text, inside, ok := drivers.CleanText(frame, o.aim, o.utf8)
	if inside != "" {
		symbology = inside
	}
	if ok && inside == "" && o.ids != nil {
		text, symbology, ok = cutID(text, o.ids)
	}
	if !ok {
		o.emit(Event{At: at, Kind: EventGarbage, Bytes: len(frame)})
		return
	}
	kind := EventScan
	if o.repeats.seen(at, text) {
		kind = EventDuplicate
	}
	o.emit(Event{At: at, Kind: kind, Text: agent.NewPayCode(text), Symbology: symbology, ID: id})
}

// cutID takes the maker's code id off a frame. Without one its head is missing.
func cutID(text string, ids []string) (data, id string, ok bool) {
	for _, id := range ids {
		if data, ok := strings.CutPrefix(text, id); ok && data != "" {
			return data, id, true
		}
	}
	return "", "", false
}

// trimSuffix takes what a scanner was set up to add off the end of a payload
// whose length is known.
func trimSuffix(b []byte) []byte { return bytes.TrimRight(b, "\r\n") }

// codeIDs are the code ids that makers put before the data when told to. They
// mean different things, so they are only honoured when configured.
func codeIDs(set string) []string {
	var ids string
	switch set {
	case "honeywell":
		ids = "s - j I d D c E b i a e f w r R z x y { } H Q X h g ."
	case "datalogic-us":
		ids = "]C1 FF QR QG Dm Az F A E * # i % & P"
	case "datalogic-eu":
		ids = "$q B A C D V T k N R U y w r !"
	case "symbol":
		ids = "P00 P01 A B C D E F G J K"
	case "wincor":
		ids = "A B C M N K L I P O"
	default:
		return nil
	}
	return strings.Fields(ids)
}

// codeIDSets names the sets of codeIDs, and off.
func codeIDSets() []string {
	return []string{"off", "honeywell", "datalogic-us", "datalogic-eu", "symbol", "wincor"}
}

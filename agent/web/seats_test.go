package web

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

func TestOneBrowserALane(t *testing.T) {
	clock := newHandClock()
	s := &seats{clock: clock, held: map[string]*seat{}}
	first, other := s.sit("1", "a", "Cass")
	if first == nil || other != "" || !s.free("1", "a") || s.free("1", "b") || !s.free("2", "b") {
		t.Fatalf("the first to sit: %v, %q", first, other)
	}
	if again, _ := s.sit("1", "a", "Cass"); again != first {
		t.Error("a page that comes back lost its seat")
	}
	s.rise("1", first)
	if second, other := s.sit("1", "b", "Mia"); second != nil || other != "Cass" {
		t.Errorf("another browser sat down without a word: %v, %q", second, other)
	}
	if from := s.take("1", "b", "Mia"); from != "Cass" {
		t.Errorf("it was taken from %q", from)
	}
	select {
	case <-first.gone:
	default:
		t.Error("the first was not told")
	}
	if first.by != "Mia" {
		t.Errorf("it was told that %q has it", first.by)
	}
	if s.free("1", "a") || !s.free("1", "b") {
		t.Error("until the new page listens, the old one may go on")
	}
	mine, _ := s.sit("1", "b", "Mia")
	if mine == nil || s.free("1", "a") {
		t.Error("whoever took it over does not have it")
	}
	s.rise("1", first) // the stream of the loser ends later
	if s.free("1", "a") {
		t.Error("the end of the loser's stream freed the seat")
	}
	s.rise("1", mine)
	if !s.free("1", "a") || len(s.held) != 0 {
		t.Error("a lane that nobody sits at is still held")
	}
	s.rise("1", nil)
	// Taken over, and then never sat at: after a while the next page need not ask.
	s.take("1", "c", "Mia")
	clock.advance(seatWait - 1)
	if next, other := s.sit("1", "d", "Cass"); next != nil || other != "Mia" || s.free("1", "d") {
		t.Errorf("a seat is not kept for whoever took it: %v, %q", next, other)
	}
	clock.advance(1)
	if !s.free("1", "d") {
		t.Error("an empty seat is held")
	}
	if next, _ := s.sit("1", "d", "Cass"); next == nil {
		t.Error("an empty seat is kept")
	}
}

func TestAPageThatLostItsLaneOpensNothing(t *testing.T) {
	tm := newTerminal(t)
	cass, mia := tm.signedIn("cas", "111111"), tm.signedIn("mia", "222222")
	seat, _ := tm.web.seats.sit("1", "first", "Cass")
	if a := mia.with(stationHeader, "second").api("POST", "/payments", openBody("x", "scan")); a.status != 409 || a.code(t) != codeLaneTaken {
		t.Errorf("from beside the lane: %d %s", a.status, a.body)
	}
	if a := mia.with(stationHeader, "second").api("POST", "/lanes/1/scan", `{"text":"134567890123456789"}`); a.status != 409 {
		t.Errorf("a scan from beside the lane: %d %s", a.status, a.body)
	}
	for body, status := range map[string]int{`{}`: 400, `{"station":""}`: 400, `{"station":"second","x":1}`: 400} {
		if a := mia.api("POST", "/lanes/1/take", body); a.status != status {
			t.Errorf("%s: %d", body, a.status)
		}
	}
	mia.want(404, "POST", "/lanes/9/take", `{"station":"second"}`)
	tm.till().want(403, "POST", "/lanes/1/take", `{"station":"second"}`)
	mia.want(204, "POST", "/lanes/1/take", `{"station":"second"}`)
	mia.want(204, "POST", "/lanes/1/take", `{"station":"second"}`)
	<-seat.gone
	if tm.audited("lane_take") != 1 {
		t.Error("taking over is not in the audit trail")
	}
	tm.web.seats.sit("1", "second", "Mia")
	if a := cass.with(stationHeader, "first").api("POST", "/payments", openBody("y", "scan")); a.code(t) != codeLaneTaken {
		t.Errorf("from where the lane was taken: %d %s", a.status, a.body)
	}
	if a := mia.with(stationHeader, "second").api("POST", "/payments", openBody("z", "scan")); a.status != http.StatusCreated {
		t.Errorf("from the lane: %d %s", a.status, a.body)
	}
	tm.till().want(409, "POST", "/payments", openBody("t", "scan")) // a till never asks for a seat; the lane is held
}

// TestBrowserALaneIsTakenOverOnPurpose: the second browser asks, the first says so.
func TestBrowserALaneIsTakenOverOnPurpose(t *testing.T) {
	tm := live(t)
	first := tm.atRegister(1280, 800)
	second := tm.atRegister(390, 844)
	second.until(shows("taken", "Cass"))
	second.keys("5", kb.F2)
	if got := second.text("typed"); got != "0" {
		t.Errorf("keys went through to the register: %s", got)
	}
	second.passes("taken")
	first.keys("5")
	first.until(shows("amount", "5.00"))
	second.until(`document.activeElement?.id === "take"`)
	second.keys(kb.Enter)
	second.until(`document.getElementById("taken").hidden`)
	first.until(shows("taken", "Cass"))
	first.keys(kb.Escape)
	second.keys("7", kb.Enter)
	second.until(shows("v-word", "SCAN"))
	second.latest(1)
	if len(tm.payments) != 1 || tm.payments[0].Amount.Value != 700 {
		t.Errorf("the payments are %+v", tm.payments)
	}
	// Back where it was, with what is under way.
	first.until(`document.activeElement?.id === "take"`)
	first.keys(kb.Enter)
	first.until(shows("v-amount", "¥7.00"))
	second.until(shows("taken", "Cass"))
	first.quiet()
	second.quiet()
}

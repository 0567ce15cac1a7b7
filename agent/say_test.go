package agent_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
)

// TestEveryStateHasASentence writes down what cashier and customer are told in
// each state; testdata/say.golden is the wording table.
func TestEveryStateHasASentence(t *testing.T) {
	var b strings.Builder
	for _, s := range stories()[1:] {
		status, err := agent.Decide(s.facts)
		if err != nil {
			t.Fatal(err)
		}
		p := agent.Payment{OrderNo: "DEMO01X", Amount: agent.Money{Value: 1280, Currency: "CNY"}, Status: status}
		word, tone := status.Word()
		screen := p.Screen(time.Minute)
		fmt.Fprintf(&b, "%-30s %-8s %-15s %-60s customer: %-9s %s\n", s.name, tone, word, p.Say(), screen.Kind, screen.Say)
		if word.ID == "" || p.Say().ID == "" || screen.Say.ID == "" {
			t.Errorf("%s: a sentence has no id", s.name)
		}
		if (tone == agent.ToneGood) != (status.State == agent.Paid) {
			t.Errorf("%s: green must mean paid and nothing else", s.name)
		}
		offline := status.State == agent.OfflineAccepted || status.State == agent.Redeeming
		if (tone == agent.ToneStriped) != offline {
			t.Errorf("%s: stripes must mean accepted and not collected, and nothing else", s.name)
		}
		if screen.QR != "" && status.State != agent.QRShown {
			t.Errorf("%s: a code to pay is shown", s.name)
		}
	}
	golden(t, "testdata/say.golden", b.String())
}

func TestEveryReasonSaysWhatToDo(t *testing.T) {
	for _, r := range agent.Reasons() {
		if say := r.Say(); say.English == "" || say.ID != "reason."+string(r) {
			t.Errorf("reason %q has the sentence %+v", r, say)
		}
	}
}

func TestReceiptSaysOnlyWhatIsCertain(t *testing.T) {
	for _, s := range stories()[1:] {
		status, _ := agent.Decide(s.facts)
		p := agent.Payment{OrderNo: "DEMO01X", Amount: agent.Money{Value: 1280, Currency: "CNY"}, Status: status}
		r := agent.NewReceipt(p, "Corner shop", false)
		if r.Paid != (status.State == agent.Paid) {
			t.Errorf("%s: receipt says paid %t", s.name, r.Paid)
		}
		offline := status.State == agent.OfflineAccepted || status.State == agent.Redeeming || status.State == agent.OfflineRejected
		if doubt := !status.Final() && !offline; doubt != (r.Foot.ID == "receipt.doubt_foot") {
			t.Errorf("%s: the slip's foot is %q", s.name, r.Foot)
		}
		// A sum that is struck through says that nothing was taken, and nobody knows that before the end.
		void := slices.Contains([]agent.State{agent.Declined, agent.NotSent, agent.Reversed, agent.Closed, agent.Voided}, status.State)
		if notice, struck := onSlip(r, agent.SlipNotice, "NOT YET COLLECTED"), onSlip(r, agent.SlipStruck, ""); notice != offline || struck != void {
			t.Errorf("%s: not yet collected %t, struck through %t", s.name, notice, struck)
		}
		if offline != (r.Title.ID == "receipt.offline") || offline && r.Foot.ID == "" {
			t.Errorf("%s: the slip is titled %q over %q", s.name, r.Title, r.Foot)
		}
	}
}

// onSlip finds a line of a kind, and of a text where one is given.
func onSlip(r agent.Receipt, kind agent.SlipKind, text string) bool {
	return slices.ContainsFunc(r.Slip(agent.PlainVoice(time.UTC)).Lines, func(l agent.SlipLine) bool { return l.Kind == kind && (text == "" || l.Text == text) })
}

func TestSlowSubscriberIsCutOffAndOthersAreNot(t *testing.T) {
	feed := agent.NewFeed()
	slow, endSlow := feed.Subscribe()
	defer endSlow()
	quick, endQuick := feed.Subscribe()
	defer endQuick()
	for i := range 1000 {
		feed.Publish(agent.Event{ID: int64(i), Kind: "payment"})
		if e := <-quick; e.ID != int64(i) {
			t.Fatalf("event %d came as %d", i, e.ID)
		}
	}
	n := 0
	for range slow {
		n++
	}
	if n == 0 || n >= 1000 {
		t.Errorf("the slow subscriber got %d events before it was cut off", n)
	}
}

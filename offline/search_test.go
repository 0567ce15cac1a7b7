package offline_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/offline/journaltest"
)

// TestASearchLooksThroughAPartAtATime and finds in all its parts together what it finds in
// one go, each payment once.
func TestASearchLooksThroughAPartAtATime(t *testing.T) {
	ts, start := aDay(t)
	// Many of one moment, more than a part has.
	for i := range 9 {
		p := journaltest.Sale(100+i, fmt.Sprint("m", i))
		if _, err := ts.Open(t.Context(), p, opened, sent(100+i)); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []agent.Filter{
		{Text: "basket 1"}, {Text: "basket"}, {Text: "42000"}, {Text: "r10"}, {Text: "no such text"}, {Text: "basket", Lane: "h"},
		{Text: "basket", From: start.Add(3 * time.Hour), To: start.Add(6 * time.Hour)}, {Text: "basket", States: []agent.State{agent.Paid}, Limit: 3},
	} {
		all := f
		all.Limit = 500
		whole, err := ts.Reader.List(t.Context(), all)
		if err != nil || whole.Next != "" {
			t.Fatalf("%+v: %v, %q", f, err, whole.Next)
		}
		for _, within := range []int{1, 4, 7, 40, 49, 50} {
			var got []agent.Payment
			pages, part := 0, f
			for {
				page, err := ts.ListWithin(t.Context(), part, within)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, page.Payments...)
				if pages++; pages > 200 {
					t.Fatalf("%+v within %d never ends", f, within)
				}
				if page.Next == "" {
					break
				}
				part.Cursor = page.Next
			}
			if want := numbers(whole.Payments); !slices.Equal(numbers(got), want) {
				t.Errorf("%+v within %d: %v, want %v", f, within, numbers(got), want)
			}
			if within == 4 && f.Text == "no such text" && pages < 10 {
				t.Errorf("it looked through everything in %d pages of %d", pages, within)
			}
		}
	}
}

// TestAWholeOrderNumberIsFoundAtOnce however old its payment is, and only with the other
// conditions.
func TestAWholeOrderNumberIsFoundAtOnce(t *testing.T) {
	ts, _ := aDay(t)
	first, err := ts.Reader.List(t.Context(), agent.Filter{Limit: 500})
	if err != nil {
		t.Fatal(err)
	}
	oldest := first.Payments[len(first.Payments)-1]
	page, err := ts.ListWithin(t.Context(), agent.Filter{Text: oldest.OrderNo}, 1)
	if err != nil || len(page.Payments) != 1 || page.Payments[0].ID != oldest.ID || page.Next != "" {
		t.Errorf("%+v, %v", page, err)
	}
	page, err = ts.ListWithin(t.Context(), agent.Filter{Text: oldest.OrderNo, Lane: "nowhere"}, 100)
	if err != nil || len(page.Payments) != 0 {
		t.Errorf("at another lane: %+v, %v", page, err)
	}
}

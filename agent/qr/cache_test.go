package qr

import (
	"fmt"
	"sync"
	"testing"
)

func TestTheCacheKeepsTheMostRecentlyUsed(t *testing.T) {
	c := NewCache(2)
	for _, payload := range []string{"a", "b", "a", "c"} {
		if _, err := c.Encode(payload, Q); err != nil {
			t.Fatal(err)
		}
	}
	held := func(payload string) bool { _, ok := c.byKey[cacheKey{payload, Q}]; return ok }
	if c.Len() != 2 || !held("a") || !held("c") || held("b") {
		t.Errorf("%d held: a %t, b %t, c %t; want a and c", c.Len(), held("a"), held("b"), held("c"))
	}
}

func TestTheCacheTellsLevelsApartAndForgetsRefusals(t *testing.T) {
	c := NewCache(0) // means one
	low, err := c.Encode("the same payload", L)
	if err != nil {
		t.Fatal(err)
	}
	high, err := c.Encode("the same payload", H)
	if err != nil {
		t.Fatal(err)
	}
	if low.Level() != L || high.Level() != H || c.Len() != 1 {
		t.Errorf("levels %s and %s, %d held", low.Level(), high.Level(), c.Len())
	}
	if _, err := c.Encode("", H); err == nil {
		t.Error("an empty payload was accepted")
	}
	if _, ok := c.byKey[cacheKey{"the same payload", H}]; !ok {
		t.Error("a refusal pushed out a code")
	}
}

// Run with -race: the library's objects must never meet between goroutines.
func TestManyLanesMayRenderAtOnce(t *testing.T) {
	c := NewCache(8)
	var lanes sync.WaitGroup
	for lane := range 16 {
		lanes.Go(func() {
			for i := range 24 {
				payload := fmt.Sprintf("https://example.com/pay/%d", (lane+i)%12)
				m, err := c.ForPanel(payload)
				if err != nil {
					t.Error(err)
					return
				}
				fresh, err := ForPanel(payload)
				if err != nil || m.SVG("") != fresh.SVG("") {
					t.Errorf("lane %d got another code than %s (%v)", lane, payload, err)
				}
			}
		})
	}
	lanes.Wait()
	if c.Len() > 8 {
		t.Errorf("%d held, at most 8 allowed", c.Len())
	}
}

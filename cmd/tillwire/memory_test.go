package main

import "testing"

// Memory goes back once after each busy time, and never during one.
func TestMemoryGoesBackWhenTheShopIsQuiet(t *testing.T) {
	var allocated uint64
	given := 0
	m := &memory{owed: true, allocated: func() uint64 { return allocated }, give: func() { given++ }}
	for i, rest := range []struct {
		grows uint64
		given int // so far
	}{
		{40 << 20, 0},         // the start
		{quietBytes, 0},       // still busy
		{quietBytes - 1, 1},   // quiet
		{quietBytes - 1, 1},   // and still
		{0, 1},                //
		{200 << 20, 1},        // lunch time
		{10 << 20, 1},         //
		{quietBytes / 10, 2},  // over
		{quietBytes / 100, 2}, //
	} {
		allocated += rest.grows
		m.look()
		if given != rest.given {
			t.Errorf("rest %d: memory went back %d times by now, want %d", i, given, rest.given)
		}
	}
}

package offline_test

import "testing"

// TestWhatAnotherRoomKeepsOutlivesARestart and cannot be taken for what the store itself keeps.
func TestWhatAnotherRoomKeepsOutlivesARestart(t *testing.T) {
	ts := openStore(t, nil)
	ctx := t.Context()
	kept := func(name string) string {
		t.Helper()
		text, err := ts.Kept(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	keep := func(name string, text []byte) {
		t.Helper()
		if err := ts.Keep(ctx, name, text); err != nil {
			t.Fatal(err)
		}
	}
	if got := kept("paired"); got != "" {
		t.Errorf("a new store keeps %q", got)
	}
	life, err := ts.Incarnation(ctx)
	if err != nil {
		t.Fatal(err)
	}
	keep("paired", []byte("one"))
	keep("paired", []byte("two"))
	keep("incarnation", []byte("mine"))
	ts.reopen(t, nil)
	if got := kept("paired"); got != "two" {
		t.Errorf("after a restart it is %q", got)
	}
	if now, err := ts.Incarnation(ctx); err != nil || now != life {
		t.Errorf("the store's own life is %q, %v", now, err)
	}
	keep("paired", nil)
	if got := kept("paired"); got != "" {
		t.Errorf("what was taken away is %q", got)
	}
}

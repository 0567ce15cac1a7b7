package offline_test

import (
	"bytes"
	"testing"

	"tillwire/agent"
)

// TestASecondFactorsCodeCountsOnce also after a restart.
func TestASecondFactorsCodeCountsOnce(t *testing.T) {
	ts := openStore(t, nil)
	if err := ts.SavePerson(t.Context(), agent.Person{ID: "1", Role: agent.RoleOwner}); err != nil {
		t.Fatal(err)
	}
	if secret, _, err := ts.Second(t.Context(), "1"); secret != nil || err != nil {
		t.Fatalf("before: %x, %v", secret, err)
	}
	if err := ts.SaveSecond(t.Context(), "1", []byte("sealed"), 100); err != nil {
		t.Fatal(err)
	}
	use := func(step int64, want bool) {
		t.Helper()
		if got, err := ts.UseSecond(t.Context(), "1", step); got != want || err != nil {
			t.Errorf("step %d: %t, %v; want %t", step, got, err, want)
		}
	}
	use(100, false)
	use(102, true)
	use(102, false)
	ts.reopen(t, nil)
	use(102, false)
	use(101, false)
	use(103, true)
	if secret, step, err := ts.Second(t.Context(), "1"); !bytes.Equal(secret, []byte("sealed")) || step != 103 || err != nil {
		t.Errorf("%x, %d, %v", secret, step, err)
	}
	// Another phone begins anew; nobody without one has a code to use.
	if err := ts.SaveSecond(t.Context(), "1", []byte("another"), 50); err != nil {
		t.Fatal(err)
	}
	use(51, true)
	if err := ts.SaveSecond(t.Context(), "1", nil, 0); err != nil {
		t.Fatal(err)
	}
	use(500, false)
	if secret, _, err := ts.Second(t.Context(), "1"); secret != nil || err != nil {
		t.Errorf("taken away: %x, %v", secret, err)
	}
}

package keyring

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
)

// cheap is a hasher for tests that are not about its cost.
func cheap(pepper byte) *Hasher {
	h := NewHasher([]byte(strings.Repeat(string(rune(pepper)), SecretSize)))
	h.cost = cost{memory: 64, time: 1, threads: 1}
	return h
}

func TestOnlyTheRightSecretUnderTheRightPepperVerifies(t *testing.T) {
	ctx := t.Context()
	h := cheap('p')
	encoded, err := h.Hash(ctx, "123456")
	if err != nil {
		t.Fatal(err)
	}
	again, err := h.Hash(ctx, "123456")
	if err != nil || again == encoded {
		t.Errorf("two hashes of one PIN are alike, %v", err)
	}
	for _, c := range []struct {
		name   string
		hasher *Hasher
		secret string
		want   bool
	}{
		{"right", h, "123456", true},
		{"wrong", h, "123457", false},
		{"empty", h, "", false},
		{"longer", h, "1234567", false},
		{"another pepper", cheap('q'), "123456", false},
	} {
		if got, err := c.hasher.Verify(ctx, encoded, c.secret); err != nil || got != c.want {
			t.Errorf("%s: %t, %v", c.name, got, err)
		}
	}
	if strings.Contains(encoded, "123456") {
		t.Error("the hash holds the PIN")
	}
	if ok, err := h.Verify(ctx, "", ""); ok || err != nil {
		t.Errorf("nobody's PIN: %t, %v", ok, err)
	}
}

func TestTheCostIsInTheHashAndMayGrow(t *testing.T) {
	ctx := t.Context()
	old, now := cheap('p'), NewHasher([]byte(strings.Repeat("p", SecretSize)))
	if now.cost.memory > 16<<10 {
		t.Errorf("a verification takes %d KiB; 16 MiB is the limit", now.cost.memory)
	}
	encoded, err := old.Hash(ctx, "correct horse battery staple")
	if err != nil || !strings.HasPrefix(encoded, "$argon2id$v=19$m=64,t=1,p=1$") {
		t.Fatalf("%s, %v", encoded, err)
	}
	if ok, err := now.Verify(ctx, encoded, "correct horse battery staple"); !ok || err != nil {
		t.Errorf("an old hash does not verify: %t, %v", ok, err)
	}
	renewed, err := now.Hash(ctx, "correct horse battery staple")
	if err != nil || strings.Contains(renewed, "m=64,t=1,p=1") {
		t.Fatalf("%s, %v", renewed, err)
	}
	if ok, err := now.Verify(ctx, renewed, "correct horse battery staple"); !ok || err != nil {
		t.Errorf("at today's cost: %t, %v", ok, err)
	}
}

func TestDamagedOrGreedyHashesAreRefusedBeforeAnyWork(t *testing.T) {
	h := cheap('p')
	good, err := h.Hash(t.Context(), "123456")
	if err != nil {
		t.Fatal(err)
	}
	swap := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	cases := map[string]string{
		"text":             "hello",
		"another scheme":   swap("argon2id", "argon2i"),
		"another version":  swap("v=19", "v=16"),
		"too much memory":  swap("m=64", "m=4194304"),
		"too many passes":  swap("t=1", "t=1000"),
		"too many threads": swap("p=1", "p=64"),
		"too little":       swap("m=64", "m=1"),
		"no pass":          swap("t=1", "t=0"),
		"no thread":        swap("p=1", "p=0"),
		"no numbers":       swap("m=64", "m=x"),
		"more numbers":     swap("p=1", "p=1,x=2"),
		"cut off":          good[:len(good)-4],
		"no salt":          "$argon2id$v=19$m=64,t=1,p=1$$" + good[strings.LastIndex(good, "$")+1:],
		"not base64":       good[:len(good)-1] + "!",
		"a space behind":   good + " ",
	}
	for name, encoded := range cases {
		if ok, err := h.Verify(t.Context(), encoded, "123456"); ok || !errors.Is(err, ErrHash) {
			t.Errorf("%s: %t, %v", name, ok, err)
		}
	}
}

func TestOneAtATimeAndWaitingCanBeGivenUp(t *testing.T) {
	h := cheap('p')
	encoded, err := h.Hash(t.Context(), "123456")
	if err != nil {
		t.Fatal(err)
	}
	h.turn <- struct{}{} // someone else is at it
	given, giveUp := context.WithCancel(t.Context())
	answers := make(chan error, 2)
	go func() { _, err := h.Verify(given, encoded, "123456"); answers <- err }()
	go func() { _, err := h.Hash(given, "123456"); answers <- err }()
	select {
	case err := <-answers:
		t.Fatalf("did not wait for its turn: %v", err)
	default:
	}
	giveUp()
	for range 2 {
		if err := <-answers; !errors.Is(err, context.Canceled) {
			t.Errorf("given up: %v", err)
		}
	}
	<-h.turn
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if ok, err := h.Verify(t.Context(), encoded, "123456"); !ok || err != nil {
				t.Errorf("%t, %v", ok, err)
			}
		})
	}
	all.Wait()
	if len(h.turn) != 0 {
		t.Error("a turn was not handed on")
	}
}

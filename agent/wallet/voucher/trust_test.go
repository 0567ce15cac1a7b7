package voucher

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"sync"
	"testing"
	"time"
)

// shelf keeps a key set in memory.
type shelf struct {
	raw     []byte
	highest uint64
	full    error
}

func (s *shelf) LoadKeySet() ([]byte, uint64, error) { return s.raw, s.highest, s.full }

func (s *shelf) SaveKeySet(raw []byte, version uint64) error {
	if s.full != nil {
		return s.full
	}
	s.raw, s.highest = bytes.Clone(raw), version
	return nil
}

func openTrust(t *testing.T, m mint, s *shelf) *Trust {
	t.Helper()
	trust, err := OpenTrust(m.roots(t), s)
	if err != nil {
		t.Fatal(err)
	}
	return trust
}

func TestAKeySetIsTakenAndKept(t *testing.T) {
	m, s := newMint(), &shelf{}
	trust := openTrust(t, m, s)
	if trust.Current() != nil || trust.Trouble() != nil {
		t.Error("a new terminal has a list")
	}
	if fresh, err := trust.Offer(m.set(t, nil)); !fresh || err != nil {
		t.Fatal(fresh, err)
	}
	if fresh, err := trust.Offer(m.set(t, nil)); fresh || err != nil {
		t.Errorf("the same again: %t, %v", fresh, err)
	}
	again := openTrust(t, m, s)
	set := again.Current()
	if set == nil || set.Version != 5 || set.Keys() != 1 || set.Blocked() != 2 || !set.Denies(VoucherID([]byte("blocked1"))) || set.Denies(VoucherID([]byte("blocked0"))) {
		t.Fatalf("after a restart: %+v", set)
	}
	if age := set.Age(Clock{Wall: noon}); age != time.Hour {
		t.Errorf("it is %v old", age)
	}
	if age := set.Age(Clock{Wall: noon.Add(-24 * time.Hour)}); age != 0 {
		t.Errorf("by a clock that is behind it is %v old", age)
	}
}

func TestVersionsOnlyRise(t *testing.T) {
	m, s := newMint(), &shelf{}
	trust := openTrust(t, m, s)
	for _, step := range []struct {
		name    string
		set     fields
		want    Reason
		version uint64
	}{
		{"the first", nil, "", 5},
		{"an older one", fields{-65620: 4}, SetBack, 5},
		{"the same number, another content", fields{-65622: []any{unix(noon), []byte{}}}, SetTwice, 5},
		{"a newer one", fields{-65620: 9}, "", 9},
		{"the first again", nil, SetBack, 9},
	} {
		_, err := trust.Offer(m.set(t, step.set))
		if ReasonOf(err) != step.want || trust.Current().Version != step.version {
			t.Errorf("%s: %v, in use is %d; want %q and %d", step.name, err, trust.Current().Version, step.want, step.version)
		}
	}
}

func TestRoots(t *testing.T) {
	m := newMint()
	trust := openTrust(t, m, &shelf{})
	spare, stranger := m, m
	spare.root, stranger.root = edPen(9), edPen(10)
	if _, err := trust.Offer(stranger.set(t, nil)); ReasonOf(err) != SetRoot {
		t.Errorf("a stranger's: %v", err)
	}
	forged := stranger.root.sign1(t, fields{int64(4): m.root.kid(t)}, canon(t, m.setClaims(t)))
	if _, err := trust.Offer(forged); ReasonOf(err) != SetForged {
		t.Errorf("a stranger's under our root's name: %v", err)
	}
	if fresh, err := trust.Offer(spare.set(t, nil)); !fresh || err != nil {
		t.Errorf("the spare root's: %v", err)
	}
	if _, err := NewRoot(ed25519.PublicKey("short")); err == nil {
		t.Error("a root of five bytes")
	}
	if id := m.roots(t)[1].ID(); !bytes.Equal(id[:], m.root.kid(t)) {
		t.Errorf("the root's id is %s", id)
	}
}

func TestStrictKeySets(t *testing.T) {
	m := newMint()
	entry := func(change func(e []any)) fields { return fields{-65621: []any{m.key(t, m.issuer, change)}} }
	deny := func(ids string) fields { return fields{-65622: []any{unix(noon), []byte(ids)}} }
	p256 := ecPen(t)
	tests := map[string][]byte{
		"nothing":                      {},
		"no tag":                       m.set(t, nil)[1:],
		"too large":                    make([]byte, MaxKeySet+1),
		"version zero":                 m.set(t, fields{-65620: 0}),
		"no version":                   m.set(t, fields{-65620: nil}),
		"a field more":                 m.set(t, fields{-65700: 1}),
		"it ends when it begins":       m.set(t, fields{4: unix(noon), 6: unix(noon)}),
		"a key under another's id":     m.set(t, entry(func(e []any) { e[0] = edPen(4).kid(t) })),
		"a key twice":                  m.set(t, fields{-65621: []any{m.key(t, m.issuer, nil), m.key(t, m.issuer, nil)}}),
		"an Edwards key for ES256":     m.set(t, entry(func(e []any) { e[1] = -7 })),
		"an unknown algorithm":         m.set(t, entry(func(e []any) { e[1] = -257 })),
		"a key that ends too soon":     m.set(t, entry(func(e []any) { e[5] = e[4] })),
		"a key for nothing":            m.set(t, entry(func(e []any) { e[6] = 0 })),
		"a key for something new":      m.set(t, entry(func(e []any) { e[6] = 8 })),
		"a state that is new":          m.set(t, entry(func(e []any) { e[8] = 3 })),
		"a cap of nothing":             m.set(t, entry(func(e []any) { e[7] = []any{[]any{"CNY", 0}} })),
		"a cap twice":                  m.set(t, entry(func(e []any) { e[7] = []any{[]any{"CNY", 1}, []any{"CNY", 2}} })),
		"a point with both halves":     m.set(t, fields{-65621: []any{m.key(t, pen{p256.alg, p256.key, fields{1: 2, -1: 1, -2: p256.public[-2], -3: make([]byte, 32)}}, nil)}}),
		"a deny list out of order":     m.set(t, deny("blocked2blocked1")),
		"a deny list that repeats":     m.set(t, deny("blocked1blocked1")),
		"half an entry":                m.set(t, deny("blocked1bloc")),
		"a policy of something new":    m.set(t, fields{-65623: fields{99: 1}}),
		"a policy with a zero":         m.set(t, fields{-65623: fields{1: 0}}),
		"a policy's currency twice":    m.set(t, fields{-65623: fields{8: []any{[]any{"CNY", 1, 1, 1}, []any{"CNY", 2, 2, 2}}}}),
		"a policy's cap that overflow": m.set(t, fields{-65623: fields{8: []any{[]any{"CNY", uint64(1 << 63), 1, 1}}}}),
	}
	for _, name := range names(tests) {
		t.Run(name, func(t *testing.T) {
			s := &shelf{}
			if _, err := openTrust(t, m, s).Offer(tests[name]); ReasonOf(err) != SetMalformed || s.raw != nil {
				t.Errorf("%v; want %q", err, SetMalformed)
			}
		})
	}
}

func TestPolicyOfAKeySet(t *testing.T) {
	m := newMint()
	set := m.keys(t, fields{-65623: fields{1: 60, 2: 7200, 3: 3600, 4: 86400, 5: 1800, 6: 2, 7: 10, 8: []any{[]any{"CNY", 1, 2, 3}}}})
	p := set.Policy
	if p.Fresh != time.Minute || p.KeySetAge != 2*time.Hour || p.DenyAge != time.Hour || p.Certificate != 24*time.Hour || p.Session != 30*time.Minute ||
		p.PerDeviceDay != 2 || p.SessionCount != 10 || p.Caps["CNY"] != (Cap{Ceiling: 1, Exact: 2, Session: 3}) {
		t.Errorf("%+v", p)
	}
}

// What was saved and is not good any more stops offline acceptance, says why,
// and gives way to the next good one.
func TestASavedSetThatIsDamaged(t *testing.T) {
	m, s := newMint(), &shelf{}
	if _, err := openTrust(t, m, s).Offer(m.set(t, nil)); err != nil {
		t.Fatal(err)
	}
	sound := bytes.Clone(s.raw)
	s.raw[60] ^= 1
	trust := openTrust(t, m, s)
	if trust.Current() != nil || ReasonOf(trust.Trouble()) != SetForged {
		t.Errorf("damaged: %v", trust.Trouble())
	}
	if _, err := trust.Offer(m.set(t, fields{-65620: 4})); ReasonOf(err) != SetBack {
		t.Errorf("an older one after the damage: %v", err)
	}
	if fresh, err := trust.Offer(sound); !fresh || err != nil || trust.Trouble() != nil || trust.Current() == nil {
		t.Errorf("the same again, sound: %t, %v, %v", fresh, err, trust.Trouble())
	}
	// A copy of the file from before, beside a version that remembers.
	s.raw, s.highest = m.set(t, fields{-65620: 4}), 5
	if trust := openTrust(t, m, s); trust.Current() != nil || ReasonOf(trust.Trouble()) != SetBack {
		t.Errorf("laid back: %v", trust.Trouble())
	}
}

func TestASetThatCannotBeSavedIsNotUsed(t *testing.T) {
	m, s := newMint(), &shelf{}
	trust := openTrust(t, m, s)
	s.full = errors.New("disk full")
	if fresh, err := trust.Offer(m.set(t, nil)); fresh || !errors.Is(err, s.full) || trust.Current() != nil {
		t.Errorf("%t, %v", fresh, err)
	}
	if _, err := OpenTrust(m.roots(t), s); !errors.Is(err, s.full) {
		t.Errorf("open: %v", err)
	}
}

// Lanes verify while the list is renewed.
func TestTrustIsSafeForConcurrentUse(t *testing.T) {
	m := newMint()
	trust := openTrust(t, m, &shelf{})
	if _, err := trust.Offer(m.set(t, nil)); err != nil {
		t.Fatal(err)
	}
	code := m.codes(t)["exact"]
	var wg sync.WaitGroup
	for i := range 4 {
		renewed := m.set(t, fields{-65620: 6 + i})
		wg.Go(func() {
			for range 20 {
				if _, err := Verify(code, m.ask(), trust.Current()); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			if _, err := trust.Offer(renewed); err != nil && ReasonOf(err) != SetBack {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if trust.Current().Version != 9 {
		t.Errorf("in use is %d", trust.Current().Version)
	}
}

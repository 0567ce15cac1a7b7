package offline

import (
	"bytes"
	"encoding/hex"
	"testing"
	"time"

	"tillwire/agent"
)

// TestWhatWasAskedKeepsItsDigest: the digest stands in the chains of shops, so the
// bytes under it must never change.
func TestWhatWasAskedKeepsItsDigest(t *testing.T) {
	enc, err := newCodec()
	if err != nil {
		t.Fatal(err)
	}
	p := agent.Payment{ID: "01JNTEST000000000000000001", OrderNo: "T0TEST01JNTEST000000000000000001", Client: "till:a", RequestID: "r1",
		RequestHash: []byte{1, 2, 3}, Lane: "1", Amount: agent.Money{Value: 1280, Currency: "CNY"}, Reference: "basket", Mode: agent.ModeAny,
		Cashier: "Wei", Test: true, Created: time.Unix(0, 1_700_000_000_000_000_001)}
	for name, c := range map[string]struct {
		hash []byte
		want string
	}{
		"with a hash":    {p.RequestHash, "c1e2423da49378bc94fa727b2982e93765bd25afdf9add9dcde11b48f9b30ed6"},
		"without a hash": {nil, "41167573a582354f48c7af5fa44c6fb21abc84d51a3344b9edb5ebb25e4ec6fb"},
	} {
		p.RequestHash = c.hash
		want, err := hex.DecodeString(c.want)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := enc.asked(&p); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %x, %v", name, got, err)
		}
	}
}

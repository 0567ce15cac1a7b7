package keyring

import (
	"context"
	"testing"
)

// What a PIN costs: about 50 ms and 12 MiB on a core of a mini PC are meant.
func BenchmarkHash(b *testing.B) {
	h := NewHasher(make([]byte, SecretSize))
	for b.Loop() {
		if _, err := h.Hash(context.Background(), "123456"); err != nil {
			b.Fatal(err)
		}
	}
}

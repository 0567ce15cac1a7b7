package keyring

import (
	"bytes"
	"path/filepath"
	"testing"
)

func TestWhatIsSealedOpensForTheSameThingOnly(t *testing.T) {
	ring, err := Open(filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	other, err := Open(filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	secret := []byte("OV1: worth fifty")
	sealed, err := ring.Seal("payment 1", secret)
	if err != nil || bytes.Contains(sealed, secret[:8]) {
		t.Fatalf("sealed %q, %v", sealed, err)
	}
	if got, err := ring.Unseal("payment 1", sealed); err != nil || !bytes.Equal(got, secret) {
		t.Fatalf("opened %q, %v", got, err)
	}
	if again, _ := ring.Seal("payment 1", secret); bytes.Equal(again, sealed) {
		t.Error("the same secret looks the same twice")
	}
	if _, err := ring.Unseal("payment 2", sealed); err == nil {
		t.Error("it opens for another payment")
	}
	if _, err := other.Unseal("payment 1", sealed); err == nil {
		t.Error("it opens on another terminal")
	}
	for i := range sealed {
		broken := bytes.Clone(sealed)
		broken[i] ^= 1
		if _, err := ring.Unseal("payment 1", broken); err == nil {
			t.Errorf("byte %d may be changed", i)
		}
	}
	if _, err := ring.Unseal("payment 1", sealed[:5]); err == nil {
		t.Error("a piece of it opens")
	}
}

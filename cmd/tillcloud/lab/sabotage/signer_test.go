package sabotage_test

import (
	"os"
	"strings"
	"testing"

	"tillwire/cmd/tillcloud/lab/sabotage"
)

func TestTheCheapSignerStillFitsTheSources(t *testing.T) {
	description, err := sabotage.Overlay(root, t.TempDir(), sabotage.CheapSigner())
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(description); err != nil || strings.Count(string(text), "sign.go") < 6 || strings.Count(string(text), "signature.go") < 4 {
		t.Errorf("the overlay replaces %s: %v", text, err)
	}
}

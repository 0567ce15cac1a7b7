package scanner_test

import (
	"os"
	"path"
	"testing"

	"tillwire/drivers/scanner"
	"tillwire/drivers/scanner/scannertest"
)

// Every profile passes the contract with captures of its own: those of a
// product stand in its folder, those of a protocol in testdata/protocols.
func TestEveryProfilePassesTheContract(t *testing.T) {
	here := os.DirFS(".")
	for _, p := range scanner.Profiles() {
		t.Run(p.Name, func(t *testing.T) {
			dir := path.Join("products", p.Name)
			if _, err := os.Stat(dir); err != nil {
				dir = path.Join("testdata/protocols", p.Name)
			}
			scannertest.Run(t, p, scannertest.Folder(t, here, dir))
		})
	}
}

// The folder to copy is a product like any other, but for its place in the list.
func TestTheBlueprintPassesTheContract(t *testing.T) {
	p, err := scanner.Blueprint()
	if err != nil {
		t.Fatal(err)
	}
	for _, listed := range scanner.Profiles() {
		if listed.Name == p.Name {
			t.Errorf("%s is offered to shops", p.Name)
		}
	}
	p.Name = p.Speaks // which Decode knows
	scannertest.Run(t, p, scannertest.Folder(t, os.DirFS("."), "products/blueprint"))
}

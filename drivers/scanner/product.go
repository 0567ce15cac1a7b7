package scanner

import (
	"bytes"
	"embed"
	"fmt"
	"path"
	"slices"

	"github.com/pelletier/go-toml/v2"

	"tillwire/drivers"
)

// productFolders are the products: in each a file product.toml, and captures
// with what they must decode to. See products/README.md.
//
//go:embed products
var productFolders embed.FS

// product is what a product.toml says: the protocol the product speaks and the
// keys in which it differs from it.
type product struct {
	Profile string         `toml:"profile"`
	Help    string         `toml:"help"`
	Keys    map[string]any `toml:"keys"`
}

// products lists the products as profiles, in the order of their names. One
// that is written wrong stands in the list and says so when it is used.
func products(protocols []Profile) (list []Profile) {
	folders, err := productFolders.ReadDir("products")
	if err != nil {
		return nil // the folder is part of the program
	}
	for _, f := range folders {
		if !f.IsDir() || f.Name() == blueprint {
			continue
		}
		p, err := readProduct(f.Name(), protocols)
		if err != nil {
			p = Profile{Name: f.Name(), Help: "is described wrongly", New: func(*drivers.Values) (Setup, error) { return Setup{}, err }}
		}
		list = append(list, p)
	}
	return list
}

// blueprint is the folder to copy; it is no product of its own.
const blueprint = "blueprint"

// Blueprint is the product that the folder to copy describes, for its test.
func Blueprint() (Profile, error) { return readProduct(blueprint, protocols()) }

// readProduct reads one folder: a profile with the defaults of the product.
func readProduct(name string, protocols []Profile) (Profile, error) {
	text, err := productFolders.ReadFile(path.Join("products", name, "product.toml"))
	if err != nil {
		return Profile{}, fmt.Errorf("product %s: %w", name, err)
	}
	var written product
	decoder := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields()
	if err := decoder.Decode(&written); err != nil {
		return Profile{}, fmt.Errorf("product %s: %w", name, err)
	}
	i := slices.IndexFunc(protocols, func(p Profile) bool { return p.Name == written.Profile })
	if i < 0 {
		var names []string
		for _, p := range protocols {
			names = append(names, p.Name)
		}
		return Profile{}, fmt.Errorf("product %s: %w", name, drivers.Unknown("profile", written.Profile, names))
	}
	p := protocols[i]
	values, err := drivers.NewValues(written.Keys, slices.Concat(p.Keys, p.Line))
	if err != nil {
		return Profile{}, fmt.Errorf("product %s: %w", name, err)
	}
	p.Name, p.Help, p.Speaks = name, written.Help, written.Profile
	p.Keys, p.Line = redefault(p.Keys, values), redefault(p.Line, values)
	return p, nil
}

// redefault gives keys the values of a product as their defaults.
func redefault(keys []drivers.Key, values *drivers.Values) []drivers.Key {
	out := slices.Clone(keys)
	for i := range out {
		out[i].Default = values.Raw(out[i].Name)
	}
	return out
}

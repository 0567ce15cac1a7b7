package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/keyfile"
	"tillwire/cmd/cli"
)

// rotation is what `keys rotate` is asked for.
type rotation struct {
	set        string
	roots      []string // key files that sign
	newRoots   []string // key files that sign, and from now on alone
	add        []string
	revoke     []string
	days       int
	passphrase string
}

func (a *app) keysRotateCommand() *cobra.Command {
	var r rotation
	c := &cobra.Command{Use: "rotate SET", Short: "Make the next list of keys, signed by a root", Args: cli.Exactly("SET"),
		Long: `Writes the list of keys that follows the one in SET, or the first one, signed by a root. The service
reads the file again by itself and sends the list to every terminal; terminals take it when its version
is higher and a root of the list before has signed it.

To change the roots give the new ones with --new-root and an old one with --root: both sign, so that
nobody can lock the fleet out with a key that has no other half.`,
		Example: `  tillfleet keys rotate keys.json --root root.key --add online.key --add anna.key --add boris.key
  tillfleet keys rotate keys.json --root root.key --add online-2027.key --revoke 0123456789abcdef
  tillfleet keys rotate keys.json --root root.key --new-root root-2027.key --new-root spare-2027.key`,
		RunE: func(_ *cobra.Command, args []string) error {
			r.set = args[0]
			return a.rotate(r)
		}}
	c.Flags().StringArrayVar(&r.roots, "root", nil, "key file of a root that signs")
	c.Flags().StringArrayVar(&r.newRoots, "new-root", nil, "key file of a root that takes the place of those before")
	c.Flags().StringArrayVar(&r.add, "add", nil, "key file whose public half is added; its passphrase is not needed")
	c.Flags().StringArrayVar(&r.revoke, "revoke", nil, "id of a key that is withdrawn")
	c.Flags().IntVar(&r.days, "days", int(keyfile.Life/(24*time.Hour)), "how long the list and added keys are valid")
	c.Flags().StringVar(&r.passphrase, "passphrase-file", "", "file with the roots' passphrase; without it, it is asked for")
	return c
}

func (a *app) rotate(r rotation) error {
	_, before, err := keyfile.ReadSet(r.set)
	if errors.Is(err, fs.ErrNotExist) {
		before, err = nil, nil
	}
	if err != nil {
		return err
	}
	if len(r.roots) == 0 {
		return cli.Wrong("name a root that signs with --root")
	}
	change := keyfile.Change{Life: time.Duration(r.days) * 24 * time.Hour}
	for _, id := range r.revoke {
		change.Revoke = append(change.Revoke, fleet.KeyID(id))
	}
	for _, file := range r.add {
		info, err := keyfile.Look(file)
		if err != nil {
			return err
		}
		change.Add = append(change.Add, info)
	}
	signers, old, err := a.openRoots(r.passphrase, r.roots, r.newRoots)
	if err != nil {
		return err
	}
	if len(r.newRoots) > 0 {
		change.Roots = old[len(r.roots):]
	} else if before == nil {
		change.Roots = old
	}
	next, err := keyfile.Next(before, change, a.clock.Now())
	if err != nil {
		return err
	}
	raw, err := keyfile.Sign(next, before, signers...)
	if err != nil {
		return err
	}
	if err := replaceFile(r.set, raw); err != nil {
		return err
	}
	_, set, err := keyfile.ReadSet(r.set)
	if err != nil {
		return err
	}
	v, err := viewOfSet(raw, set, a.clock.Now())
	if err != nil {
		return err
	}
	if err := a.showSet(v); !errors.Is(err, cli.ErrFound) { // the list is written; what is said about it is no failure
		return err
	}
	return nil
}

// openRoots opens the key files of roots, the old ones first.
func (a *app) openRoots(passphrase string, files ...[]string) (keys []privateKey, infos []keyfile.Info, err error) {
	ask := a.passphrases(passphrase)
	for _, list := range files {
		for _, file := range list {
			key, info, err := ask.open(file)
			if err != nil {
				return nil, nil, err
			}
			if info.Role != keyfile.Root {
				return nil, nil, fmt.Errorf("%s is a key for %s; lists of keys are signed by roots", file, info.Role)
			}
			keys, infos = append(keys, key), append(infos, info)
		}
	}
	return keys, infos, nil
}

// replaceFile puts a file in place whole or not at all, also when the plug is
// pulled. Everybody may read it.
func replaceFile(path string, text []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

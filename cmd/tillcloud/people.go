package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// setPeople makes the shop's people known to the agent, once: it only works
// while the agent does not run. A data folder that was emptied by hand knows
// nobody any more.
func setPeople(program string, l layout, m *memory) error {
	entries, err := os.ReadDir(l.agentData())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if m.People && len(entries) > 0 {
		return nil
	}
	m.Codes = false // it forgot them as well
	// The child dies with its thread, see keeper.run.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, person := range []struct{ role, name, secret string }{
		{"owner", "Owner", m.OwnerPassword},
		{"manager", "Manager", m.ManagerPIN},
		{"cashier", "Cashier", m.CashierPIN},
	} {
		cmd := bound(program, "people", "set", "--config", l.config(), "--role", person.role, "--name", person.name)
		// The secret goes in by standard input; arguments are visible to every process.
		cmd.Stdin = strings.NewReader(person.secret + "\n")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("tillwire people set --role %s: %w: %s", person.role, err, strings.TrimSpace(string(out)))
		}
	}
	m.People = true
	return m.save(l.root)
}

// setCodes tells the agent, once, how the codes of the shop's own cards look: no table
// of wallets can know them.
func setCodes(program string, l layout, m *memory) error {
	if m.Codes {
		return nil
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if out, err := bound(program, "settings", "set", "--config", l.config(), "codes.own", shopCardCodes).CombinedOutput(); err != nil {
		return fmt.Errorf("tillwire settings set codes.own: %w: %s", err, strings.TrimSpace(string(out)))
	}
	m.Codes = true
	return m.save(l.root)
}

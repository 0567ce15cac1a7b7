package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"tillwire/agent"
)

// wipedFile in the data folder says that the fleet has taken the terminal's keys
// away. While it is there, nothing is sold.
const wipedFile = "wiped.json"

// wipedMark is what the file holds.
type wipedMark struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

// wipeTerminal makes the terminal worthless to whoever holds it: no key of a
// wallet, a till, a person or the fleet is left. What was sold stays in the
// journal, which holds no secret; the fleet's agent has told all of it before.
func (d *agentd) wipeTerminal(_ context.Context, args json.RawMessage) (any, func(), error) {
	mark := wipedMark{At: d.clock.Now()}
	if err := json.Unmarshal(args, &mark); err != nil {
		return nil, nil, err
	}
	text, err := json.Marshal(mark)
	if err != nil {
		return nil, nil, err
	}
	// First: whatever happens to the rest, the next start sells nothing.
	if err := writeFile(filepath.Join(d.config.Terminal.Data, wipedFile), text); err != nil {
		return nil, nil, fmt.Errorf("the mark that stops selling cannot be written: %w", err)
	}
	left, removed := []string{}, 0
	for _, name := range d.config.secrets() {
		switch err := os.RemoveAll(name); {
		case err == nil:
			removed++
		default:
			d.log.Error("a key could not be taken away", "comp", "fleet", "code", "wipe", "file", name, "err", err)
			left = append(left, filepath.Base(name))
		}
	}
	_, restart, _ := d.restartAgent(context.Background(), nil)
	return map[string]any{"removed": removed, "left": left}, restart, nil
}

// secrets are the files and folders that hold keys, as far as they are there.
func (c config) secrets() (names []string) {
	names = append(names, filepath.Join(c.Terminal.Data, keysFolder), filepath.Join(c.Terminal.Data, lanKeyFile))
	for _, t := range c.Tokens {
		names = append(names, t.File)
	}
	for i := range c.Wallets {
		for _, p := range c.Wallets[i].files() {
			names = append(names, *p)
		}
	}
	for _, p := range c.Fleet.files() {
		names = append(names, *p)
	}
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool {
		_, err := os.Lstat(name)
		return name == "" || errors.Is(err, fs.ErrNotExist)
	})
}

// wipedProblem says why a terminal that was wiped does not sell.
func wipedProblem(data string) (agent.Problem, bool) {
	text, err := os.ReadFile(filepath.Join(data, wipedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return agent.Problem{}, false
	}
	var mark wipedMark
	if err == nil {
		err = json.Unmarshal(text, &mark)
	}
	why := mark.Reason
	if err != nil {
		why = "the mark cannot be read: " + err.Error()
	}
	return agent.Problem{Since: mark.At, ID: "problem.wiped", Args: []string{why, filepath.Join(data, wipedFile)},
		What: fmt.Sprintf("The fleet's office has taken this terminal's keys away (%s). Nothing is sold.", why),
		Do:   fmt.Sprintf("If the shop is to sell here again: put the keys back, enrol the terminal anew, and remove %s.", filepath.Join(data, wipedFile))}, true
}

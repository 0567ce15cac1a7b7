package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/fleet"
	"tillwire/cmd/cli"
)

// said is what a finished command left behind.
type said struct {
	code           int
	stdout, stderr string
}

// operate runs one command line in this process.
func operate(t *testing.T, stdin string, args ...string) said {
	t.Helper()
	var stdout, stderr bytes.Buffer
	a := &app{stdin: strings.NewReader(stdin), stdout: &stdout, stderr: &stderr, env: func(string) string { return "" }, clock: agent.NewSystemClock()}
	return said{a.execute(t.Context(), args), stdout.String(), stderr.String()}
}

const secretLine = "correct horse battery staple\n"

// mint makes a key with the command line and answers its file.
func mint(t *testing.T, dir, role, name string) string {
	t.Helper()
	file := filepath.Join(dir, name+".key")
	if s := operate(t, secretLine, "keys", "new", role, file, "--note", name); s.code != cli.Fine || !strings.Contains(s.stdout, role+" key ") {
		t.Fatalf("keys new %s: %+v", role, s)
	}
	return file
}

// keyID is the id that `keys show` tells.
func keyID(t *testing.T, file string) fleet.KeyID {
	t.Helper()
	var v keyView
	if s := operate(t, "", "keys", "show", file, "--json"); s.code != cli.Fine || json.Unmarshal([]byte(s.stdout), &v) != nil {
		t.Fatalf("keys show: %+v", s)
	}
	return v.ID
}

// TestAFleetsKeysOnTheCommandLine is the way from nothing to a dangerous command
// that two people approved.
func TestAFleetsKeysOnTheCommandLine(t *testing.T) {
	dir := t.TempDir()
	set := filepath.Join(dir, "keys.json")
	root, online := mint(t, dir, "root", "root"), mint(t, dir, "online", "online")
	anna, boris := mint(t, dir, "approver", "anna"), mint(t, dir, "approver", "boris")

	if s := operate(t, secretLine, "keys", "rotate", set, "--root", root, "--add", online, "--add", anna, "--add", boris); s.code != cli.Fine || !strings.Contains(s.stdout, "version 1") {
		t.Fatalf("the first list: %+v", s)
	}
	if s := operate(t, "", "keys", "show", set); s.code != cli.Fine || strings.Count(s.stdout, "approver") != 2 || !strings.Contains(s.stdout, "signed this list") {
		t.Errorf("keys show: %+v", s)
	}
	if s := operate(t, "another passphrase\n", "keys", "rotate", set, "--root", root); s.code != cli.Found || !strings.Contains(s.stderr, "passphrase") {
		t.Errorf("with a wrong passphrase: %+v", s)
	}
	if s := operate(t, secretLine, "keys", "rotate", set, "--root", anna); s.code != cli.Found || !strings.Contains(s.stderr, "signed by roots") {
		t.Errorf("with an approver's key: %+v", s)
	}
	next := mint(t, dir, "root", "next")
	if s := operate(t, secretLine+secretLine, "keys", "rotate", set, "--root", root, "--new-root", next, "--revoke", string(keyID(t, boris))); s.code != cli.Fine || !strings.Contains(s.stdout, "WITHDRAWN") {
		t.Fatalf("new roots: %+v", s)
	}
	if s := operate(t, secretLine, "keys", "rotate", set, "--root", root); s.code != cli.Found || !strings.Contains(s.stderr, "Take a root of the list before") {
		t.Errorf("with the root that was replaced: %+v", s)
	}
	if s := operate(t, "", "keys", "show", set); s.code != cli.Found || !strings.Contains(s.stdout, "fewer than two approvers") {
		t.Errorf("with one approver left: %+v", s)
	}

	command := fleet.Command{Claims: fleet.Claims{Aud: "t-0001-corner", Iss: "fleet.example", Iat: fleet.At(time.Now()), Exp: fleet.At(time.Now().Add(time.Minute)), Jti: "01KAFN00000000000000000001", Seq: 1},
		Name: "terminal.wipe", Args: json.RawMessage(`{"reason":"lost"}`), Class: fleet.Dangerous, Actor: "ops@fleet.example"}
	raw, err := fleet.Seal(fleet.TypeCommand, command)
	if err != nil {
		t.Fatal(err)
	}
	proposal := filepath.Join(dir, "proposal.json")
	if err := os.WriteFile(proposal, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if s := operate(t, "no\n"+secretLine, "keys", "sign", proposal, "--key", anna); s.code != cli.Found || s.stdout != "" || !strings.Contains(s.stderr, "terminal.wipe on t-0001-corner") {
		t.Errorf("somebody who thinks better of it: %+v", s)
	}
	first := operate(t, secretLine, "keys", "sign", proposal, "--key", anna, "--yes")
	if first.code != cli.Fine {
		t.Fatalf("the first approver: %+v", first)
	}
	second := operate(t, first.stdout, "keys", "sign", "--key", boris, "--yes", "--passphrase-file", passphraseFile(t))
	if second.code != cli.Fine {
		t.Fatalf("the second approver: %+v", second)
	}
	if d, err := fleet.Look([]byte(second.stdout)); err != nil || len(d.Signers) != 2 || d.Signers[0] != keyID(t, anna) || d.Signers[1] != keyID(t, boris) {
		t.Errorf("approved by %v, %v", d.Signers, err)
	}
	if s := operate(t, secretLine, "keys", "sign", proposal, "--key", online, "--yes"); s.code != cli.Found || !strings.Contains(s.stderr, "approver's") {
		t.Errorf("with the online key: %+v", s)
	}
	list, err := os.ReadFile(set)
	if err != nil {
		t.Fatal(err)
	}
	if s := operate(t, string(list), "keys", "sign", "--key", anna, "--yes"); s.code != cli.Found || !strings.Contains(s.stderr, "approvers sign commands") {
		t.Errorf("a list of keys: %+v", s)
	}
}

// passphraseFile is the passphrase as a service reads it.
func passphraseFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "passphrase")
	if err := os.WriteFile(file, []byte(secretLine), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

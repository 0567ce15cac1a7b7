package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"tillwire/agent/fleet/keyfile"
	"tillwire/agent/keyring"
)

// passphrases answers what locks key files: from a file, or from the person, for
// one key after another.
type passphrases struct {
	file  string
	stdin *bufio.Reader
	a     *app
}

func (a *app) passphrases(file string) *passphrases {
	return &passphrases{file: file, stdin: bufio.NewReader(a.stdin), a: a}
}

// longest passphrase in a file, in bytes.
const mostPassphrase = 256

// ask answers the passphrase of a key. A terminal does not show it; a script gives
// one line for each key that is asked for.
func (p *passphrases) ask(what string) (string, error) {
	if p.file != "" {
		secret, err := keyring.LoadSecret(p.file, 1, mostPassphrase)
		return string(secret), err
	}
	if f, ok := p.a.stdin.(*os.File); ok {
		if old, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS); err == nil {
			quiet := *old
			quiet.Lflag &^= unix.ECHO
			if err := unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, &quiet); err != nil {
				return "", fmt.Errorf("hide the passphrase: %w", err)
			}
			defer func() { _ = unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, old) }() // the terminal is gone when this fails
			fmt.Fprintf(p.a.stderr, "Passphrase of %s: ", what)
			defer fmt.Fprintln(p.a.stderr)
		}
	}
	line, err := p.stdin.ReadString('\n')
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return "", errors.Join(fmt.Errorf("the passphrase of %s has to be the next line of standard input, or name its file with --passphrase-file", what), err)
	}
	return line, nil
}

// choose asks for a new passphrase, of a person twice.
func (p *passphrases) choose(what string) (string, error) {
	first, err := p.ask(what)
	if err != nil || p.file != "" || !p.fromPerson() {
		return first, err
	}
	again, err := p.ask(what + " again")
	if err == nil && again != first {
		err = errors.New("the two passphrases differ; nothing was written")
	}
	return first, err
}

func (p *passphrases) fromPerson() bool {
	f, ok := p.a.stdin.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// open opens a key file, asking for its passphrase when it has one. A key that
// another program made is not locked and does not say what it is for.
func (p *passphrases) open(path string) (key privateKey, info keyfile.Info, err error) {
	info, err = keyfile.Look(path)
	if errors.Is(err, keyfile.ErrFile) {
		key, err = readSigningKey(path)
		return key, keyfile.Info{Role: plainKey}, err
	}
	if err != nil {
		return nil, info, err
	}
	secret := ""
	if info.Locked {
		if secret, err = p.ask(path); err != nil {
			return nil, info, err
		}
	}
	return keyfile.Open(path, secret)
}

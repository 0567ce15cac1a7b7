package main

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"time"

	"tillwire/agent"
	"tillwire/agent/keyring"
	"tillwire/agent/wallet"
	"tillwire/agent/wallet/gateway"
	"tillwire/agent/words"
)

// entitle calls the wallets what the shop calls them.
func (c config) entitle(w *words.Words) {
	for _, wallet := range c.Wallets {
		if wallet.Title != "" {
			w.Title(wallet.Name, wallet.Title)
		}
	}
}

// walletEnv is what wallets use of the running agent.
type walletEnv struct {
	terminal terminalConfig
	clock    agent.Clock
	log      *slog.Logger
	timers   func(protocol string) agent.Timers
	observe  func(wallet.Exchange)
	skew     func(wallet string, offset time.Duration)
	dial     wallet.Dial                    // over the machine's uplinks; nil: wherever its routes lead
	kept     string                         // folder for what gateways say they can do; empty: nothing is kept
	gateways map[string]*gateway.Connection // by what they share; made while wallets are opened
}

// openWallets builds every wallet that can be built. One whose keys or numbers
// are wrong becomes a fault and is left out; the others sell on.
func openWallets(list []walletConfig, e walletEnv) (members []wallet.Member, faults []fault) {
	build := makers()
	e.gateways = map[string]*gateway.Connection{}
	seen := map[string]bool{}
	for _, w := range list {
		open, known := build[w.Protocol]
		if !known || seen[w.Name] || !namePattern.MatchString(w.Name) {
			continue // reported with the line by the check of the configuration
		}
		seen[w.Name] = true
		member, err := open(w, e)
		if err != nil {
			for _, f := range partFaults(w.where, err, w.keyOf) {
				f.Do = strings.TrimSpace(f.Do + " Until then " + w.Name + " takes no payment.")
				faults = append(faults, f)
			}
			continue
		}
		if len(w.Takes) > 0 {
			// The contract says whose codes they are: 28… of Alipay or of Alipay+.
			member.Takes = w.Takes
		}
		members = append(members, member)
	}
	return members, faults
}

// partFaults turns each single cause into a fault at the part's place in the
// configuration.
func partFaults(where place, err error, keyOf func(file, what string) string) (list []fault) {
	for _, cause := range causes(err) {
		f := fault{File: where.file, What: cause.Error() + "."}
		var wrong *keyring.Error
		if errors.As(cause, &wrong) {
			f.What, f.Do = fmt.Sprintf("%s %s.", wrong.Path, wrong.What), keyAdvice(wrong)
			f.Key = keyOf(wrong.Path, "")
		} else if key := keyOf("", f.What); key != "" {
			f.Key, f.What = key, strings.TrimPrefix(f.What, key+" ")
		}
		f.Key = strings.TrimSuffix(where.path+"."+f.Key, ".")
		f.Line = where.lines.of(f.Key)
		list = append(list, f)
	}
	return list
}

// keyOf finds the key that a complaint is about: the one that names the file, or
// the one it begins with.
func (w walletConfig) keyOf(file, what string) string {
	v := reflect.ValueOf(w)
	for i := range v.NumField() {
		if file != "" && v.Field(i).Kind() == reflect.String && v.Field(i).String() == file {
			return v.Type().Field(i).Tag.Get("toml")
		}
	}
	word, _, _ := strings.Cut(what, " ")
	if slices.Contains(keysAt(reflect.TypeFor[walletConfig](), nil), word) {
		return word
	}
	return ""
}

func keyAdvice(e *keyring.Error) string {
	if e.Do == "" {
		return "Look at the file and its folder."
	}
	return "Next step: " + e.Do + "."
}

// causes takes joined errors apart, below the sentence around them.
func causes(err error) []error {
	var around *agent.Error
	if errors.As(err, &around) && around.Err != nil {
		err = around.Err
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		if _, own := err.(*keyring.Error); !own {
			var list []error
			for _, e := range joined.Unwrap() {
				list = append(list, causes(e)...)
			}
			return list
		}
	}
	return []error{err}
}

// loadIf reads a key file that has to be named.
func loadIf[K any](path, name string, load func(string) (*K, error)) (*K, error) {
	if path == "" {
		return nil, fmt.Errorf("%s is missing: name the file of the key", name)
	}
	return load(path)
}

// pemOf writes a key in the one form the wallets take, whatever form its file had.
func pemOf(kind string, key any) ([]byte, error) {
	encode := x509.MarshalPKIXPublicKey
	if kind == "PRIVATE KEY" {
		encode = x509.MarshalPKCS8PrivateKey
	}
	der, err := encode(key)
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), err
}

func certificatePEM(cert *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
}

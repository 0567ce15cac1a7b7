package main

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tillwire/agent"
	"tillwire/agent/keyring"
	"tillwire/agent/wallet"
	"tillwire/agent/wallet/gateway"
)

// openGateway prepares one brand behind an acquirer; nothing is sent. Brands that
// name the same hosts, merchant and keys share a connection.
func openGateway(w walletConfig, e walletEnv) (wallet.Member, error) {
	brand, err := w.gatewayBrand()
	if err != nil {
		return wallet.Member{}, err
	}
	shared := strings.Join(append([]string{w.MerchantID, w.SigningKeyID, w.SigningKey, w.AcquirerKeyID, w.AcquirerKey, fmt.Sprint(w.Live)}, w.Hosts...), "\n")
	connection := e.gateways[shared]
	if connection == nil {
		if connection, err = connectGateway(w, e, shared); err != nil {
			return wallet.Member{}, err
		}
		e.gateways[shared] = connection
	}
	made, err := connection.Wallet(w.Name, brand)
	return wallet.Member{Wallet: made, Takes: brand.Takes}, err
}

// gatewayBrand is what the program knows of the brand, with what the file says.
func (w walletConfig) gatewayBrand() (gateway.Brand, error) {
	name := cmp.Or(w.Brand, w.Name)
	b, _ := gateway.Known(name)
	b.Name = name
	if len(w.Modes) > 0 {
		b.Charges, b.Shows = false, false
	}
	for _, m := range w.Modes {
		switch m {
		case "code":
			b.Charges = true
		case "show":
			b.Shows = true
		default:
			return b, fmt.Errorf("modes holds %q: write \"code\" where customers show codes, \"show\" where the shop shows them", m)
		}
	}
	if len(b.Takes) == 0 {
		b.Takes = []string{name}
	}
	if len(w.Currencies) > 0 {
		b.Currencies = nil
		for _, c := range w.Currencies {
			b.Currencies = append(b.Currencies, agent.Currency(c))
		}
	}
	return b, nil
}

// gatewayConfig reads the keys that the configuration names; every file that is
// wrong is reported at once.
func gatewayConfig(w walletConfig, e walletEnv) (gateway.Config, error) {
	c := gateway.Config{
		Name: w.Name, Hosts: w.Hosts, Merchant: w.MerchantID, Signer: gateway.Signer{KeyID: w.SigningKeyID}, Live: w.Live,
		Description: cmp.Or(e.terminal.Shop, "Shop"), StoreID: e.terminal.StoreID, Schemes: schemesOf, Timers: e.timers(w.Protocol),
		Clock: e.clock, Log: e.log, UserAgent: "tillwire/" + version, Observe: e.observe, Dial: e.dial,
		ClockSkew: func(offset time.Duration) {
			if e.skew != nil {
				e.skew(w.Name, offset)
			}
		},
	}
	var wrong []error
	if w.SigningKey != "" {
		key, err := keyring.LoadSigningKey(w.SigningKey)
		c.Signer.Key, wrong = key, append(wrong, err)
	}
	if w.AcquirerKey != "" {
		key, err := keyring.LoadVerifyKey(w.AcquirerKey)
		c.Acquirer, wrong = map[string]ed25519.PublicKey{w.AcquirerKeyID: key}, append(wrong, err)
	}
	return c, errors.Join(wrong...)
}

// connectGateway prepares the connection that everything of the same hosts, merchant and
// keys shares. What its gateway says it can do outlives a restart without a line.
func connectGateway(w walletConfig, e walletEnv, shared string) (*gateway.Connection, error) {
	c, err := gatewayConfig(w, e)
	if err != nil {
		return nil, err
	}
	if e.kept != "" {
		sum := sha256.Sum256([]byte(shared))
		file := filepath.Join(e.kept, hex.EncodeToString(sum[:8])+".json")
		c.Kept, _ = os.ReadFile(file) // nothing is known before the first answer
		last := c.Kept
		c.Keep = func(said []byte) {
			if bytes.Equal(said, last) {
				return
			}
			if err := writeFile(file, said); err != nil {
				e.log.Warn("what the gateway can do is not kept", "gateway", w.Name, "code", "keep_capabilities", "err", err)
				return
			}
			last = bytes.Clone(said)
		}
	}
	return gateway.Connect(c)
}

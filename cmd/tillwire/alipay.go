package main

import (
	"cmp"
	"crypto/rsa"
	"errors"

	"tillwire/agent/keyring"
	"tillwire/agent/wallet"
	"tillwire/agent/wallet/alipay"
)

// openAlipay reads the keys of an Alipay wallet and prepares it; nothing is sent.
func openAlipay(w walletConfig, e walletEnv) (wallet.Member, error) {
	c := alipay.Config{
		Name: w.Name, Hosts: w.Hosts, Mode: w.Mode, AppID: w.AppID, Product: w.Product, NotifyURL: w.NotifyURL,
		Description: cmp.Or(e.terminal.Shop, "Shop"), StoreID: e.terminal.StoreID, Timers: e.timers(w.Protocol),
		Clock: e.clock, Log: e.log, UserAgent: "tillwire/" + version, Observe: e.observe, Dial: e.dial,
	}
	if err := readAlipayKeys(w, &c); err != nil {
		return wallet.Member{}, err
	}
	made, err := alipay.New(c)
	return wallet.Member{Wallet: made, Takes: []string{"alipay"}}, err
}

// readAlipayKeys reads what the configuration names; every file that is wrong is
// reported at once. What is missing for the mode is the wallet's own to say.
func readAlipayKeys(w walletConfig, c *alipay.Config) error {
	var wrong []error
	note := func(err error) bool { wrong = append(wrong, err); return err == nil }
	app, err := loadIf(w.AppKey, "app_key", keyring.LoadPrivateKey)
	if note(err) {
		c.AppKey, err = pemOf("PRIVATE KEY", app)
		note(err)
	}
	if w.AlipayKey != "" {
		public, err := keyring.LoadPublicKey(w.AlipayKey)
		if err == nil && app != nil {
			err = keyring.CheckPair(app, public, w.AlipayKey)
		}
		if note(err) {
			c.AlipayKey, err = pemOf("PUBLIC KEY", public)
			note(err)
		}
	}
	for _, f := range []struct {
		path string
		to   *[]byte
		ours bool
	}{{w.AppCert, &c.AppCert, true}, {w.AlipayCert, &c.AlipayCert, false}} {
		if f.path != "" {
			*f.to, err = readCertificate(f.path, app, f.ours)
			note(err)
		}
	}
	if w.AlipayRootCert != "" {
		c.RootCert, err = keyring.LoadRoots(w.AlipayRootCert)
		note(err)
	}
	if w.AppAuthToken != "" {
		const most = 40 // Alipay: app_auth_token
		token, err := keyring.LoadSecret(w.AppAuthToken, 1, most)
		note(err)
		c.AppAuthToken = string(token)
	}
	return errors.Join(wrong...)
}

// readCertificate reads one and refuses the application's own in the place of
// Alipay's.
func readCertificate(path string, app *rsa.PrivateKey, ours bool) ([]byte, error) {
	cert, err := keyring.LoadCertificate(path)
	if err != nil {
		return nil, err
	}
	if public, ok := cert.PublicKey.(*rsa.PublicKey); ok && app != nil && !ours {
		if err := keyring.CheckPair(app, public, path); err != nil {
			return nil, err
		}
	}
	return certificatePEM(cert), nil
}

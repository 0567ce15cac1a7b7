package main

import (
	"cmp"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"tillwire/agent"
	"tillwire/agent/keyring"
	"tillwire/agent/wallet"
	"tillwire/agent/wallet/wechat"
)

// openWechat reads the keys of a WeChat wallet and prepares it; nothing is sent.
func openWechat(w walletConfig, e walletEnv) (wallet.Member, error) {
	c := wechat.Config{
		Name: w.Name, Hosts: w.Hosts, Mode: w.Mode, AppID: w.AppID, MerchantID: w.MerchantID,
		SubAppID: w.SubAppID, SubMerchantID: w.SubMerchantID, MerchantSerial: w.MerchantSerial, Platform: w.Platform,
		Region: w.Region, Codepay: w.Codepay, APIv2Sign: w.APIv2Sign, TerminalIP: w.TerminalIP, Category: w.Category, PayPath: w.PayPath, ReversePath: w.ReversePath,
		NotifyURL: w.NotifyURL, Description: cmp.Or(e.terminal.Shop, "Shop"), StoreID: e.terminal.StoreID, Timers: e.timers(w.Protocol),
		Clock: e.clock, Log: e.log, UserAgent: "tillwire/" + version, Observe: e.observe, Dial: e.dial,
		ClockSkew: func(offset time.Duration) {
			if e.skew != nil {
				e.skew(w.Name, offset)
			}
		},
	}
	for _, currency := range w.Currencies {
		c.Currencies = append(c.Currencies, agent.Currency(currency))
	}
	if w.Region == wechat.RegionGlobal && len(c.Currencies) == 0 {
		c.Currencies = []agent.Currency{agent.Currency(e.terminal.Currency)}
	}
	if err := readWechatKeys(w, &c); err != nil {
		return wallet.Member{}, err
	}
	made, err := wechat.New(c)
	if err == nil && w.HostCA != "" && !made.Info().Test {
		err = errors.New("host_ca is for a test cloud: remove it, WeChat's own hosts are trusted without")
	}
	return wallet.Member{Wallet: made, Takes: []string{"wechat"}}, err
}

// readWechatKeys reads what the configuration names; every file that is wrong is
// reported at once.
func readWechatKeys(w walletConfig, c *wechat.Config) error {
	var wrong []error
	merchant, err := loadIf(w.MerchantKey, "merchant_key", keyring.LoadPrivateKey)
	wrong = append(wrong, err)
	if merchant != nil {
		if c.MerchantKey, err = pemOf("PRIVATE KEY", merchant); err != nil {
			wrong = append(wrong, err)
		}
	}
	if w.PlatformKey != "" {
		key, err := readPlatformKey(w, merchant)
		wrong = append(wrong, err)
		if err == nil {
			c.PlatformKeys = []wechat.PlatformKey{key}
		}
	}
	if w.APIv3Key != "" {
		const size = 32 // WeChat Pay v3: the API v3 key is exactly 32 bytes
		c.APIv3Key, err = keyring.LoadSecret(w.APIv3Key, size, size)
		wrong = append(wrong, err)
	}
	return errors.Join(append(wrong, readWechatExtras(w, c))...)
}

// readWechatExtras reads what only code payments over API v2 and test clouds need.
func readWechatExtras(w walletConfig, c *wechat.Config) error {
	var wrong []error
	if w.APIv2Key != "" {
		const size = 32 // WeChat Pay v2: the API key is exactly 32 characters
		key, err := keyring.LoadSecret(w.APIv2Key, size, size)
		c.APIv2Key, wrong = key, append(wrong, err)
	}
	if w.MerchantCert != "" {
		cert, err := keyring.LoadCertificate(w.MerchantCert)
		if wrong = append(wrong, err); err == nil {
			c.MerchantCert = certificatePEM(cert)
		}
	}
	if w.HostCA != "" {
		text, err := keyring.LoadRoots(w.HostCA)
		if wrong = append(wrong, err); err == nil {
			roots := x509.NewCertPool()
			roots.AppendCertsFromPEM(text)
			c.TLS = &tls.Config{RootCAs: roots}
		}
	}
	return errors.Join(wrong...)
}

func readPlatformKey(w walletConfig, merchant *rsa.PrivateKey) (wechat.PlatformKey, error) {
	key := wechat.PlatformKey{ID: w.PlatformKeyID}
	if w.Platform == wechat.PlatformCertificate {
		cert, err := keyring.LoadCertificate(w.PlatformKey)
		if err != nil {
			return key, err
		}
		key.PEM = certificatePEM(cert)
		if key.ID == "" {
			key.ID = fmt.Sprintf("%X", cert.SerialNumber)
		}
		return key, nil
	}
	public, err := keyring.LoadPublicKey(w.PlatformKey)
	if err != nil {
		return key, err
	}
	if merchant != nil {
		if err := keyring.CheckPair(merchant, public, w.PlatformKey); err != nil {
			return key, err
		}
	}
	key.PEM, err = pemOf("PUBLIC KEY", public)
	return key, err
}

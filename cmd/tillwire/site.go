package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"tillwire/agent"
	"tillwire/agent/wallet/gateway"
	"tillwire/agent/web"
	"tillwire/drivers"
)

// packagedCode is the terminal code of the installed sample. It is nobody's own,
// so the first start replaces it.
const packagedCode = "TILL01"

// codeLetters make a terminal code; order numbers allow all of them.
const codeLetters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

// applySetup writes what the first-start page gathered: the secrets first, then
// site.toml that names them, each complete or not at all. What it wrote is read
// back by the same strict reader, so that a page cannot save what a restart
// would refuse.
func applySetup(c config, s web.Setup) error {
	dir := c.Terminal.Data
	site := siteOf(c, s)
	w := site.Wallets[0]
	secrets := map[string]string{
		w.MerchantKey: s.Wallet.MerchantKey, w.PlatformKey: s.Wallet.PlatformKey, w.APIv3Key: s.Wallet.APIv3Key,
		w.AppKey: s.Wallet.AppKey, w.AlipayKey: s.Wallet.AlipayKey,
		w.AppCert: s.Wallet.AppCert, w.AlipayCert: s.Wallet.AlipayCert, w.AlipayRootCert: s.Wallet.AlipayRootCert,
		w.SigningKey: s.Wallet.SigningKey, w.AcquirerKey: s.Wallet.AcquirerKey,
	}
	for name, text := range secrets {
		if name == "" {
			continue
		}
		if err := writeFile(filepath.Join(dir, name), []byte(text)); err != nil {
			return fmt.Errorf("keep the secret: %w", err)
		}
	}
	text, err := toml.Marshal(site)
	if err != nil {
		return fmt.Errorf("write %s: %w", siteFile, err)
	}
	return writeFile(filepath.Join(dir, siteFile), append([]byte("# Written by the first-start page. The operator's own file speaks over it as soon as it has a wallet or a lane.\n\n"), text...))
}

// siteConfig is the part of the configuration that the first start decides.
type siteConfig struct {
	Terminal siteTerminal `toml:"terminal"`
	Wallets  []siteWallet `toml:"wallet"`
	Lanes    []siteLane   `toml:"lane"`
}

type siteTerminal struct {
	Code     string `toml:"code"`
	Shop     string `toml:"shop"`
	StoreID  string `toml:"store_id"`
	Currency string `toml:"currency"`
	TimeZone string `toml:"time_zone"`
	Language string `toml:"language"`
}

type siteWallet struct {
	Name           string   `toml:"name"`
	Protocol       string   `toml:"protocol"`
	Mode           string   `toml:"mode,omitempty"`
	Hosts          []string `toml:"hosts,omitempty"`
	AppID          string   `toml:"app_id,omitempty"`
	MerchantID     string   `toml:"merchant_id,omitempty"`
	SubMerchantID  string   `toml:"sub_merchant_id,omitempty"`
	SubAppID       string   `toml:"sub_app_id,omitempty"`
	MerchantSerial string   `toml:"merchant_serial,omitempty"`
	MerchantKey    string   `toml:"merchant_key,omitempty"`
	Platform       string   `toml:"platform,omitempty"`
	PlatformKeyID  string   `toml:"platform_key_id,omitempty"`
	PlatformKey    string   `toml:"platform_key,omitempty"`
	APIv3Key       string   `toml:"api_v3_key,omitempty"`
	NotifyURL      string   `toml:"notify_url,omitempty"`

	AppKey         string `toml:"app_key,omitempty"`
	AlipayKey      string `toml:"alipay_key,omitempty"`
	AppCert        string `toml:"app_cert,omitempty"`
	AlipayCert     string `toml:"alipay_cert,omitempty"`
	AlipayRootCert string `toml:"alipay_root_cert,omitempty"`

	Brand         string   `toml:"brand,omitempty"`
	Currencies    []string `toml:"currencies,omitempty"`
	SigningKeyID  string   `toml:"signing_key_id,omitempty"`
	SigningKey    string   `toml:"signing_key,omitempty"`
	AcquirerKeyID string   `toml:"acquirer_key_id,omitempty"`
	AcquirerKey   string   `toml:"acquirer_key,omitempty"`
	Live          bool     `toml:"live,omitempty"`
}

type siteLane struct {
	ID      string     `toml:"id"`
	Name    string     `toml:"name"`
	Wallet  string     `toml:"wallet"`
	Scanner siteDevice `toml:"scanner"`
	Display siteDevice `toml:"display"`
}

type siteDevice struct {
	Driver string `toml:"driver"`
	Path   string `toml:"path,omitempty"`
	Baud   int    `toml:"baud,omitempty"`
}

func siteOf(c config, s web.Setup) siteConfig {
	code := c.Terminal.Code
	if code == packagedCode || !codePattern.MatchString(code) {
		code = freshCode()
	}
	site := siteConfig{
		Terminal: siteTerminal{code, s.Shop, s.StoreID, string(s.Currency), s.Zone, s.Language},
		Wallets:  []siteWallet{siteWalletOf(s.Wallet)},
	}
	for _, l := range s.Lanes {
		lane := siteLane{ID: l.ID, Name: l.Name, Wallet: s.Wallet.Name(), Scanner: siteDevice{Driver: "virtual"}, Display: siteDevice{Driver: kiosk}}
		if l.Scanner != "" {
			lane.Scanner = siteDevice{Driver: "line", Path: l.Scanner, Baud: l.Baud}
		}
		site.Lanes = append(site.Lanes, lane)
	}
	return site
}

// siteWalletOf is the wallet as the file names it, with its secrets as files beside.
func siteWalletOf(w web.WalletSetup) siteWallet {
	secret := func(text, name string) string {
		if text == "" {
			return ""
		}
		return filepath.Join("secrets", name)
	}
	out := siteWallet{Name: w.Name(), Protocol: w.Protocol, Mode: w.Mode, Hosts: w.Hosts, AppID: w.AppID, MerchantID: w.MerchantID,
		SubMerchantID: w.SubMerchantID, SubAppID: w.SubAppID, MerchantSerial: w.MerchantSerial, MerchantKey: secret(w.MerchantKey, "wechat-merchant.pem"),
		Platform: w.Platform, PlatformKeyID: w.PlatformKeyID, PlatformKey: secret(w.PlatformKey, "wechat-platform.pem"),
		APIv3Key: secret(w.APIv3Key, "wechat-apiv3.key"), NotifyURL: w.NotifyURL,
		AppKey: secret(w.AppKey, "alipay-app.pem"), AlipayKey: secret(w.AlipayKey, "alipay-public.pem"), AppCert: secret(w.AppCert, "alipay-app.crt"),
		AlipayCert: secret(w.AlipayCert, "alipay.crt"), AlipayRootCert: secret(w.AlipayRootCert, "alipay-root.crt"),
		Brand: w.Brand, SigningKeyID: w.SigningKeyID, SigningKey: secret(w.SigningKey, "gateway-signing.pem"),
		AcquirerKeyID: w.AcquirerKeyID, AcquirerKey: secret(w.AcquirerKey, "gateway-acquirer.pem"), Live: w.Live}
	for _, c := range w.Currency {
		out.Currencies = append(out.Currencies, string(c))
	}
	return out
}

// freshCode makes a terminal code by chance: 36^6 of them make two alike in one
// merchant's shops very unlikely, and the order number has 80 random bits more.
func freshCode() string {
	b := make([]byte, 6)
	for i := range b {
		for {
			one := make([]byte, 1)
			_, _ = rand.Read(one) // never fails: the runtime ends the process instead
			if int(one[0]) < 252 {
				b[i] = codeLetters[int(one[0])%len(codeLetters)]
				break
			}
		}
	}
	return string(b)
}

// writeFile puts a private file in place whole or not at all, also when the
// plug is pulled: a new file, synced, renamed over the old one, the folder synced.
func writeFile(name string, text []byte) error {
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".new-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// firstStart is what web needs to turn an installed package into a shop's
// terminal.
func (a *app) firstStart(c config, done func()) *web.FirstStart {
	return &web.FirstStart{
		Claim: func(code string) {
			// For the person in front of the machine, never for the log.
			fmt.Fprintf(a.stdout, "\nTillwire is not set up yet. Open http://%s/setup and enter the claim code %s (valid 10 minutes).\n\n", shownAddress(c.HTTP.Listen), code)
		},
		Scanners: a.setupPorts,
		Brands:   gateway.Brands(),
		Apply: func(_ context.Context, s web.Setup) error {
			if err := checkSetup(c, s); err != nil {
				return err
			}
			return applySetup(c, s)
		},
		Done: done,
	}
}

// shownAddress is the listener's address as a browser on this machine takes it.
func shownAddress(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return listen
}

// setupPorts offers the serial ports that are plugged in.
func (a *app) setupPorts() (ports []web.Port) {
	found, err := drivers.Discover(a.sysRoot())
	if err != nil {
		return nil // the form also takes a path by hand
	}
	for _, f := range found {
		if f.Path != "" && (f.Kind == "" || f.Kind == agent.KindScanner) {
			ports = append(ports, web.Port{Path: f.Path, Name: f.What})
		}
	}
	return ports
}

// checkSetup tries what the form gathered as the next start would, from copies
// in a folder of its own, so that the page can say what is wrong while the person
// still has the papers in hand.
func checkSetup(c config, s web.Setup) error {
	dir, err := os.MkdirTemp(c.Terminal.Data, ".try-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	try := c
	try.Terminal.Data, try.Terminal.Witness = dir, ""
	if err := applySetup(try, s); err != nil {
		return err
	}
	site, faults, err := readFile(filepath.Join(dir, siteFile))
	if err != nil {
		return err
	}
	site.HTTP, site.Terminal.Data, site.Terminal.Witness = c.HTTP, dir, ""
	site.defaults()
	faults = append(faults, site.check(siteFile)...)
	_, wrong := openWallets(site.Wallets, walletEnv{terminal: site.Terminal, clock: agent.NewSystemClock(), log: slog.New(slog.DiscardHandler), timers: agent.DefaultTimers})
	for _, f := range append(faults, wrong...) {
		err = errors.Join(err, errors.New(strings.ReplaceAll(f.What+" "+f.Do, dir+"/secrets/", "")))
	}
	if err != nil {
		return &agent.Error{Op: "set up", Class: agent.Invalid, Code: agent.CodeUnreadable, Err: err,
			Say: agent.Sentence{ID: "error.setup", English: "This cannot work yet: " + err.Error()}}
	}
	return nil
}

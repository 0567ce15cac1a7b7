package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	"tillwire/agent/sandbox/alipay"
	"tillwire/agent/sandbox/gateway"
	"tillwire/agent/sandbox/voucher"
	"tillwire/agent/sandbox/wechat"
)

// cloud is the running sandbox with what its clients need to know.
type cloud struct {
	*sandbox.Cloud
	ledger  *sandbox.Ledger
	wechat  *wechat.Wallet
	abroad  *wechat.Wallet // the cross-border edition
	alipay  *alipay.Wallet
	gateway *gateway.Acquirer
	issuer  *voucher.Issuer // of the brand whose customers can pay without a line
}

// openCloud opens the ledger in dir and all listeners.
func openCloud(ctx context.Context, s streams, log *slog.Logger, dir string, p ports, counters []sandbox.Counter) (*cloud, error) {
	ledger, err := sandbox.OpenLedger(ctx, filepath.Join(dir, "ledger.db"), s.clock)
	if err != nil {
		return nil, err
	}
	c := &cloud{ledger: ledger}
	if err := c.open(ctx, sandbox.Options{Ledger: ledger, Clock: s.clock, Log: log, Control: local(p.Sandbox), Counters: counters}, p); err != nil {
		return nil, errors.Join(err, ledger.Close())
	}
	return c, nil
}

// open makes the wallets and starts the sandbox with them. Their bills are there
// at once: nobody who tries a demo waits for the next morning.
func (c *cloud) open(ctx context.Context, o sandbox.Options, p ports) (err error) {
	if c.wechat, err = wechat.New(ctx, wechat.Options{Ledger: o.Ledger, Clock: o.Clock, BillsAtOnce: true}); err != nil {
		return err
	}
	if c.abroad, err = wechat.New(ctx, wechat.Options{Ledger: o.Ledger, Clock: o.Clock, BillsAtOnce: true, Global: true}); err != nil {
		return err
	}
	if c.alipay, err = alipay.New(ctx, alipay.Options{Ledger: o.Ledger, Clock: o.Clock, BillsAtOnce: true}); err != nil {
		return err
	}
	if c.issuer, err = voucher.New(ctx, voucher.Options{Ledger: o.Ledger, Clock: o.Clock, Brand: issuingBrand, Title: "Corner Pay", Number: issuerNumber,
		Currencies: []agent.Currency{"CNY", "SGD", "EUR", "JPY"}, Merchants: []string{gateway.Merchant}}); err != nil {
		return err
	}
	if c.gateway, err = gateway.New(ctx, gateway.Options{Ledger: o.Ledger, Clock: o.Clock, BillsAtOnce: true, Issuer: c.issuer}); err != nil {
		return err
	}
	o.Wallets = []sandbox.Open{
		{Wallet: c.wechat, Hosts: []string{local(p.WeChat), local(p.WeChat2)}, Secure: []string{local(p.WeChatTLS)}},
		{Wallet: c.abroad, Hosts: []string{local(p.Abroad)}},
		{Wallet: c.alipay, Hosts: []string{local(p.Alipay)}},
	}
	c.openGateway(&o, p)
	c.Cloud, err = sandbox.Start(ctx, o)
	return err
}

// Close ends the listeners before the ledger they write to.
func (c *cloud) Close() error {
	return errors.Join(c.Cloud.Close(), c.ledger.Close())
}

// writeFile replaces a file in one step, so that nobody reads half of it.
func writeFile(path string, content []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	// The mode is set before the name is taken: a secret is never readable by others,
	// not even for a moment.
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(f.Name()))
	}
	return nil
}

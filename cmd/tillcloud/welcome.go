package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"tillwire/agent/sandbox"
)

// seedPhones puts customers of each useful kind into a new shop, so that a newcomer
// finds somebody who pays; and into an older one those of wallets it had not yet.
func seedPhones(ctx context.Context, ledger *sandbox.Ledger) error {
	known, err := ledger.Customers(ctx)
	if err != nil {
		return err
	}
	has := map[string]bool{}
	for _, c := range known {
		has[c.Wallet] = true
	}
	for _, c := range []sandbox.Customer{
		{Wallet: "alipayplus", Currency: "EUR", Name: "Léa", Behaviour: sandbox.Approve},
		{Wallet: "alipayplus", Currency: "SGD", Name: "Wei", Behaviour: sandbox.Approve},
		{Wallet: "unionpay", Currency: "CNY", Name: "Gao", Behaviour: sandbox.Approve},
		{Wallet: issuingBrand, Currency: "CNY", Name: "Nils", Behaviour: sandbox.Approve},
		{Wallet: issuingBrand, Currency: "CNY", Name: "Cora", Behaviour: sandbox.Approve},
		{Wallet: "shopcard", Currency: "CNY", Name: "Sam", Behaviour: sandbox.Approve},
		{Wallet: "wechatglobal", Currency: "CNY", Name: "Hui", Behaviour: sandbox.Approve},
		{Wallet: "upi", Currency: "INR", Name: "Ravi", Behaviour: sandbox.Password},
		{Wallet: "upi", Currency: "INR", Name: "Asha", Behaviour: sandbox.Approve},
		{Wallet: "pix", Currency: "BRL", Name: "João", Behaviour: sandbox.Password},
		{Wallet: "pix", Currency: "BRL", Name: "Bia", Behaviour: sandbox.Approve},
		{Wallet: "promptpay", Currency: "THB", Name: "Somchai", Behaviour: sandbox.Password},
		{Wallet: "promptpay", Currency: "THB", Name: "Ploy", Behaviour: sandbox.Approve},
		{Wallet: "alipay", Name: "Fang", Behaviour: sandbox.Password},
		{Wallet: "alipay", Name: "Ella", Behaviour: sandbox.Approve},
		{Wallet: "wechat", Name: "Dao", Behaviour: sandbox.Decline},
		{Wallet: "wechat", Name: "Chen", Behaviour: sandbox.Slow},
		{Wallet: "wechat", Name: "Bo", Behaviour: sandbox.Password},
		{Wallet: "wechat", Name: "Anna", Behaviour: sandbox.Approve},
	} {
		if has[c.Wallet] {
			continue
		}
		c.Balance = 500_000
		if _, err := ledger.AddCustomer(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// welcome is what a newcomer reads: where to click, what to type, what to try.
func welcome(r shopReady, root string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("")
	line("  The shop is open. All of it is a toy: no money moves anywhere.")
	line("")
	line("  Register           %s?lane=1", r.Register)
	line("  Customers' phones  %s", r.Phone)
	for _, l := range r.Lanes {
		line("  Display of lane %s  %s", l.ID, l.Display)
	}
	line("  Owner's page       %s", r.Owner)
	line("  Sandbox, faults    %s/", r.Sandbox)
	line("")
	line("  Cashier's PIN      %s", r.CashierPIN)
	line("  Manager's PIN      %s   (refunds)", r.ManagerPIN)
	line("  Owner's password   %s", r.OwnerPassword)
	line("")
	line("  Take a payment with two browser tabs:")
	line("  1. Open the register, enter the cashier's PIN, type an amount, press Enter.")
	line("  2. Open the phones, take Anna's (WeChat Pay) or Ella's (Alipay), and hold its code to Register 1.")
	line("  Or press Show QR at the register: the phone then finds the code under Scan.")
	line("  Ploy (PromptPay), Bia (Pix) and Asha (UPI) pay in baht, real and rupee: show them a QR in theirs.")
	line("  Gao (UnionPay) pays in yuan; Hui (WeChat Pay abroad) whatever is priced in HKD, JPY or USD;")
	line("  Wei and Léa (Alipay+) in SGD and EUR. Their codes can be scanned, too.")
	line("")
	line("  Sell while the line is down:")
	line("  1. In the owner's settings, switch \"Accept without a connection\" on and name amounts, such as")
	line("     CNY 200 500 5000 2500. When the line is down it cannot be switched on any more.")
	line("  2. On the sandbox's page, cut the shop's line. The register says so within 15 seconds; F6 there sells on.")
	line("  3. Point the camera of Cora's phone (Corner Pay) at the register's display, and hold its code to the register:")
	line("     a receipt over the phone's own line, in flight mode a voucher. Sam's shop card is charged later.")
	line("  4. All well again on the sandbox's page: everything is collected by itself.")
	line("")
	if r.Fleet.Page != "" {
		line("  Fleet at a glance  %s", r.Fleet.Page)
		line("  Operate the fleet  %s --config %s ls", r.Fleet.Program, r.Fleet.Config)
		line("                     (also: show 1, watch, cmd 1 display.message \"Back in five minutes\", config set 1 shop.name=\"My shop\")")
		line("")
	}
	line("  For a till         %s, token in %s", r.API, filepath.Join(root, "config", "secrets", "till-1.token"))
	for _, l := range r.Lanes {
		line("  Scanner of lane %s  printf '<code>\\r' > %s", l.ID, l.Scanner)
	}
	line("")
	line("  Ctrl-C closes the shop; the next start on %s goes on with it.", root)
	line("")
	return b.String()
}

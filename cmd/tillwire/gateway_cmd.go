package main

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"tillwire/agent"
	"tillwire/agent/wallet/gateway"
	"tillwire/agent/wallet/gateway/conform"
	"tillwire/cmd/cli"
)

func (a *app) gatewayCommand() *cobra.Command {
	return cli.Group("gateway", "Wallets behind an acquirer: what it can do, and whether it keeps the contract",
		a.capabilitiesCommand(), a.conformCommand())
}

func (a *app) capabilitiesCommand() *cobra.Command {
	return &cobra.Command{Use: "capabilities WALLET", Short: "Ask the gateway of a wallet what this merchant may do there", Args: cli.Exactly("WALLET"),
		RunE: func(c *cobra.Command, args []string) error {
			config, _, _, err := a.gatewayWallet(args[0])
			if err != nil {
				return err
			}
			connection, err := gateway.Connect(config)
			if err != nil {
				return err
			}
			defer connection.CloseIdle()
			can, err := connection.Capabilities(c.Context())
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(can)
			}
			a.printf("Merchant %s, days begin in %s%s\n", can.Merchant, can.TimeZone, map[bool]string{true: ", TEST: no money moves"}[can.Test])
			for _, b := range can.Brands {
				a.printf("%-14s %-16s %-10s %v\n", b.Brand, b.Title, strings.Join(b.Modes, " "), b.Currencies)
			}
			return nil
		}}
}

func (a *app) conformCommand() *cobra.Command {
	var amount int64
	c := &cobra.Command{Use: "conform WALLET [CODE...]", Short: "Check a gateway's test server against the contract, promise by promise",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cli.Wrong("%s takes WALLET, and then payment codes if there are any. `%s --help` explains", c.CommandPath(), c.CommandPath())
			}
			return nil
		},
		Long: `Asks the test server behind a configured wallet for everything the gateway contract promises:
signatures, idempotency, single flight, queries, tombstones, bills, the list of operations.
Each CODE is a fresh payment code of a test customer who pays without confirming; two make it
complete. It is meant for acquirers, and refuses to run where live is true.`,
		RunE: func(c *cobra.Command, args []string) error {
			config, brand, currency, err := a.gatewayWallet(args[0])
			if err != nil {
				return err
			}
			if config.Live {
				return fmt.Errorf("%s is live, and this spoils order numbers and moves money. Use a wallet of the acquirer's test server", args[0])
			}
			results, err := conform.Run(c.Context(), conform.Options{Config: config, Brand: brand, Codes: args[1:],
				Amount: agent.Money{Value: amount, Currency: currency}}, a.tellConform)
			if err != nil {
				return err
			}
			return a.sumConform(results)
		}}
	c.Flags().Int64Var(&amount, "amount", 1000, "of each sale, in minor units of the wallet's currency")
	return c
}

func (a *app) tellConform(r conform.Result) {
	if a.json {
		return
	}
	switch r.Outcome {
	case conform.Pass:
		a.printf("ok        %s\n", r.Check)
	case conform.LeftOut:
		a.printf("left out  %s: %s\n", r.Check, r.What)
	default:
		a.printf("FAILED    %s\n          %s\n          Contract: %s\n", r.Check, r.What, r.Rule)
	}
}

func (a *app) sumConform(results []conform.Result) error {
	count := map[conform.Outcome]int{}
	for _, r := range results {
		count[r.Outcome]++
	}
	if a.json {
		if err := a.printJSON(results); err != nil {
			return err
		}
	} else {
		a.printf("%s, %d failed, %d left out\n", plural(count[conform.Pass], "promise kept", "promises kept"), count[conform.Fail], count[conform.LeftOut])
	}
	if count[conform.Fail] > 0 {
		return cli.ErrFound
	}
	return nil
}

// gatewayWallet reads what the configuration says of one wallet behind a gateway,
// and the currency it is asked about.
func (a *app) gatewayWallet(name string) (config gateway.Config, brand gateway.Brand, currency agent.Currency, err error) {
	c, _, err := readConfig(a.config)
	if err != nil {
		return config, brand, "", err
	}
	var names []string
	for _, w := range c.Wallets {
		if w.Protocol != "gateway" {
			continue
		}
		names = append(names, w.Name)
		if w.Name != name {
			continue
		}
		if brand, err = w.gatewayBrand(); err != nil {
			return config, brand, "", err
		}
		currency = agent.Currency(c.Terminal.Currency)
		if len(brand.Currencies) > 0 {
			currency = brand.Currencies[0]
		}
		config, err = gatewayConfig(w, walletEnv{terminal: c.Terminal, clock: a.clock, log: slog.New(slog.DiscardHandler), timers: agent.DefaultTimers})
		return config, brand, currency, err
	}
	return config, brand, "", cli.Wrong("there is no wallet %q behind a gateway. %s", name, meant(name, names))
}

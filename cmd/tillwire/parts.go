package main

import (
	"maps"
	"slices"

	"tillwire/agent"
	"tillwire/agent/wallet"
	"tillwire/drivers"
	"tillwire/drivers/display"
	"tillwire/drivers/printer"
	"tillwire/drivers/scanner"
	"tillwire/drivers/virtual"
)

// registry lists the drivers of this program. Adding one is one line here.
func registry() drivers.Registry {
	return slices.Concat(scanner.Specs(), display.Specs(), printer.Specs(), []drivers.Spec{virtual.ScannerSpec(), virtual.DisplaySpec(), virtual.PrinterSpec()})
}

// kiosk is the display that is a page of this program's own, so it is not
// supervised like a device on a cable.
const kiosk = "kiosk"

func scannerDrivers() []string { return driverNames(agent.KindScanner) }

func displayDrivers() []string { return append(driverNames(agent.KindDisplay), kiosk) }

func driverNames(kind agent.DeviceKind) (names []string) {
	for _, s := range registry() {
		if s.Kind == kind {
			names = append(names, s.Name)
		}
	}
	return names
}

// makers lists how wallets' clouds are spoken to. Adding a protocol is one line
// here and its keys in walletConfig.
func makers() map[string]func(walletConfig, walletEnv) (wallet.Member, error) {
	return map[string]func(walletConfig, walletEnv) (wallet.Member, error){
		"alipay":  openAlipay,
		"gateway": openGateway,
		"wechat":  openWechat,
	}
}

func protocols() []string { return slices.Sorted(maps.Keys(makers())) }

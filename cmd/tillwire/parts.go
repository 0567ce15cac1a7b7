package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tillwire/agent"
	"tillwire/agent/wallet"
	"tillwire/drivers"
	"tillwire/drivers/scanner"
	"tillwire/drivers/virtual"
)

// registry lists the drivers of this program. Adding one is one line here.
func registry() drivers.Registry {
	return append(scanner.Specs(), virtual.ScannerSpec(), virtual.DisplaySpec())
}

// promised are the scanners' protocols that are announced and not built yet;
// a name from here is no typing mistake.
var promised = []string{"datalogic", "honeywell-dechdr", "newland", "ssi"}

// notYet says so for a promised protocol, with what there is; else it is "".
func notYet(name string, have []string) string {
	if !slices.Contains(promised, name) || slices.Contains(have, name) {
		return ""
	}
	return fmt.Sprintf("this version does not have %s yet. It has %s", name, strings.Join(have, ", "))
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

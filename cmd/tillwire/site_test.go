package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tillwire/agent"
	"tillwire/agent/web"
)

func gathered(t *testing.T) web.Setup {
	t.Helper()
	return web.Setup{Shop: "Bakery", StoreID: "SH2", Currency: "CNY", Language: "en", Zone: "Asia/Shanghai",
		Wallet: web.WalletSetup{Mode: "direct", AppID: "wx1", MerchantID: "123", MerchantSerial: "0A1B", MerchantKey: privatePEM(t, keyPair()),
			Platform: "public_key", PlatformKeyID: "PUB_KEY_ID_1", PlatformKey: publicPEM(t, otherPair()), NotifyURL: "https://pay.example.com/notify"},
		Lanes: []web.LaneSetup{{ID: "1", Name: "Register 1", Scanner: "/dev/serial/by-id/usb-x", Baud: 9600}, {ID: "2", Name: "Register 2"}}}
}

// bare is the installed configuration: a terminal and nothing else.
func bare(t *testing.T) (string, config) {
	t.Helper()
	file := configured(t, strings.Replace(sound[:strings.Index(sound, "[[token]]")], "DEMO01", packagedCode, 1))
	c, faults, err := readConfig(file)
	if err != nil || len(faults) != 0 {
		t.Fatalf("%v %v", faults, err)
	}
	if err := os.MkdirAll(c.Terminal.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	return file, c
}

// What the first start writes is read back by the next start without a fault.
func TestTheFirstStartWritesWhatTheNextOneReads(t *testing.T) {
	file, c := bare(t)
	if err := checkSetup(c, gathered(t)); err != nil {
		t.Fatal(err)
	}
	if err := applySetup(c, gathered(t)); err != nil {
		t.Fatal(err)
	}
	next, faults, err := readConfig(file)
	if err != nil || len(faults) != 0 {
		t.Fatalf("%v %v", faults, err)
	}
	if next.Terminal.Shop != "Bakery" || next.Terminal.Code == packagedCode || !codePattern.MatchString(next.Terminal.Code) {
		t.Errorf("terminal %+v", next.Terminal)
	}
	if len(next.Lanes) != 2 || next.Lanes[0].Scanner["path"] != "/dev/serial/by-id/usb-x" || next.Lanes[1].Scanner["driver"] != "virtual" {
		t.Errorf("lanes %+v", next.Lanes)
	}
	if _, wrong := openWallets(next.Wallets, walletEnv{terminal: next.Terminal, clock: agent.NewSystemClock(), log: slog.New(slog.DiscardHandler), timers: agent.DefaultTimers}); len(wrong) != 0 {
		t.Errorf("wallet: %v", wrong)
	}
	for _, name := range []string{siteFile, "secrets/wechat-merchant.pem", "secrets/wechat-platform.pem"} {
		info, err := os.Stat(filepath.Join(c.Terminal.Data, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	left, err := filepath.Glob(filepath.Join(c.Terminal.Data, ".*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestACodeThatTheOperatorChoseStays(t *testing.T) {
	_, c := bare(t)
	c.Terminal.Code = "SHOP07"
	if got := siteOf(c, gathered(t)).Terminal.Code; got != "SHOP07" {
		t.Errorf("the code became %s", got)
	}
}

func TestASetUpThatCannotWorkIsRefusedBeforeAnythingIsWritten(t *testing.T) {
	_, c := bare(t)
	s := gathered(t)
	s.Wallet.PlatformKey = publicPEM(t, keyPair())
	s.Wallet.AppID = ""
	err := checkSetup(c, s)
	if err == nil || !strings.Contains(err.Error(), "merchant's own public key") || strings.Contains(err.Error(), c.Terminal.Data) {
		t.Errorf("got %v", err)
	}
	left, globErr := filepath.Glob(filepath.Join(c.Terminal.Data, "*"))
	if globErr != nil || len(left) != 0 {
		t.Errorf("written: %v, %v", left, globErr)
	}
}

package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tillwire/agent/words"
)

// sound is a configuration in which nothing is wrong; tests break it in one
// place each.
const sound = `[terminal]
code = "DEMO01"
shop = "Corner shop"
store_id = "SH0001"
data = "data"
currency = "CNY"
time_zone = "Asia/Shanghai"
language = "en"

[http]
listen = "127.0.0.1:0"

[[token]]
name = "till-1"
file = "secrets/till-1.token"

[[wallet]]
name = "wechat"
hosts = ["http://127.0.0.1:1"]
app_id = "wx0000000000000000"
merchant_id = "1230000109"
merchant_serial = "0A1B"
merchant_key = "secrets/merchant.pem"
platform_key_id = "PUB_KEY_ID_1"
platform_key = "secrets/platform.pem"
notify_url = "https://pay.example.com/notify"

[[lane]]
id = "1"
wallet = "wechat"
[lane.scanner]
driver = "virtual"
[lane.display]
driver = "kiosk"

[[lane]]
id = "2"
name = "Second"
`

// configured writes a configuration and returns its name.
func configured(t *testing.T, text string) string {
	t.Helper()
	return write(t, filepath.Join(t.TempDir(), "tillwire.toml"), text, 0o600)
}

func TestASoundConfiguration(t *testing.T) {
	file := configured(t, sound)
	c, faults, err := readConfig(file)
	if err != nil || len(faults) != 0 {
		t.Fatalf("faults %v, %v", faults, err)
	}
	dir := filepath.Dir(file)
	if c.Terminal.Data != filepath.Join(dir, "data") || c.Wallets[0].MerchantKey != filepath.Join(dir, "secrets/merchant.pem") || c.Tokens[0].File != filepath.Join(dir, "secrets/till-1.token") {
		t.Errorf("relative paths do not count from the file: %+v", c)
	}
	if w := c.Wallets[0]; w.Protocol != "wechat" || w.Mode != "direct" || w.Platform != "public_key" {
		t.Errorf("defaults of the wallet: %+v", w)
	}
	if c.Lanes[0].Name != "Register 1" || c.Lanes[1].Name != "Second" || c.Lanes[1].Wallet != "wechat" {
		t.Errorf("defaults of the lanes: %+v", c.Lanes)
	}
}

func TestAWalletHasTheTitleThatTheShopGivesIt(t *testing.T) {
	for title, wrong := range map[string]bool{"Corner Pay": false, "街角支付": false, "": false, "A name that no slip has room for": true, "bell\\u0007": true} {
		c, faults, err := readConfig(configured(t, strings.Replace(sound, `name = "wechat"`, "name = \"wechat\"\ntitle = \""+title+"\"", 1)))
		if err != nil || wrong != (len(faults) == 1 && strings.HasSuffix(faults[0].Key, ".title")) || !wrong && len(faults) > 0 {
			t.Errorf("%q: %v, %v", title, faults, err)
		}
		w, err := words.New()
		if err != nil {
			t.Fatal(err)
		}
		c.entitle(w)
		if want := cmp.Or(title, "WeChat Pay"); !wrong && w.Wallet("en", "wechat") != want {
			t.Errorf("%q: the wallet is called %s", title, w.Wallet("en", "wechat"))
		}
	}
}

// Each row breaks the sound configuration in one place. The messages are
// compared whole: they are what a person gets to read.
func TestMistakesAreNamedWithLineAndRemedy(t *testing.T) {
	var b strings.Builder
	for _, c := range []struct{ from, to string }{
		{`code = "DEMO01"`, `cod = "DEMO01"`},
		{`[http]`, `[htpp]`},
		{`merchant_serial = "0A1B"`, `merchant_seriall = "0A1B"`},
		{`language = "en"`, `colour = "red"`},
		{`listen = "127.0.0.1:0"`, `listen = 8480`},
		{`shop = "Corner shop"`, `shop = Corner shop`},
		{`code = "DEMO01"`, `code = "demo1"`},
		{`shop = "Corner shop"`, `shop = ""`},
		{`store_id = "SH0001"`, `store_id = "SH 1"`},
		{`currency = "CNY"`, `currency = "RMB"`},
		{`time_zone = "Asia/Shanghai"`, `time_zone = "Beijing"`},
		{`language = "en"`, `language = "xx"`},
		{`listen = "127.0.0.1:0"`, `listen = "8480"`},
		{`listen = "127.0.0.1:0"`, `listen = "127.0.0.1:http"`},
		{`listen = "127.0.0.1:0"`, "listen = \"127.0.0.1:0\"\nhosts = [\"http://x\"]"},
		{`name = "till-1"`, `name = "till 1"`},
		{`file = "secrets/till-1.token"`, ``},
		{`name = "wechat"`, `name = "We Chat"`},
		{`hosts = ["http://127.0.0.1:1"]`, "hosts = [\"http://127.0.0.1:1\"]\nprotocol = \"wechta\""},
		{`notify_url = "https://pay.example.com/notify"`, `alipay_key = "secrets/platform.pem"`},
		{`wallet = "wechat"`, `wallet = "wehcat"`},
		{`driver = "virtual"`, `driver = "lin"`},
		{`driver = "virtual"`, `driver = "zebra-ds"`},
		{`driver = "kiosk"`, `path = "/dev/x"`},
		{`id = "2"`, `id = "1"`},
		{`id = "2"`, `id = ""`},
	} {
		if !strings.Contains(sound, c.from) {
			t.Fatalf("%q is not in the sound configuration", c.from)
		}
		file := configured(t, strings.Replace(sound, c.from, c.to, 1))
		_, faults, err := readConfig(file)
		if err == nil && len(faults) == 0 {
			t.Errorf("%q went through", c.to)
		}
		fmt.Fprintf(&b, "%s\n", strings.ReplaceAll(c.to, "\n", " | "))
		for _, f := range faults {
			fmt.Fprintf(&b, "    %s fatal=%v\n", strings.ReplaceAll(f.Error(), filepath.Dir(file)+"/", ""), f.Fatal)
		}
		if err != nil {
			fmt.Fprintf(&b, "    %s\n", strings.ReplaceAll(err.Error(), filepath.Dir(file)+"/", ""))
		}
	}
	golden(t, "config.txt", b.String())
}

func TestEveryLineIsFound(t *testing.T) {
	text := "a = 1\n[t]\nb.c = 2 # note\n\n[[w]]\nx = \"\"\"\n[t]\n\"\"\"\ny = 1\n[w.sub]\nz = 1\n[[w]]\ny = 2\n"
	want := map[string]int{"a": 1, "t": 2, "t.b.c": 3, "w[0]": 5, "w[0].x": 6, "w[0].y": 9, "w[0].sub": 10, "w[0].sub.z": 11, "w[1]": 12, "w[1].y": 13}
	got := readLines([]byte(text))
	for path, line := range want {
		if got[path] != line {
			t.Errorf("%s: line %d, want %d", path, got[path], line)
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %v", got)
	}
	if line := got.of("w[1].missing"); line != 12 {
		t.Errorf("a missing key is reported at line %d, not at its table", line)
	}
}

func TestAConfigurationThatCannotBeRead(t *testing.T) {
	_, _, err := readConfig(filepath.Join(t.TempDir(), "none.toml"))
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "--config") {
		t.Errorf("got %v", err)
	}
}

func TestTheSiteSpeaksWhereTheFileIsSilent(t *testing.T) {
	bare := sound[:strings.Index(sound, "[[token]]")]
	site := `[terminal]
code = "SITE01"
shop = "Bakery"
` + sound[strings.Index(sound, "[[wallet]]"):]
	file := configured(t, bare)
	dir := filepath.Dir(file)
	write(t, filepath.Join(dir, "data", siteFile), site, 0o600)
	c, faults, err := readConfig(file)
	if err != nil || len(faults) != 0 {
		t.Fatalf("faults %v, %v", faults, err)
	}
	if c.Terminal.Code != "SITE01" || c.Terminal.Shop != "Bakery" || c.Terminal.StoreID != "SH0001" || len(c.Lanes) != 2 {
		t.Errorf("got %+v", c)
	}
	if got := c.Wallets[0].MerchantKey; got != filepath.Join(dir, "data/secrets/merchant.pem") {
		t.Errorf("a path of the site counts from %s", got)
	}

	write(t, file, sound, 0o600)
	if c, _, _ = readConfig(file); c.Terminal.Code != "DEMO01" || c.Terminal.Shop != "Corner shop" {
		t.Errorf("the site speaks over a file that has wallets: %+v", c.Terminal)
	}
	write(t, file, bare, 0o600)
	write(t, filepath.Join(dir, "data", siteFile), strings.Replace(site, `id = "1"`, `idd = "1"`, 1), 0o600)
	_, faults, _ = readConfig(file)
	if len(faults) == 0 || filepath.Base(faults[0].File) != siteFile || faults[0].Do != "Did you mean id?" {
		t.Errorf("a mistake of the site: %v", faults)
	}
}

// TestADefaultInstallListensOnThisMachineOnly is assertion 9 of the threat model: neither
// a configuration that says nothing nor the packaged one opens a door to the network.
func TestADefaultInstallListensOnThisMachineOnly(t *testing.T) {
	var silent config
	silent.defaults()
	text, err := os.ReadFile("../../packaging/tillwire.toml")
	if err != nil {
		t.Fatal(err)
	}
	sample, _, err := readConfig(configured(t, string(text)))
	if err != nil {
		t.Fatal(err)
	}
	for what, listen := range map[string]string{"nothing said": silent.HTTP.Listen, "the packaged sample": sample.HTTP.Listen} {
		if addr, err := netip.ParseAddrPort(listen); err != nil || !addr.Addr().IsLoopback() {
			t.Errorf("%s: the pages listen on %s, %v", what, listen, err)
		}
	}
}

// The installed sample must be taken as it is, and with every setting that is
// switched off in it switched on.
func TestThePackagedSampleIsSound(t *testing.T) {
	text, err := os.ReadFile("../../packaging/tillwire.toml")
	if err != nil {
		t.Fatal(err)
	}
	_, faults, err := readConfig(configured(t, string(text)))
	if err != nil || len(faults) != 0 {
		t.Errorf("as installed: %v, %v", faults, err)
	}
	on := regexp.MustCompile(`(?m)^#([\[a-z])`).ReplaceAllString(string(text), "$1")
	if on == string(text) {
		t.Fatal("nothing is switched off in the sample")
	}
	c, faults, err := readConfig(configured(t, on))
	if err != nil || len(faults) != 0 || len(c.Wallets) < 2 || len(c.Lanes) != 1 || len(c.Tokens) != 1 {
		t.Errorf("everything switched on: %v, %v", faults, err)
	}
}

func TestLanguagesAreThoseOfThePages(t *testing.T) {
	w, err := words.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range w.Languages() {
		if !knownLanguage(l.Code) {
			t.Errorf("the pages speak %s, the configuration does not take %q", l.Name, l.Code)
		}
	}
	if knownLanguage("de") || knownLanguage("") {
		t.Error("a language without a catalogue is taken")
	}
}

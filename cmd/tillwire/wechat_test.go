package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tillwire/agent"
)

// wechatShop is the sound configuration with more keys in its wallet, and the
// files that go with them.
func wechatShop(t *testing.T, wallet string) (string, *config, []fault) {
	t.Helper()
	text := strings.Replace(sound, "notify_url", wallet+"\nnotify_url", 1)
	if strings.Contains(wallet, "hosts") {
		text = strings.Replace(text, "hosts = [\"http://127.0.0.1:1\"]\n", "", 1)
	}
	file := equipped(t, text)
	dir := filepath.Join(filepath.Dir(file), "secrets")
	write(t, filepath.Join(dir, "merchant.crt"), numbered(t, 0x0A1B, &keyPair().PublicKey), 0o644)
	write(t, filepath.Join(dir, "other.crt"), certificateOf(t, &otherPair().PublicKey), 0o644)
	write(t, filepath.Join(dir, "v2.key"), strings.Repeat("k", 32)+"\n", 0o600)
	write(t, filepath.Join(dir, "short.key"), "kkk\n", 0o600)
	c, faults, err := readConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	return file, &c, faults
}

const (
	overV2   = "hosts = [\"https://127.0.0.1:1\"]\ncodepay = \"v2\"\napi_v2_key = \"secrets/v2.key\"\nmerchant_certificate = \"secrets/merchant.crt\"\n"
	overseas = "region = \"global\"\nmerchant_category_code = \"5812\"\n"
)

func TestAWechatWalletOverAPIv2AndAbroad(t *testing.T) {
	for _, row := range []struct {
		wallet     string
		currencies []agent.Currency
	}{
		{overV2 + "host_ca = \"secrets/other.crt\"\n", []agent.Currency{"CNY"}},
		{overV2 + "api_v2_sign = \"MD5\"\nterminal_ip = \"192.0.2.1\"\n", []agent.Currency{"CNY"}},
		{overseas, []agent.Currency{"CNY"}}, // what the terminal prices in
		{overseas + "currencies = [\"HKD\", \"JPY\"]\n", []agent.Currency{"HKD", "JPY"}},
	} {
		file, c, faults := wechatShop(t, row.wallet)
		if info := opensIn(t, file, c, faults, "wechat"); !slices.Equal(info.Currency, row.currencies) {
			t.Errorf("%s: %+v", row.wallet, info)
		}
	}
}

func TestMistakesOfAWechatWalletAreNamed(t *testing.T) {
	for _, row := range []struct{ name, wallet, says string }{
		{"v2 without its key", strings.Replace(overV2, "api_v2_key = \"secrets/v2.key\"\n", "", 1), "wallet[0].api_v2_key"},
		{"v2 with half a key", strings.Replace(overV2, "v2.key", "short.key", 1), "wallet[0].api_v2_key"},
		{"v2 with another's certificate", strings.Replace(overV2, "merchant.crt", "other.crt", 1), "wallet[0].merchant_certificate"},
		{"v2 without TLS", strings.Replace(overV2, "https", "http", 1), "wallet[0].hosts"},
		{"a transport nobody speaks", `codepay = "v4"`, "wallet[0].codepay"},
		{"a region nobody knows", `region = "moon"`, "wallet[0].region"},
		{"abroad without category", `region = "global"`, "wallet[0].merchant_category_code"},
		{"currencies at home", `currencies = ["HKD"]`, "wallet[0].currencies"},
		{"a root for WeChat's own hosts", "hosts = [\"https://api.mch.weixin.qq.com\"]\nhost_ca = \"secrets/other.crt\"", "wallet[0].host_ca"},
	} {
		_, c, faults := wechatShop(t, row.wallet)
		_, more := openWallets(c.Wallets, quiet(*c))
		if list := append(faults, more...); !slices.ContainsFunc(list, func(f fault) bool { return f.Key == row.says }) {
			t.Errorf("%s: %v, want %s", row.name, list, row.says)
		}
	}
}

package wechat

import (
	"errors"
	"strings"
	"testing"

	"tillwire/agent"
)

func TestAWrongConfigurationSaysWhatToDo(t *testing.T) {
	c := newCloud(t, answer{status: 200})
	for _, row := range []struct {
		name string
		edit func(*Config)
		says string
	}{
		{"mode", func(k *Config) { k.Mode = "shop" }, "write direct or partner"},
		{"no app", func(k *Config) { k.AppID = "" }, "app_id"},
		{"no merchant", func(k *Config) { k.MerchantID = "12 3" }, "merchant_id"},
		{"partner without shop", func(k *Config) { *k = partner(*k); k.SubMerchantID = "" }, "sub_merchant_id"},
		{"direct with shop", func(k *Config) { k.SubMerchantID = "1" }, "partner"},
		{"serial", func(k *Config) { k.MerchantSerial = "serial no" }, "merchant_serial"},
		{"platform", func(k *Config) { k.Platform = "both" }, "public_key or certificate"},
		{"no platform key", func(k *Config) { k.PlatformKeys = nil }, "platform_key"},
		{"platform key without id", func(k *Config) { k.PlatformKeys[0].ID = "" }, "platform_key_id"},
		{"our own key for WeChat's", func(k *Config) { k.MerchantKey = k1(t) }, "shop's own public key"},
		{"certificate mode without key", func(k *Config) { certificateMode(k); k.APIv3Key = nil }, "api_v3_key"},
		{"a 16-byte key", func(k *Config) { k.APIv3Key = []byte("testAPIv3Key0000") }, "32"},
		{"a key with its line end", func(k *Config) { k.APIv3Key = []byte(apiV3Key + "\n") }, "without a line end"},
		{"description", func(k *Config) { k.Description = strings.Repeat("咖", 128) }, "description"},
		{"store", func(k *Config) { k.StoreID = "Corner shop" }, "store_id"},
		{"notify over http", func(k *Config) { k.NotifyURL = "http://pay.example.com/notify" }, "https"},
		{"notify with a query", func(k *Config) { k.NotifyURL = "https://pay.example.com/notify?" }, "without a query"},
		{"notify too long", func(k *Config) { k.NotifyURL = "https://pay.example.com/" + strings.Repeat("a", 250) }, "255"},
		{"mixed hosts", func(k *Config) { k.Hosts = append(k.Hosts, Hosts()[0]) }, "mixes"},
		{"WeChat without TLS", func(k *Config) { k.Hosts = []string{"http://api.mch.weixin.qq.com"} }, "api.mch.weixin.qq.com"},
		{"another door of WeChat", func(k *Config) { k.Hosts = []string{"https://mp.weixin.qq.com"} }, "not one of"},
		{"a path behind the host", func(k *Config) { k.Hosts = []string{"https://pay.example.com/v3"} }, "without path"},
		{"region", func(k *Config) { k.Region = "hongkong" }, "china or global"},
		{"transport", func(k *Config) { k.Codepay = "v4" }, "v3 or v2"},
		{"v2 without its key", func(k *Config) { classicMode(t, k); k.APIv2Key = nil }, "api_v2_key"},
		{"v2 without certificate", func(k *Config) { classicMode(t, k); k.MerchantCert = nil }, "merchant_certificate"},
		{"v2 with another's certificate", func(k *Config) { classicMode(t, k); k.MerchantKey = k1(t) }, "does not belong"},
		{"v2 with an older certificate", func(k *Config) { classicMode(t, k); k.MerchantCert = merchantCertificate(t, "AB") }, "merchant_serial"},
		{"v2 without TLS", func(k *Config) { classicMode(t, k); k.Hosts = []string{"http://pay.example.com"} }, "https"},
		{"v2 with another hash", func(k *Config) { classicMode(t, k); k.APIv2Sign = "SHA1" }, "api_v2_sign"},
		{"v2 from nowhere", func(k *Config) { classicMode(t, k); k.TerminalIP = "here" }, "terminal_ip"},
		{"v2 abroad", func(k *Config) { globalMode(k); k.Codepay = CodepayV2 }, "cannot be v2"},
		{"currencies at home", func(k *Config) { k.Currencies = []agent.Currency{"HKD"} }, "currencies"},
		{"a category at home", func(k *Config) { k.Category = "5812" }, "merchant_category_code"},
		{"abroad without category", func(k *Config) { globalMode(k); k.Category = "" }, "merchant_category_code"},
		{"abroad without currency", func(k *Config) { globalMode(k); k.Currencies = nil }, "currencies is missing"},
		{"abroad with a currency nobody knows", func(k *Config) { globalMode(k); k.Currencies[0] = "HKS" }, "HKS"},
		{"abroad at the hosts of home", func(k *Config) { globalMode(k); k.Hosts = Hosts() }, "apihk"},
		{"home at the hosts abroad", func(k *Config) { k.Hosts = GlobalHosts() }, "api.mch.weixin.qq.com"},
		{"a pay path with a query", func(k *Config) { globalMode(k); k.PayPath = "/pay?x=1" }, "pay_path"},
		{"a reverse path for no order", func(k *Config) { globalMode(k); k.ReversePath = "/reverse" }, "reverse_path"},
		{"merchant key", func(k *Config) { k.MerchantKey = []byte("x") }, "apiclient_key.pem"},
	} {
		config := c.config()
		row.edit(&config)
		_, err := New(config)
		if err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: %v, want it to say %q", row.name, err, row.says)
			continue
		}
		var e *agent.Error
		if !errors.As(err, &e) || e.Class != agent.Invalid || !strings.Contains(e.Op, "wechat") {
			t.Errorf("%s: %#v is not a configuration error of this wallet", row.name, err)
		}
		if strings.Contains(err.Error(), apiV3Key) || strings.Contains(err.Error(), v2Key) || strings.Contains(err.Error(), "PRIVATE KEY-----") {
			t.Errorf("%s: the error tells a secret", row.name)
		}
	}
}

func classicMode(t *testing.T, k *Config) {
	k.Codepay, k.APIv2Key, k.MerchantCert = CodepayV2, []byte(v2Key), merchantCertificate(t, "D7CE59D1F522D701")
	k.Hosts = []string{"https://pay.example.com"}
}

func globalMode(k *Config) {
	k.Region, k.Currencies, k.Category = RegionGlobal, []agent.Currency{"HKD"}, "5812"
}

func TestEverythingWrongIsSaidAtOnce(t *testing.T) {
	_, err := New(Config{})
	for _, name := range []string{"app_id", "merchant_id", "merchant_serial", "platform_key", "description", "store_id"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is missing and not named: %v", name, err)
		}
	}
}

func TestAHostThatIsNotWeChatsIsATest(t *testing.T) {
	c := newCloud(t, answer{status: 200})
	if info := c.wallet().Info(); !info.Test || info.Name != "wechat" || info.Protocol != "wechat" || len(info.Hosts) != 1 || info.Currency[0] != "CNY" {
		t.Errorf("%+v", info)
	}
	for _, hosts := range [][]string{nil, Hosts(), {"https://api.mch.weixin.qq.com/"}} {
		if info := c.wallet(func(k *Config) { k.Hosts = hosts }).Info(); info.Test {
			t.Errorf("%v are marked as a test", hosts)
		}
	}
	for _, hosts := range [][]string{{"https://api.mch.weixin.qq.com.example.com"}, {"https://xapi.mch.weixinqq.com"}} {
		if info := c.wallet(func(k *Config) { k.Hosts = hosts }).Info(); !info.Test {
			t.Errorf("%v are taken for WeChat", hosts)
		}
	}
}

// TestAPartnersAnswersNameTheShop: under a provider many shops share a merchant
// number, and the sub-merchant tells them apart.
func TestAPartnersAnswersNameTheShop(t *testing.T) {
	body := func(edit map[string]any) string {
		o := map[string]any{"appid": nil, "mchid": nil, "sp_appid": "wx8888888888888888", "sp_mchid": "1900000109", "sub_mchid": "1900000110", "sub_appid": "wxd678efh567hg6999"}
		for name, value := range edit {
			o[name] = value
		}
		return order("SUCCESS", o)
	}
	for name, row := range map[string]struct {
		edit map[string]any
		want agent.Verdict
	}{
		"ours":                    {nil, agent.Approved},
		"without the app":         {map[string]any{"sub_appid": nil, "sp_appid": nil}, agent.Approved},
		"another shop":            {map[string]any{"sub_mchid": "1900000111"}, agent.InDoubt},
		"no shop":                 {map[string]any{"sub_mchid": nil}, agent.InDoubt},
		"another provider":        {map[string]any{"sp_mchid": "1900000000"}, agent.InDoubt},
		"no provider":             {map[string]any{"sp_mchid": nil}, agent.InDoubt},
		"another app":             {map[string]any{"sp_appid": "wx0000000000000000"}, agent.InDoubt},
		"another app of theirs":   {map[string]any{"sub_appid": "wx0000000000000000"}, agent.InDoubt},
		"in a direct one's words": {map[string]any{"sp_mchid": nil, "mchid": "1900000109"}, agent.InDoubt},
	} {
		w := newCloud(t, answer{status: 200, body: body(row.edit)}).wallet(func(k *Config) { *k = partner(*k) })
		if a := w.Query(t.Context(), payment()); a.Verdict != row.want {
			t.Errorf("%s: %v (%v), want %v", name, a.Verdict, a.Err, row.want)
		}
	}
}

package web

import "testing"

func TestSettingsAreCalledByTheReadersWords(t *testing.T) {
	tm := newTerminal(t)
	for _, c := range []struct {
		key, title, text, scheme string
	}{
		{"shop.name", "Shop name", "setting.shop.name", ""},
		{"wechat.connect", "Connect", "setting.timer.connect", ""},
		{"gateway.qr_life", "Life of a shown QR code", "setting.timer.qr_life", ""},
		{"codes.alipay", "Codes: Alipay", "setting.codes", "Alipay"},
		{"codes.own", "Codes of other wallets", "setting.codes.own", ""},
	} {
		for _, l := range tm.web.Words.Languages() {
			got, want := tm.web.settingTitle(l.Code, SettingRow{Key: c.key, Title: c.title}), tm.web.Words.Text(l.Code, c.text, tm.web.Words.Scheme(l.Code, c.scheme))
			if got != want || (got == c.title) != (l.Code == "en") {
				t.Errorf("%s in %s: %q, want %q", c.key, l.Name, got, want)
			}
		}
	}
	if got := tm.web.settingTitle("zh-CN", SettingRow{Key: "codes.wechat", Title: "Codes: WeChat Pay"}); got != "付款码：微信支付" {
		t.Errorf("the rule for WeChat Pay's codes is called %q", got)
	}
	if got := tm.web.settingTitle("zh-CN", SettingRow{Key: "new.setting", Title: "A new one"}); got != "A new one" {
		t.Errorf("a setting without a title of its own: %q", got)
	}
}

func TestWhatIsSaidAboutASettingIsInTheReadersWords(t *testing.T) {
	s := newTerminal(t).web
	for _, c := range []struct {
		lang       string
		row        SettingRow
		help, span string
	}{
		{"en", SettingRow{Key: "shop.name", Help: "Printed.", Range: "1 to 64 characters"}, "Printed.", "1 to 64 characters"},
		{"zh-CN", SettingRow{Key: "shop.name", Range: "1 to 64 characters"}, "印在小票上，并显示在收银台。", "1 – 64"},
		{"zh-CN", SettingRow{Key: "alipay.watch", Range: "5s to 10m"}, "被拒后多久再查询一次。", "5s – 10m"},
		{"zh-CN", SettingRow{Key: "codes.wechat", Default: "^1"}, "此类扫码内容应匹配的正则表达式。留空则不识别。", ""},
		{"zh-CN", SettingRow{Key: "codes.jdpay"}, "此类扫码内容应匹配的正则表达式，由收单机构提供。没有支付平台公布它，因此为空，不识别此码。", ""},
		{"zh-CN", SettingRow{Key: "from.later", Help: "English."}, "English.", ""},
	} {
		if got := s.settingHelp(c.lang, c.row); got != c.help {
			t.Errorf("%s %s: %q", c.lang, c.row.Key, got)
		}
		if got := settingRange(c.lang, c.row.Range); got != c.span {
			t.Errorf("%s %s: %q", c.lang, c.row.Key, got)
		}
	}
}

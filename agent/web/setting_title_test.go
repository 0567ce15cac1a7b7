package web

import "testing"

func TestSettingsAreCalledByTheReadersWords(t *testing.T) {
	tm := newTerminal(t)
	for _, c := range []struct {
		key, title, text string
		args             []any
	}{
		{"shop.name", "Shop name", "setting.shop.name", nil},
		{"wechat.connect", "Connect", "setting.timer.connect", nil},
		{"gateway.qr_life", "Life of a shown QR code", "setting.timer.qr_life", nil},
		{"codes.alipay", "Codes: Alipay", "setting.codes", []any{"Alipay"}},
		{"codes.own", "Codes of other wallets", "setting.codes.own", nil},
	} {
		for _, l := range tm.web.Words.Languages() {
			got, want := tm.web.settingTitle(l.Code, SettingRow{Key: c.key, Title: c.title}), tm.web.Words.Text(l.Code, c.text, c.args...)
			if got != want || (got == c.title) != (l.Code == "en") {
				t.Errorf("%s in %s: %q, want %q", c.key, l.Name, got, want)
			}
		}
	}
	if got := tm.web.settingTitle("zh-CN", SettingRow{Key: "new.setting", Title: "A new one"}); got != "A new one" {
		t.Errorf("a setting without a title of its own: %q", got)
	}
}

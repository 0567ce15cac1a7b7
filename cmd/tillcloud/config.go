package main

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

//go:embed demo.toml.tmpl
var configText string

// layout is where a demo shop keeps what. The agent's own folder has nothing of
// the sandbox below it.
type layout struct{ root string }

func (l layout) agentData() string      { return filepath.Join(l.root, "agent") }
func (l layout) witness() string        { return filepath.Join(l.root, "agent.witness") }
func (l layout) config() string         { return filepath.Join(l.root, "config", "tillwire.toml") }
func (l layout) secrets() string        { return filepath.Join(l.root, "config", "secrets") }
func (l layout) token() string          { return filepath.Join(l.secrets(), "till-1.token") }
func (l layout) brokerPassword() string { return filepath.Join(l.secrets(), "broker.password") }
func (l layout) logs() string           { return filepath.Join(l.root, "log") }
func (l layout) fleetKeys() string      { return filepath.Join(cloudDir(l.root), "fleet") }
func (l layout) fleetData() string      { return filepath.Join(l.root, "fleet") }
func (l layout) fleetConfig() string    { return filepath.Join(l.root, "config", "tillfleet.toml") }
func (l layout) fleetSet() string       { return filepath.Join(l.fleetKeys(), "keys.json") }
func (l layout) fleetPassword() string  { return filepath.Join(l.fleetKeys(), "broker.password") }
func (l layout) fleetLog() string       { return filepath.Join(l.logs(), "tillfleet.log") }
func (l layout) agentLog() string       { return filepath.Join(l.logs(), "tillwire.log") }

// lane is a register of the demo shop.
type lane struct {
	id, name            string
	agentPath, scanPath string
}

// lanes are the registers of the shop: two, because one lane hides every mistake
// about which lane is meant.
func (l layout) lanes() []lane {
	var list []lane
	for _, id := range []string{"1", "2"} {
		list = append(list, lane{id: id, name: "Register " + id,
			agentPath: filepath.Join(l.root, "config", "dev", "lane-"+id),
			scanPath:  filepath.Join(l.root, "dev", "lane-"+id+"-scanner")})
	}
	return list
}

// writeConfig writes the agent's configuration and the secrets it names. It is
// written at every start, because ports may have changed; the marks of a hand
// in it would be lost, so it says so at its top.
func (l layout) writeConfig(c *cloud, m *memory, root string) error {
	cred, err := c.writeCredentials(l.secrets(), "wechat", c.wechat, c.wechat.Direct())
	if err != nil {
		return err
	}
	ali, err := c.writeAlipay(l.secrets(), "alipay", c.alipay.App())
	if err != nil {
		return err
	}
	abroad, err := c.writeCredentials(l.secrets(), "wechatglobal", c.abroad, c.abroad.Direct())
	if err != nil {
		return err
	}
	acquirer, err := c.gatewayInfo(l.secrets())
	if err != nil {
		return err
	}
	if err := writeFile(l.token(), []byte(m.Token+"\n"), 0o600); err != nil {
		return err
	}
	if err := writeFile(l.brokerPassword(), []byte(m.BrokerPassword+"\n"), 0o600); err != nil {
		return err
	}
	// The agent would make its folder too, but with people set before its first start
	// it must be there.
	for _, dir := range []string{l.agentData(), l.logs()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	type laneText struct{ ID, Name, Path string }
	var lanes []laneText
	for _, lane := range l.lanes() {
		lanes = append(lanes, laneText{quote(lane.id), quote(lane.name), quote(lane.agentPath)})
	}
	// A text template, and every value quoted for TOML: a data folder may have any name.
	t, err := template.New("config").Funcs(template.FuncMap{"quote": quote}).Parse(configText)
	if err != nil {
		return err
	}
	var b strings.Builder
	err = t.Execute(&b, map[string]any{
		"Data": quote(l.agentData()), "Witness": quote(l.witness()), "Listen": quote(local(m.Ports.Agent)), "Token": quote(l.token()),
		"Primary": quote("http://" + local(m.Ports.WeChat)), "Secondary": quote("http://" + local(m.Ports.WeChat2)),
		"AppID": quote(cred.AppID), "MerchantID": quote(cred.MerchantID), "Serial": quote(cred.MerchantSerial), "MerchantKey": quote(cred.MerchantKey),
		"PlatformKeyID": quote(cred.PlatformKeyID), "PlatformKey": quote(cred.PlatformKey), "APIv3Key": quote(cred.APIv3Key), "Lanes": lanes,
		"Alipay": quote("http://" + local(m.Ports.Alipay)), "AlipayAppID": quote(ali.AppID), "AlipayAppKey": quote(ali.AppKey), "AlipayKey": quote(ali.AlipayKey),
		"Abroad": quote("http://" + local(m.Ports.Abroad)), "AbroadKeys": abroad, "AbroadCurrencies": quoteList(abroadCurrencies), "Category": quote(abroadCategory),
		"Broker": quote("mqtt://" + local(m.Ports.MQTT)), "TID": quote(string(demoTID)), "Root": quote(root), "BrokerPassword": quote(l.brokerPassword()),
		"Brands": c.brandTexts(acquirer), "Issuer": issuerNumber, "Merchant": quote(acquirer.MerchantID), "SigningKeyID": quote(acquirer.SigningKeyID), "SigningKey": quote(acquirer.SigningKey),
		"AcquirerKeyID": quote(acquirer.AcquirerKeyID), "AcquirerKey": quote(acquirer.AcquirerKey),
	})
	if err != nil {
		return fmt.Errorf("demo configuration: %w", err)
	}
	return writeFile(l.config(), []byte(b.String()), 0o600)
}

// brandText is a brand of the acquirer as the configuration has it, quoted.
type brandText struct{ Name, Title, Host, Currencies, Modes, Roots, ShopCode string }

func (c *cloud) brandTexts(acquirer gatewayInfo) (brands []brandText) {
	for _, brand := range shopBrands {
		text := brandText{Name: quote(brand.name), Host: quote(acquirer.Brands[brand.name][0]), Currencies: quoteList(brand.currencies), Modes: quoteList(brand.modes)}
		if brand.modes != nil { // the agent has no name for it either
			text.Title = quote(c.gateway.Wallet(brand.name).Brand().Title)
		}
		if brand.name == issuingBrand {
			text.Roots = quoteList(acquirer.IssuerRoots[:])
		}
		if code := c.gateway.Wallet(brand.name).Printed(); code != "" {
			text.ShopCode = quote(code)
		}
		brands = append(brands, text)
	}
	return brands
}

// quote writes a TOML basic string.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case r < 0x20 || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// quoteList writes the inside of a TOML array of strings.
func quoteList(list []string) string {
	var quoted []string
	for _, s := range list {
		quoted = append(quoted, quote(s))
	}
	return strings.Join(quoted, ", ")
}

package main

import "path/filepath"

// config is the configuration file: identity, listeners, wallets and devices.
// What may change while the shop is open is a setting instead (agent/settings).
type config struct {
	Terminal terminalConfig `toml:"terminal"`
	HTTP     httpConfig     `toml:"http"`
	Tokens   []tokenConfig  `toml:"token"`
	Wallets  []walletConfig `toml:"wallet"`
	Lanes    []laneConfig   `toml:"lane"`
	Fleet    fleetConfig    `toml:"fleet"`
	Uplink   uplinkConfig   `toml:"uplink"`

	// Devices that several lanes use, or that stand beside a lane's first display.
	Printers []map[string]any `toml:"printer"`
	Displays []map[string]any `toml:"display"`

	Nexo []nexoConfig `toml:"nexo"`

	lines lines // where each key stands, for messages
}

// terminalConfig says who this terminal is.
type terminalConfig struct {
	Code     string `toml:"code"`
	Shop     string `toml:"shop"`
	StoreID  string `toml:"store_id"`
	Data     string `toml:"data"`
	Witness  string `toml:"witness"` // a file outside Data that tells an old copy of it; empty: within
	Currency string `toml:"currency"`
	TimeZone string `toml:"time_zone"`
	Language string `toml:"language"`
}

type httpConfig struct {
	Listen string   `toml:"listen"`
	LAN    string   `toml:"lan"` // of the shop's network, while the owner lets it in
	Hosts  []string `toml:"hosts"`
}

// tokenConfig names a till's bearer token; the token itself is in the file.
type tokenConfig struct {
	Name string `toml:"name"`
	File string `toml:"file"`

	where place
}

// walletConfig is one wallet account. The tag "of" names the protocols that read
// a key; one without it is for all.
type walletConfig struct {
	Name           string   `toml:"name"`
	Title          string   `toml:"title"` // what people read; empty: the brand's own name
	Protocol       string   `toml:"protocol"`
	Mode           string   `toml:"mode" of:"wechat alipay"`
	Hosts          []string `toml:"hosts"`
	Takes          []string `toml:"takes"` // schemes whose codes go to this wallet; empty: the protocol's own choice
	AppID          string   `toml:"app_id" of:"wechat alipay"`
	MerchantID     string   `toml:"merchant_id" of:"wechat gateway"`
	SubMerchantID  string   `toml:"sub_merchant_id" of:"wechat"`
	SubAppID       string   `toml:"sub_app_id" of:"wechat"`
	MerchantSerial string   `toml:"merchant_serial" of:"wechat"`
	MerchantKey    string   `toml:"merchant_key" of:"wechat"`
	Platform       string   `toml:"platform" of:"wechat"`
	PlatformKeyID  string   `toml:"platform_key_id" of:"wechat"`
	PlatformKey    string   `toml:"platform_key" of:"wechat"`
	APIv3Key       string   `toml:"api_v3_key" of:"wechat"`
	NotifyURL      string   `toml:"notify_url" of:"wechat alipay"`

	Region       string `toml:"region" of:"wechat"`
	Codepay      string `toml:"codepay" of:"wechat"`
	APIv2Key     string `toml:"api_v2_key" of:"wechat"`
	APIv2Sign    string `toml:"api_v2_sign" of:"wechat"`
	MerchantCert string `toml:"merchant_certificate" of:"wechat"`
	TerminalIP   string `toml:"terminal_ip" of:"wechat"`
	Category     string `toml:"merchant_category_code" of:"wechat"`
	PayPath      string `toml:"pay_path" of:"wechat"`
	ReversePath  string `toml:"reverse_path" of:"wechat"`
	HostCA       string `toml:"host_ca" of:"wechat"` // roots of a test cloud's own making

	AppKey         string `toml:"app_key" of:"alipay"`
	AlipayKey      string `toml:"alipay_key" of:"alipay"`
	AppCert        string `toml:"app_cert" of:"alipay"`
	AlipayCert     string `toml:"alipay_cert" of:"alipay"`
	AlipayRootCert string `toml:"alipay_root_cert" of:"alipay"`
	AppAuthToken   string `toml:"app_auth_token" of:"alipay"`
	Product        string `toml:"product_code" of:"alipay"`

	Brand         string   `toml:"brand" of:"gateway"`
	Modes         []string `toml:"modes" of:"gateway"`
	Currencies    []string `toml:"currencies" of:"gateway wechat"`
	SigningKeyID  string   `toml:"signing_key_id" of:"gateway"`
	SigningKey    string   `toml:"signing_key" of:"gateway"`
	AcquirerKeyID string   `toml:"acquirer_key_id" of:"gateway"`
	AcquirerKey   string   `toml:"acquirer_key" of:"gateway"`
	Live          bool     `toml:"live" of:"gateway"`

	Issuer       int      `toml:"issuer" of:"gateway"`        // its number in the codes that are taken without a line
	IssuerRoots  []string `toml:"issuer_roots" of:"gateway"`  // public keys that its lists of keys are signed with; empty: its codes are not taken
	IssuerGroups []uint32 `toml:"issuer_groups" of:"gateway"` // groups of shops that this one belongs to
	ShopCode     string   `toml:"shop_code" of:"gateway"`     // the shop's own EMV code, to be shown with amount and reference without a line

	where place
}

// files are the members of a wallet that name files.
func (w *walletConfig) files() []*string {
	files := []*string{&w.MerchantKey, &w.PlatformKey, &w.APIv3Key, &w.AppKey, &w.AlipayKey, &w.AppCert, &w.AlipayCert, &w.AlipayRootCert, &w.AppAuthToken,
		&w.SigningKey, &w.AcquirerKey, &w.APIv2Key, &w.MerchantCert, &w.HostCA}
	for i := range w.IssuerRoots {
		files = append(files, &w.IssuerRoots[i])
	}
	return files
}

// laneConfig is one register. The tables of its devices hold the key "driver"
// and whatever that driver knows; the driver itself refuses what it does not.
type laneConfig struct {
	ID      string         `toml:"id"`
	Name    string         `toml:"name"`
	Wallet  string         `toml:"wallet"`
	Scanner map[string]any `toml:"scanner"`
	Display map[string]any `toml:"display"`

	where place
}

// place is where a table stands: the file, the folder that relative paths count
// from, and the table's path for messages ("wallet[0]").
type place struct {
	file, dir, path string
	lines           lines
}

// siteFile is what the first-start page writes into the data folder. It has the
// configuration's own schema and speaks where the operator's file is silent.
const siteFile = "site.toml"

// defaults fills in what the operator's file leaves out. There is none for what
// must never be guessed: the terminal's code and the currency.
func (c *config) defaults() {
	set := func(p *string, value string) {
		if *p == "" {
			*p = value
		}
	}
	set(&c.Terminal.Data, "/var/lib/tillwire")
	set(&c.Terminal.TimeZone, "UTC")
	set(&c.Terminal.Language, "en")
	set(&c.HTTP.Listen, "127.0.0.1:8480")
	set(&c.HTTP.LAN, ":8483")
	set(&c.Fleet.Spread, fleetSpread)
	for i := range c.Wallets {
		w := &c.Wallets[i]
		set(&w.Protocol, w.Name)
		if w.Protocol == "wechat" {
			set(&w.Mode, "direct")
			set(&w.Platform, "public_key")
		}
	}
	for i := range c.Lanes {
		l := &c.Lanes[i]
		set(&l.Name, "Register "+l.ID)
		if l.Wallet == "" && len(c.Wallets) == 1 {
			l.Wallet = c.Wallets[0].Name
		}
	}
}

// locate remembers where each table stands, before tables of two files mix, and
// makes paths absolute.
func (c *config) locate(file string) {
	dir := filepath.Dir(file)
	abs := func(p *string) {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
	abs(&c.Terminal.Data)
	abs(&c.Terminal.Witness)
	c.Fleet.where = place{file, dir, "fleet", c.lines}
	for _, p := range c.Fleet.files() {
		abs(p)
	}
	for i := range c.Tokens {
		c.Tokens[i].where = place{file, dir, element("token", i), c.lines}
		abs(&c.Tokens[i].File)
	}
	for i := range c.Wallets {
		w := &c.Wallets[i]
		w.where = place{file, dir, element("wallet", i), c.lines}
		for _, p := range w.files() {
			abs(p)
		}
	}
	for i := range c.Nexo {
		c.Nexo[i].where = place{file, dir, element("nexo", i), c.lines}
		abs(&c.Nexo[i].Passphrase)
	}
	for i := range c.Lanes {
		c.Lanes[i].where = place{file, dir, element("lane", i), c.lines}
	}
}

// join lets the site's file speak where the operator's is silent: its wallets
// and lanes count when that has none, its terminal when that has neither.
func (c *config) join(site config) {
	if len(c.Wallets) == 0 && len(c.Lanes) == 0 {
		for _, p := range []struct{ to, from *string }{
			{&c.Terminal.Code, &site.Terminal.Code}, {&c.Terminal.Shop, &site.Terminal.Shop},
			{&c.Terminal.StoreID, &site.Terminal.StoreID}, {&c.Terminal.Currency, &site.Terminal.Currency},
			{&c.Terminal.TimeZone, &site.Terminal.TimeZone}, {&c.Terminal.Language, &site.Terminal.Language},
		} {
			if *p.from != "" {
				*p.to = *p.from
			}
		}
	}
	if len(c.Wallets) == 0 {
		c.Wallets = site.Wallets
	}
	if len(c.Lanes) == 0 {
		c.Lanes = site.Lanes
	}
	if len(c.Tokens) == 0 {
		c.Tokens = site.Tokens
	}
}

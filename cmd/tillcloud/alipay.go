package main

import (
	"errors"
	"path/filepath"

	"tillwire/agent/sandbox/alipay"
)

// alipayCredentials is what a client of the sandbox's Alipay is configured with.
// Keys are files. The three certificates are there in certificate mode only,
// where they take the place of alipay_key.
type alipayCredentials struct {
	AppID      string `json:"app_id"`
	SellerID   string `json:"seller_id"`
	AppKey     string `json:"app_key"`
	AlipayKey  string `json:"alipay_key,omitempty"`
	AppCert    string `json:"app_cert,omitempty"`
	AlipayCert string `json:"alipay_cert,omitempty"`
	AlipayRoot string `json:"alipay_root_cert,omitempty"`
}

// alipayInfo is how to reach Alipay and as whom: App in public-key mode, CertApp
// in certificate mode.
type alipayInfo struct {
	Hosts   []string          `json:"hosts"`
	App     alipayCredentials `json:"app"`
	CertApp alipayCredentials `json:"cert_app"`
}

// writeAlipay puts an application's keys into dir, readable by the owner only.
func (c *cloud) writeAlipay(dir, prefix string, app *alipay.App) (alipayCredentials, error) {
	platform := c.alipay.Platform()
	private, err := app.PrivatePEM()
	public, errPublic := platform.PublicPEM()
	if err := errors.Join(err, errPublic); err != nil {
		return alipayCredentials{}, err
	}
	cred := alipayCredentials{AppID: app.AppID, SellerID: app.SellerID, AppKey: filepath.Join(dir, prefix+"-app.pem")}
	files := map[string][]byte{cred.AppKey: private}
	if app.CertSN == "" {
		cred.AlipayKey = filepath.Join(dir, prefix+"-platform.pem")
		files[cred.AlipayKey] = public
	} else {
		cred.AppCert = filepath.Join(dir, prefix+"-app.crt")
		cred.AlipayCert = filepath.Join(dir, prefix+"-platform.crt")
		cred.AlipayRoot = filepath.Join(dir, prefix+"-root.crt")
		files[cred.AppCert], files[cred.AlipayCert], files[cred.AlipayRoot] = app.Certificate, platform.Certificate, platform.Root
	}
	for path, content := range files {
		if err := writeFile(path, content, 0o600); err != nil {
			return alipayCredentials{}, err
		}
	}
	return cred, nil
}

// alipayInfo writes the keys of both modes into dir.
func (c *cloud) alipayInfo(dir string) (info alipayInfo, err error) {
	info.Hosts = c.HostURLs(alipay.Name)
	if info.App, err = c.writeAlipay(dir, "alipay", c.alipay.App()); err != nil {
		return info, err
	}
	info.CertApp, err = c.writeAlipay(dir, "alipay-cert", c.alipay.CertApp())
	return info, err
}

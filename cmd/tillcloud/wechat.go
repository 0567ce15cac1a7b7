package main

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"tillwire/agent/sandbox/wechat"
)

// What the demo shop's contract with WeChat Pay abroad says: what it prices in, and
// its trade (ISO 18245: restaurants).
const abroadCategory = "5812"

var abroadCurrencies = []string{"HKD", "JPY", "USD"}

// wechatInfo is how to reach WeChat Pay, at home or abroad, and as whom. Secure hosts
// speak TLS, certified by Authority: API v2 wants a client's certificate there.
type wechatInfo struct {
	Hosts     []string    `json:"hosts"`
	Secure    []string    `json:"secure,omitempty"`
	Authority string      `json:"host_ca,omitempty"`
	Direct    credentials `json:"direct"`
	Partner   credentials `json:"partner"`
}

// wechatInfo writes the keys of both kinds of merchants into dir and says where the
// edition is.
func (c *cloud) wechatInfo(dir, prefix string, w *wechat.Wallet) (info wechatInfo, err error) {
	info.Hosts = c.HostURLs(w.Name())
	if i := slices.IndexFunc(info.Hosts, func(url string) bool { return strings.HasPrefix(url, "https:") }); i >= 0 {
		info.Hosts, info.Secure = info.Hosts[:i], info.Hosts[i:]
		info.Authority = filepath.Join(dir, prefix+"host-ca.pem")
		if err := writeFile(info.Authority, w.Authority(), 0o600); err != nil {
			return info, err
		}
	}
	if info.Direct, err = c.writeCredentials(dir, prefix+"direct", w, w.Direct()); err != nil {
		return info, err
	}
	info.Partner, err = c.writeCredentials(dir, prefix+"partner", w, w.Partner())
	return info, err
}

// credentials is what a client of the sandbox's WeChat Pay is configured with.
// Keys are files; the names are those of the merchant platform.
type credentials struct {
	MerchantID          string `json:"merchant_id"`
	AppID               string `json:"app_id"`
	MerchantSerial      string `json:"merchant_serial"`
	MerchantKey         string `json:"merchant_key"`
	MerchantCertificate string `json:"merchant_certificate"`
	APIv3Key            string `json:"api_v3_key"`
	APIv2Key            string `json:"api_v2_key,omitempty"` // not abroad
	SubMerchantID       string `json:"sub_merchant_id,omitempty"`
	SubAppID            string `json:"sub_app_id,omitempty"`
	PlatformKeyID       string `json:"platform_key_id"`
	PlatformKey         string `json:"platform_key"`
	PlatformSerial      string `json:"platform_serial"`
	PlatformCertificate string `json:"platform_certificate"`
}

// writeCredentials puts a merchant's keys into dir, readable by the owner only.
func (c *cloud) writeCredentials(dir, prefix string, w *wechat.Wallet, m *wechat.Merchant) (credentials, error) {
	platform := w.Platform()
	merchantPEM, err := m.PrivatePEM()
	keyPEM, errKey := platform.PublicPEM()
	if err := errors.Join(err, errKey); err != nil {
		return credentials{}, err
	}
	cred := credentials{MerchantID: m.MerchantID, AppID: m.AppID, MerchantSerial: m.Serial, SubMerchantID: m.SubMerchantID, SubAppID: m.SubAppID,
		PlatformKeyID: platform.PublicKeyID, PlatformSerial: platform.Serial,
		MerchantKey: filepath.Join(dir, prefix+"-merchant.pem"), APIv3Key: filepath.Join(dir, prefix+"-apiv3.key"),
		PlatformKey: filepath.Join(dir, prefix+"-platform.pem"), PlatformCertificate: filepath.Join(dir, prefix+"-platform-certificate.pem")}
	cred.MerchantCertificate = filepath.Join(dir, prefix+"-merchant.crt")
	files := map[string][]byte{cred.MerchantKey: merchantPEM, cred.MerchantCertificate: m.Certificate, cred.APIv3Key: []byte(m.APIv3Key),
		cred.PlatformKey: keyPEM, cred.PlatformCertificate: platform.Certificate}
	if w.Name() == wechat.Name {
		cred.APIv2Key = filepath.Join(dir, prefix+"-apiv2.key")
		files[cred.APIv2Key] = []byte(m.APIv2Key)
	}
	for path, content := range files {
		if err := writeFile(path, content, 0o600); err != nil {
			return credentials{}, err
		}
	}
	return cred, nil
}

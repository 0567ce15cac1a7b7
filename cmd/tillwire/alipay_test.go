package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/cmd/cli"
)

// alipayShop is the sound configuration with Alipay in the place of its wallet,
// and the files that go with it.
func alipayShop(t *testing.T, wallet string) (string, *config, []fault) {
	t.Helper()
	head, rest, _ := strings.Cut(sound, "[[wallet]]")
	lanes := strings.ReplaceAll(rest[strings.Index(rest, "[[lane]]"):], "wechat", "alipay")
	file := equipped(t, head+"[[wallet]]\nname = \"alipay\"\nhosts = [\"http://127.0.0.1:1\"]\napp_id = \"2021000100000001\"\n"+wallet+"\n"+lanes)
	dir := filepath.Join(filepath.Dir(file), "secrets")
	der, err := x509.MarshalPKCS8PrivateKey(keyPair())
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "app.txt"), base64.StdEncoding.EncodeToString(der), 0o600) // as Alipay's key tool writes it
	write(t, filepath.Join(dir, "app.crt"), certificateOf(t, &keyPair().PublicKey), 0o644)
	write(t, filepath.Join(dir, "alipay.crt"), certificateOf(t, &otherPair().PublicKey), 0o644)
	write(t, filepath.Join(dir, "root.crt"), certificateOf(t, &otherPair().PublicKey)+certificateOf(t, &keyPair().PublicKey), 0o644)
	write(t, filepath.Join(dir, "provider.token"), "202601BB0000000000000000000000000000000\n", 0o600)
	c, faults, err := readConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	return file, &c, faults
}

// opensIn opens the one wallet of a shop: of that protocol and brand, with bills, and
// check finds nothing wrong with it.
func opensIn(t *testing.T, file string, c *config, faults []fault, protocol string) agent.WalletInfo {
	t.Helper()
	members, more := openWallets(c.Wallets, quiet(*c))
	if len(faults)+len(more) != 0 || len(members) != 1 {
		t.Fatalf("%v %v", faults, more)
	}
	info := members[0].Wallet.Info()
	if info.Protocol != protocol || !info.Test || !slices.Equal(members[0].Takes, []string{protocol}) {
		t.Errorf("%+v takes %v", info, members[0].Takes)
	}
	if _, ok := members[0].Wallet.(agent.Biller); !ok {
		t.Error("it has no bills")
	}
	if text, code := checked(t, file); code != cli.Fine {
		t.Errorf("check: %s", text)
	}
	return info
}

func certificateOf(t *testing.T, public *rsa.PublicKey) string { return numbered(t, 7, public) }

// numbered is a certificate with a serial number.
func numbered(t *testing.T, serial int64, public *rsa.PublicKey) string {
	t.Helper()
	name := pkix.Name{CommonName: "authority"}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour)}, &x509.Certificate{Subject: name}, public, otherPair())
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

const (
	byKey          = "app_key = \"secrets/app.txt\"\nalipay_key = \"secrets/platform.pem\""
	byCertificates = "mode = \"certificate\"\napp_key = \"secrets/app.txt\"\napp_cert = \"secrets/app.crt\"\nalipay_cert = \"secrets/alipay.crt\"\nalipay_root_cert = \"secrets/root.crt\"\napp_auth_token = \"secrets/provider.token\""
)

func TestAnAlipayWalletIsOpenedInBothModes(t *testing.T) {
	for _, wallet := range []string{byKey, byCertificates} {
		file, c, faults := alipayShop(t, wallet)
		opensIn(t, file, c, faults, "alipay")
	}
}

func TestMistakesOfAnAlipayWalletAreNamed(t *testing.T) {
	for _, row := range []struct{ name, wallet, says string }{
		{"no key", `alipay_key = "secrets/platform.pem"`, "wallet[0].app_key: is missing"},
		{"no key of theirs", `app_key = "secrets/app.txt"`, "wallet[0].alipay_key: is missing"},
		{"the application's own key", "app_key = \"secrets/app.txt\"\nalipay_key = \"secrets/own.pem\"", "wallet[0].alipay_key: secrets/own.pem holds the merchant's own public key"},
		{"the application's own certificate", strings.ReplaceAll(byCertificates, "alipay.crt", "app.crt"), "holds the merchant's own public key"},
		{"a certificate for a key", strings.ReplaceAll(byKey, "platform.pem", "alipay.crt"), "wallet[0].alipay_key: secrets/alipay.crt holds a certificate"},
		{"a key for the roots", strings.ReplaceAll(byCertificates, "root.crt", "platform.pem"), "wallet[0].alipay_root_cert: secrets/platform.pem holds a public key"},
		{"a mode of WeChat's", byKey + "\nmode = \"direct\"", "wallet[0].mode: is \"direct\": write public_key or certificate"},
		{"a key of WeChat's", byKey + "\nmerchant_id = \"1230000109\"", "wallet[0].merchant_id: the protocol \"alipay\" has no such key"},
	} {
		file, _, _ := alipayShop(t, row.wallet)
		write(t, filepath.Join(filepath.Dir(file), "secrets", "own.pem"), publicPEM(t, keyPair()), 0o644)
		if text, code := checked(t, file); code != cli.Found || !strings.Contains(text, row.says) {
			t.Errorf("%s: %s", row.name, text)
		}
	}
}

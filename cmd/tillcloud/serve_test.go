package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"tillwire/agent/logtest"
)

func startServe(t *testing.T, bin, data string) (*process, serveReady) {
	t.Helper()
	p := &process{T: t, data: data, file: filepath.Join(t.TempDir(), "ready.json"), out: &logtest.Log{}, ended: make(chan error, 1)}
	p.cmd = exec.Command(filepath.Join(bin, "tillcloud"), "serve", "--data-dir", data, "--ports", "auto", "--ready-file", p.file)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.cmd.Wait() }()
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	var r serveReady
	p.until("the cloud is open", func() bool {
		b, err := os.ReadFile(p.file)
		if errors.Is(err, os.ErrNotExist) {
			return false
		}
		if err := errors.Join(err, json.Unmarshal(b, &r)); err != nil {
			t.Fatal(err)
		}
		return true
	})
	return p, r
}

// pemFile checks that a file holds one block of that kind and nothing else.
func pemFile(t *testing.T, path, kind string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	block, rest := pem.Decode(b)
	if block == nil || block.Type != kind || len(rest) > 0 {
		t.Fatalf("%s is no %s", path, kind)
	}
	return block.Bytes
}

// The keys that a client needs are files with nothing else in them, at home and
// abroad, and no two merchants share one.
func TestServeHandsOutCredentials(t *testing.T) {
	_, r := startServe(t, programs(t), t.TempDir())
	home, abroad := r.Wallets.WeChat, r.Wallets.Abroad
	if len(home.Hosts) != 2 || len(home.Secure) != 1 || len(abroad.Hosts) != 1 || abroad.Secure != nil {
		t.Errorf("ready file %+v", r)
	}
	serials, files := map[string]bool{}, map[string]bool{}
	for i, c := range []credentials{home.Direct, home.Partner, abroad.Direct, abroad.Partner} {
		if partner := i%2 == 1; partner != (c.SubMerchantID != "") {
			t.Errorf("merchant %d: %+v", i, c)
		}
		serials[c.MerchantSerial] = true
		for path, kind := range map[string]string{c.MerchantKey: "PRIVATE KEY", c.MerchantCertificate: "CERTIFICATE", c.PlatformKey: "PUBLIC KEY", c.PlatformCertificate: "CERTIFICATE"} {
			pemFile(t, path, kind)
			files[path] = true
		}
		secrets := []string{c.APIv3Key}
		if i < 2 {
			secrets = append(secrets, c.APIv2Key)
		} else if c.APIv2Key != "" {
			t.Error("there is no API v2 abroad")
		}
		for _, path := range secrets {
			if b, err := os.ReadFile(path); err != nil || len(b) != 32 {
				t.Errorf("%s has %d bytes: %v", path, len(b), err)
			}
			files[path] = true
		}
	}
	if len(serials) != 4 || len(files) != 4*5+2 {
		t.Errorf("merchants share what is theirs: %d serial numbers, %d files", len(serials), len(files))
	}
}

// The host that speaks TLS is the one its root certifies, and lets a merchant in with
// the certificate that was handed out.
func TestServeHasAHostForAPIv2(t *testing.T) {
	_, r := startServe(t, programs(t), t.TempDir())
	w := r.Wallets.WeChat
	root, err := x509.ParseCertificate(pemFile(t, w.Authority, "CERTIFICATE"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(root)
	own, err := tls.LoadX509KeyPair(w.Direct.MerchantCertificate, w.Direct.MerchantKey)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(c *tls.Config) (int, string) {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: c, DisableKeepAlives: true}}
		response, err := client.Post(w.Secure[0]+"/secapi/pay/reverse", "text/xml", strings.NewReader("<xml></xml>"))
		if err != nil {
			return 0, err.Error()
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Error(err)
		}
		return response.StatusCode, string(body)
	}
	if status, body := ask(&tls.Config{RootCAs: roots, Certificates: []tls.Certificate{own}}); status != http.StatusOK || !strings.Contains(body, "return_code") {
		t.Errorf("a merchant is answered %d %s", status, body)
	}
	if status, body := ask(&tls.Config{RootCAs: roots}); status != http.StatusBadRequest {
		t.Errorf("a stranger is answered %d %s", status, body)
	}
	if status, why := ask(&tls.Config{}); status != 0 {
		t.Errorf("a client without the root trusts the host: %d %s", status, why)
	}
}

// The acquirer's keys are a pair from two sides, and each brand of the demo has a
// line of its own beside the one that all share.
func TestServeHandsOutTheAcquirersKeys(t *testing.T) {
	_, r := startServe(t, programs(t), t.TempDir())
	w := r.Wallets.Gateway
	hosts := map[string]bool{}
	for _, list := range append([][]string{w.Hosts}, slices.Collect(maps.Values(w.Brands))...) {
		for _, host := range list {
			hosts[host] = true
		}
	}
	if len(hosts) != 1+len(shopBrands) || w.MerchantID == "" || w.SigningKeyID == "" || w.AcquirerKeyID == "" {
		t.Errorf("ready file %+v", w)
	}
	pemFile(t, w.SigningKey, "PRIVATE KEY")
	pemFile(t, w.AcquirerKey, "PUBLIC KEY")
	if first, second := pemFile(t, w.IssuerRoots[0], "PUBLIC KEY"), pemFile(t, w.IssuerRoots[1], "PUBLIC KEY"); bytes.Equal(first, second) {
		t.Error("the issuer's spare root is the one in use")
	}
}

// Alipay's two modes have what each of them needs, and no more.
func TestServeHandsOutAlipaysKeys(t *testing.T) {
	_, r := startServe(t, programs(t), t.TempDir())
	w := r.Wallets.Alipay
	if len(w.Hosts) != 1 || w.App.AppID == w.CertApp.AppID || w.App.AppCert != "" || w.CertApp.AlipayKey != "" {
		t.Errorf("ready file %+v", w)
	}
	for path, kind := range map[string]string{w.App.AppKey: "PRIVATE KEY", w.App.AlipayKey: "PUBLIC KEY", w.CertApp.AppKey: "PRIVATE KEY",
		w.CertApp.AppCert: "CERTIFICATE", w.CertApp.AlipayCert: "CERTIFICATE", w.CertApp.AlipayRoot: "CERTIFICATE"} {
		pemFile(t, path, kind)
	}
}

// What was answered before a kill is there after it.
func TestServeSurvivesAKill(t *testing.T) {
	bin, data := programs(t), t.TempDir()
	p, r := startServe(t, bin, data)
	var mu sync.Mutex
	var acknowledged []string
	var work sync.WaitGroup
	for range 8 {
		work.Go(func() {
			for {
				id, err := addCustomer(r.Sandbox)
				if err != nil {
					return // killed
				}
				mu.Lock()
				acknowledged = append(acknowledged, id)
				mu.Unlock()
			}
		})
	}
	p.until("some are acknowledged", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(acknowledged) > 50
	})
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	work.Wait()
	<-p.ended
	_, again := startServe(t, bin, data)
	if again.Sandbox != r.Sandbox || again.Wallets.WeChat.Direct != r.Wallets.WeChat.Direct || again.Wallets.Alipay.App != r.Wallets.Alipay.App ||
		again.Wallets.Gateway.gatewayCredentials != r.Wallets.Gateway.gatewayCredentials {
		t.Errorf("after a kill it is another cloud: %+v", again)
	}
	response, err := http.Get(again.Sandbox + "/customers")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var out struct{ Customers []struct{ ID string } }
	if err := json.NewDecoder(response.Body).Decode(&out); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, c := range out.Customers {
		known[c.ID] = true
	}
	for _, id := range acknowledged {
		if !known[id] {
			t.Errorf("customer %s was acknowledged and is lost", id)
		}
	}
}

func addCustomer(sandbox string) (string, error) {
	response, err := http.Post(sandbox+"/customers", "", nil)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var out struct{ ID string }
	err = json.NewDecoder(response.Body).Decode(&out)
	return out.ID, err
}

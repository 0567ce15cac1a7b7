package main

import (
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

func startServe(t *testing.T, bin, data string) (*process, serveReady) {
	t.Helper()
	p := &process{T: t, data: data, file: filepath.Join(t.TempDir(), "ready.json"), out: &lockedBuffer{}, ended: make(chan error, 1)}
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

// The keys that a client needs are files with nothing else in them.
func TestServeHandsOutCredentials(t *testing.T) {
	_, r := startServe(t, programs(t), t.TempDir())
	w := r.Wallets.WeChat
	if len(w.Hosts) != 2 || w.Direct.SubMerchantID != "" || w.Partner.SubMerchantID == "" || w.Direct.MerchantSerial == w.Partner.MerchantSerial {
		t.Errorf("ready file %+v", r)
	}
	for _, c := range []credentials{w.Direct, w.Partner} {
		for path, kind := range map[string]string{c.MerchantKey: "PRIVATE KEY", c.PlatformKey: "PUBLIC KEY", c.PlatformCertificate: "CERTIFICATE"} {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if block, rest := pem.Decode(b); block == nil || block.Type != kind || len(rest) > 0 {
				t.Errorf("%s is no %s", path, kind)
			}
		}
		if b, err := os.ReadFile(c.APIv3Key); err != nil || len(b) != 32 {
			t.Errorf("the APIv3 key has %d bytes: %v", len(b), err)
		}
	}
}

// The acquirer's keys are a pair from two sides, and each brand of the demo has a
// line of its own beside the one that all share.
func TestServeHandsOutTheAcquirersKeys(t *testing.T) {
	_, r := startServe(t, programs(t), t.TempDir())
	w := r.Wallets.Gateway
	hosts := map[string]bool{}
	for _, list := range append([][]string{w.Hosts}, w.Brands["promptpay"], w.Brands["pix"], w.Brands["upi"]) {
		for _, host := range list {
			hosts[host] = true
		}
	}
	if len(hosts) != 4 || w.MerchantID == "" || w.SigningKeyID == "" || w.AcquirerKeyID == "" {
		t.Errorf("ready file %+v", w)
	}
	for path, kind := range map[string]string{w.SigningKey: "PRIVATE KEY", w.AcquirerKey: "PUBLIC KEY"} {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if block, rest := pem.Decode(b); block == nil || block.Type != kind || len(rest) > 0 {
			t.Errorf("%s is no %s", path, kind)
		}
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
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if block, rest := pem.Decode(b); block == nil || block.Type != kind || len(rest) > 0 {
			t.Errorf("%s is no %s", path, kind)
		}
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

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheInstalledConfigurationIsRead(t *testing.T) {
	c, err := readConfig("../../packaging/fleet/tillfleet.toml")
	if err != nil {
		t.Fatal(err)
	}
	if c.Socket != "/run/tillfleet/tillfleet.sock" || !filepath.IsAbs(c.Keys.Online) || c.Broker.Share != "fleet" || c.HTTP.Listen == "" {
		t.Errorf("read as %+v", c)
	}
}

func TestAConfigurationThatCannotWorkIsRefused(t *testing.T) {
	sound := "name = \"fleet.example\"\ndata = \"data\"\n[broker]\naddress = \"mqtt://127.0.0.1:1883\"\nuser = \"fleet\"\n[keys]\nonline = \"o\"\nset = \"s\"\n"
	for name, c := range map[string]struct{ old, new, want string }{
		"sound":                      {"", "", ""},
		"an unknown key":             {"data =", "date =", "no such key"},
		"no name":                    {`name = "fleet.example"`, "", "name is missing"},
		"a broker beyond this house": {"mqtt://127.0.0.1:1883", "mqtt://broker.example:1883", "mqtts://"},
		"no authority":               {"mqtt://127.0.0.1:1883", "mqtts://broker.example:8883", "broker.ca is missing"},
		"no user":                    {`user = "fleet"`, "", "broker.user is missing"},
		"no keys":                    {`set = "s"`, "", "keys.set"},
		"half a certificate":         {`user = "fleet"`, "user = \"fleet\"\ncertificate = \"c\"", "belong together"},
		"a page for everybody":       {"[keys]", "[http]\nlisten = \"0.0.0.0:80\"\n[keys]", "an address of this machine"},
		"a share that is a topic":    {`user = "fleet"`, "user = \"fleet\"\nshare = \"a/b\"", "one word"},
	} {
		path := filepath.Join(t.TempDir(), "tillfleet.toml")
		if err := os.WriteFile(path, []byte(strings.Replace(sound, c.old, c.new, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := readConfig(path)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := readConfig(filepath.Join(t.TempDir(), "nothing.toml")); err == nil || !strings.Contains(err.Error(), "--config") {
		t.Errorf("no file: %v", err)
	}
}

func TestAKeyThatOthersMayReadIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "online.key")
	if err := os.WriteFile(path, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := readSigningKey(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("read: %v", err)
	}
}

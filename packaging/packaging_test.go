// Package packaging checks the files that are installed around the programs: the units, the device
// rules, the sample configuration and the kiosk's policy. It holds no program and may import no
// package of this module; whether the daemon accepts the sample is tested with the daemon.
package packaging

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// directives reads a unit: section and key to the values in order, comments and blanks left out.
func directives(text string) map[string][]string {
	unit, section := map[string][]string{}, ""
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		line = strings.TrimSpace(line)
		key, value, found := strings.Cut(line, "=")
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "["):
			section = strings.Trim(line, "[]")
		case found:
			unit[section+"."+key] = append(unit[section+"."+key], value)
		}
	}
	return unit
}

func TestUnitKeepsTheAgentAlive(t *testing.T) {
	unit := directives(read(t, "tillwire.service"))
	for key, want := range map[string]string{
		"Unit.StartLimitIntervalSec": "0",
		"Service.Type":               "notify",
		"Service.WatchdogSec":        "30",
		"Service.Restart":            "always",
		"Service.RestartSec":         "500ms",
		"Service.LimitNOFILE":        "1024:1024",
		"Service.ExecStart":          "/usr/bin/tillwire run --config /etc/tillwire/tillwire.toml",
		"Service.StateDirectory":     "tillwire tillwire-witness",
		"Service.StandardOutput":     "journal+console",
		"Service.StandardError":      "journal",
	} {
		if got := unit[key]; !slices.Equal(got, []string{want}) {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	for _, target := range unit["Unit.After"] {
		if strings.Contains(target, "network-online") {
			t.Error("the counter waits for a line that may be down")
		}
	}
}

func TestUnitIsHardened(t *testing.T) {
	unit := directives(read(t, "tillwire.service"))
	for _, line := range []string{
		"User=tillwire", "StateDirectoryMode=0700", "UMask=0077", "NoNewPrivileges=yes",
		"CapabilityBoundingSet=", "AmbientCapabilities=", "ProtectSystem=strict", "ProtectHome=yes",
		"PrivateTmp=yes", "PrivateUsers=yes", "ProtectProc=invisible", "ProcSubset=pid",
		"ProtectClock=yes", "ProtectHostname=yes", "ProtectKernelTunables=yes",
		"ProtectKernelModules=yes", "ProtectKernelLogs=yes", "ProtectControlGroups=yes",
		"RestrictNamespaces=yes", "RestrictRealtime=yes", "RestrictSUIDSGID=yes",
		"RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK", "LockPersonality=yes",
		"MemoryDenyWriteExecute=yes", "SystemCallArchitectures=native",
		"SystemCallFilter=@system-service", "SystemCallFilter=~@privileged @resources",
		"RemoveIPC=yes", "DevicePolicy=closed", "MemoryMax=256M", "TasksMax=128",
	} {
		key, value, _ := strings.Cut(line, "=")
		if !slices.Contains(unit["Service."+key], value) {
			t.Errorf("the unit does not say %s", line)
		}
	}
	nodes := []string{"char-hidraw rw", "char-input r"} // scanners that are no serial line; never written to as keyboards
	for _, device := range unit["Service.DeviceAllow"] {
		// "usb" is what the kernel calls printers on USB.
		if !regexp.MustCompile(`^char-(tty\w+|usb) rw$`).MatchString(device) && !slices.Contains(nodes, device) {
			t.Errorf("the agent may open %s, which is neither a scanner nor a printer", device)
		}
	}
}

// standIn writes a unit beside itself with programs that exist on every machine, because verify asks
// whether the installed ones do.
func standIn(t *testing.T, name string) string {
	t.Helper()
	lines := strings.Split(strings.ReplaceAll(read(t, name), "\\\n", " "), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "ExecStart=") {
			lines[i] = "ExecStart=/bin/true"
		}
	}
	copied := filepath.Join(t.TempDir(), filepath.Base(name))
	if err := os.WriteFile(copied, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return copied
}

// systemd's own judgement, on machines that have it: on others the lines above still hold.
func TestSystemdAgrees(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Log("systemd-analyze is not installed: its judgement was NOT asked")
		return
	}
	for _, name := range []string{"tillwire.service", "kiosk/tillwire-kiosk@.service", "fleet/tillfleet.service"} {
		unit := standIn(t, name)
		out, err := exec.Command("systemd-analyze", "verify", unit).CombinedOutput()
		if err != nil || strings.Contains(string(out), filepath.Base(unit)+":") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	// The threshold counts tenths: an exposure above 2.0 fails.
	out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--threshold=20", "tillwire.service").CombinedOutput()
	if err != nil {
		t.Errorf("exposed: %v\n%s", err, out)
	}
	verdict := regexp.MustCompile(`exposure level for tillwire.service: ([0-9.]+)`).FindStringSubmatch(string(out))
	if verdict == nil {
		t.Fatalf("no verdict in\n%s", out)
	}
	t.Logf("exposure %s", verdict[1])
	if out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--threshold=20", "fleet/tillfleet.service").CombinedOutput(); err != nil {
		t.Errorf("the fleet's service is exposed: %v\n%s", err, out)
	}
}

// The key that signs commands lies with this service, so it reaches little, and its folder is its own.
func TestTheFleetsServiceStandsApart(t *testing.T) {
	unit := directives(read(t, "fleet/tillfleet.service"))
	for _, line := range []string{"Type=notify", "Restart=always", "User=tillfleet", "StateDirectoryMode=0700", "RuntimeDirectoryMode=0750", "NoNewPrivileges=yes", "CapabilityBoundingSet=",
		"ProtectSystem=strict", "PrivateDevices=yes", "MemoryDenyWriteExecute=yes", "ExecStart=/usr/bin/tillfleet serve --config /etc/tillwire/tillfleet.toml"} {
		key, value, _ := strings.Cut(line, "=")
		if !slices.Contains(unit["Service."+key], value) {
			t.Errorf("the unit does not say %s", line)
		}
	}
	acl := read(t, "fleet/mosquitto.acl")
	for _, line := range []string{"pattern write pos/v1/%u/up/#", "pattern read pos/v1/%u/down/#"} {
		if !strings.Contains(acl, line) {
			t.Errorf("the access list does not say %s", line)
		}
	}
	for line := range strings.Lines(acl) {
		if rule := strings.TrimSpace(line); strings.HasPrefix(rule, "topic") && !strings.Contains(rule, "pos/v1/+/") {
			t.Errorf("%s gives more than the fleet's own tree", rule)
		}
	}
}

// The fleet's device.reboot asks the system for a restart and for no more. Where it is refused, the
// command's report names the rule by the path that the package gives it.
func TestTheAgentMayRestartTheMachineOnly(t *testing.T) {
	rule := read(t, "polkit/tillwire.rules")
	if got := regexp.MustCompile(`action\.id == "([^"]*)"`).FindAllStringSubmatch(rule, -1); len(got) != 2 ||
		got[0][1] != "org.freedesktop.login1.reboot" || got[1][1] != "org.freedesktop.login1.reboot-multiple-sessions" {
		t.Errorf("the agent may do %q", got)
	}
	user := directives(read(t, "tillwire.service"))["Service.User"]
	if len(user) != 1 || !strings.Contains(rule, `subject.user == "`+user[0]+`" &&`) {
		t.Errorf("the rule is not for the agent's user %q alone", user)
	}
	if !strings.Contains(read(t, "deb/build"), "put 644 polkit/tillwire.rules /usr/share/polkit-1/rules.d/tillwire.rules\n") {
		t.Error("the package does not bring the rule")
	}
}

func TestKioskStandsApart(t *testing.T) {
	unit := directives(read(t, "kiosk/tillwire-kiosk@.service"))
	agent := directives(read(t, "tillwire.service"))
	if user := unit["Service.User"]; len(user) != 1 || slices.Equal(user, agent["Service.User"]) {
		t.Errorf("the browser runs as %q", user)
	}
	for _, line := range []string{"IPAddressDeny=any", "IPAddressAllow=localhost", "Restart=always", "NoNewPrivileges=yes"} {
		key, value, _ := strings.Cut(line, "=")
		if !slices.Contains(unit["Service."+key], value) {
			t.Errorf("the kiosk's unit does not say %s", line)
		}
	}
	if command := unit["Service.ExecStart"][0]; !strings.HasPrefix(command, "/usr/bin/tillwire devices kiosk %i -- /usr/bin/cage -- /usr/bin/chromium ") {
		t.Errorf("nobody watches the page: %s", command)
	}
	for _, flag := range []string{
		"--kiosk", "--incognito", "--ozone-platform=wayland", "--noerrdialogs", "--disable-infobars",
		"--disable-session-crashed-bubble", "--no-first-run", "--overscroll-history-navigation=0",
		"--disable-pinch", "--password-store=basic", "--check-for-update-interval=31536000",
		"--user-data-dir=/run/tillwire-kiosk-%i", "--app=http://127.0.0.1:8480/display/%i",
	} {
		if !slices.Contains(strings.Fields(unit["Service.ExecStart"][0]), flag) {
			t.Errorf("the browser is started without %s", flag)
		}
	}
}

func TestPolicyLocksTheBrowserIn(t *testing.T) {
	var policy map[string]any
	if err := json.Unmarshal([]byte(read(t, "kiosk/policy.json")), &policy); err != nil {
		t.Fatal(err)
	}
	if blocked, _ := policy["URLBlocklist"].([]any); !slices.Contains(blocked, any("*")) {
		t.Errorf("not everything is blocked first: %v", blocked)
	}
	allowed, _ := policy["URLAllowlist"].([]any)
	if len(allowed) == 0 {
		t.Error("the browser may open nothing")
	}
	for _, address := range allowed {
		if !regexp.MustCompile(`^http://(127\.0\.0\.1|localhost):8480$`).MatchString(address.(string)) {
			t.Errorf("the browser may open %v", address)
		}
	}
	for key, want := range map[string]any{
		"DeveloperToolsAvailability": 2.0, "DownloadRestrictions": 3.0, "IncognitoModeAvailability": 2.0, "PrintingEnabled": false,
	} {
		if policy[key] != want {
			t.Errorf("%s is %v, want %v", key, policy[key], want)
		}
	}
}

func TestDeviceRulesHaveTheirShape(t *testing.T) {
	pair := regexp.MustCompile(`^[A-Z]+(\{[A-Za-z_/]+\})?(==|!=|\+=|=)"[^"]*"$`)
	assigns := map[string]string{}
	jumps, labels := map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(read(t, "99-tillwire.rules")) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		for _, word := range strings.Split(line, ", ") {
			if !pair.MatchString(word) {
				t.Errorf("%q is not a match or an assignment", word)
			}
			key, value, _ := strings.Cut(word, "=")
			value = strings.Trim(value, "=\"")
			switch strings.Trim(key, "+!") {
			case "GOTO":
				jumps[value] = true
			case "LABEL":
				labels[value] = true
			default:
				assigns[key] = value
			}
			if m := regexp.MustCompile(`^ATTRS\{id(Vendor|Product)\}=="(.*)"$`).FindStringSubmatch(word); m != nil && !regexp.MustCompile(`^[0-9a-f?]{4}$`).MatchString(m[2]) {
				t.Errorf("%s can match no device: ids are four lower-case digits", word)
			}
		}
		vendor, product := strings.Contains(line, "ATTRS{idVendor}"), strings.Contains(line, "ATTRS{idProduct}")
		if product && !vendor {
			t.Errorf("a product without its maker: %s", line)
		}
		if strings.Contains(line, "ATTRS{idVendor}") && !strings.Contains(line, `ENV{TILLWIRE}="scanner"`) && !strings.Contains(line, `ENV{ID_MM_DEVICE_IGNORE}="1"`) {
			t.Errorf("ModemManager may still write to %s", line)
		}
	}
	for key, want := range map[string]string{
		"GROUP": "tillwire", "MODE": "0660", "ENV{ID_MM_DEVICE_IGNORE}": "1", "TAG+": "systemd", "ATTR{power/control}": "on",
	} {
		if assigns[key] != want {
			t.Errorf("%s is %q, want %q", key, assigns[key], want)
		}
	}
	for label := range jumps {
		if !labels[label] {
			t.Errorf("GOTO %s leads nowhere", label)
		}
	}
}

// keys of the configuration, as the operator's manual has them.
var keys = map[string]string{
	"terminal": "code shop store_id data witness currency time_zone language",
	"http":     "listen lan hosts",
	"token":    "name file",
	"fleet":    "broker tid roots ca certificate key server_name password refuse spread office",
	"wallet": "name protocol mode hosts app_id merchant_id sub_merchant_id sub_app_id merchant_serial merchant_key " +
		"platform platform_key_id platform_key api_v3_key notify_url region codepay api_v2_key api_v2_sign merchant_certificate terminal_ip " +
		"merchant_category_code pay_path reverse_path host_ca app_key alipay_key app_cert alipay_cert alipay_root_cert app_auth_token product_code " +
		"takes brand modes currencies signing_key_id signing_key acquirer_key_id acquirer_key live " +
		"issuer issuer_roots issuer_groups shop_code title",
	"uplink":       "interface dns",
	"lane":         "id name wallet scanner display",
	"lane.scanner": "driver path baud",
	"lane.display": "driver",
	"display":      "name lane driver path",
	"printer":      "name driver path lanes print copies language open_drawer",
	"nexo":         "poi lane passphrase key_id key_version",
}

func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	var config map[string]any
	if err := toml.Unmarshal([]byte(text), &config); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return config
}

// tables walks a configuration and visits each table by its dotted name.
func tables(name string, value any, visit func(name string, table map[string]any)) {
	switch v := value.(type) {
	case []any:
		for _, element := range v {
			tables(name, element, visit)
		}
	case map[string]any:
		if name != "" {
			visit(name, v)
		}
		for key, inner := range v {
			tables(strings.TrimPrefix(name+"."+key, "."), inner, visit)
		}
	}
}

func TestInstalledConfigurationHasNoWalletAndNoLane(t *testing.T) {
	config := parse(t, read(t, "tillwire.toml"))
	for _, part := range []string{"wallet", "lane", "token"} {
		if config[part] != nil {
			t.Errorf("a fresh installation already has a %s", part)
		}
	}
	terminal, _ := config["terminal"].(map[string]any)
	code, _ := terminal["code"].(string)
	if !regexp.MustCompile(`^[0-9A-Z]{6}$`).MatchString(code) {
		t.Errorf("the terminal's code is %q", code)
	}
	http, _ := config["http"].(map[string]any)
	if listen, _ := http["listen"].(string); !strings.HasPrefix(listen, "127.0.0.1:") {
		t.Errorf("a fresh installation listens on %q", listen)
	}
}

// With every switched-off setting switched on, the sample names every key once and no other.
func TestSampleNamesEveryKey(t *testing.T) {
	on := regexp.MustCompile(`(?m)^#(\[|[a-z])`).ReplaceAllString(read(t, "tillwire.toml"), "$1")
	named := map[string]bool{}
	tables("", parse(t, on), func(name string, table map[string]any) {
		for key := range table {
			named[name+"."+key] = true
			if !slices.Contains(strings.Fields(keys[name]), key) {
				t.Errorf("the sample has %s in [%s], which nobody knows", key, name)
			}
		}
	})
	for name, list := range keys {
		for _, key := range strings.Fields(list) {
			if !named[name+"."+key] {
				t.Errorf("the sample does not show %s of [%s]", key, name)
			}
		}
	}
}

func TestSampleExplainsEverySetting(t *testing.T) {
	setting := regexp.MustCompile(`^#?([a-z_0-9]+) = `)
	explained, count := false, 0
	lines := bufio.NewScanner(strings.NewReader(read(t, "tillwire.toml")))
	for lines.Scan() {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "# "):
			explained = true
		case line == "":
			explained = false
		case setting.MatchString(line):
			count++
			if !explained {
				t.Errorf("nothing explains %s", line)
			}
		}
	}
	if count < 20 {
		t.Errorf("only %d settings were seen", count)
	}
}

// TestTheAgentIsNotRemovedWhileSomethingIsOpen runs the script with a program that answers
// for the journal.
func TestTheAgentIsNotRemovedWhileSomethingIsOpen(t *testing.T) {
	for name, tc := range map[string]struct {
		argument, anyway string
		unfinished       string // exit code of `tillwire payments unfinished`
		removed          bool
	}{
		"nothing is left":        {"remove", "", "0", true},
		"a sale waits":           {"remove", "", "1", false},
		"it cannot be read":      {"remove", "", "2", false},
		"somebody knows better":  {"remove", "yes", "1", true},
		"an upgrade keeps going": {"upgrade", "", "1", true},
	} {
		dir := t.TempDir()
		asked := filepath.Join(dir, "asked")
		program := filepath.Join(dir, "tillwire")
		if err := os.WriteFile(program, []byte("#!/bin/sh\necho \"$@\" > "+asked+"\nexit "+tc.unfinished+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		config := filepath.Join(dir, "tillwire.toml")
		if err := os.WriteFile(config, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		script := strings.NewReplacer("/usr/bin/tillwire", program, "/etc/tillwire/tillwire.toml", config, "/run/systemd/system", filepath.Join(dir, "none")).Replace(read(t, "deb/tillwire.prerm"))
		file := filepath.Join(dir, "prerm")
		if err := os.WriteFile(file, []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		c := exec.Command("sh", file, tc.argument)
		c.Env = []string{"PATH=" + os.Getenv("PATH"), "TILLWIRE_REMOVE_ANYWAY=" + tc.anyway}
		said, err := c.CombinedOutput()
		if (err == nil) != tc.removed || !tc.removed && !strings.Contains(string(said), "TILLWIRE_REMOVE_ANYWAY=yes") {
			t.Errorf("%s: %v: %s", name, err, said)
		}
		if words, err := os.ReadFile(asked); tc.argument == "remove" && tc.anyway == "" && (err != nil || string(words) != "payments unfinished --config "+config+"\n") {
			t.Errorf("%s: the program was asked %q, %v", name, words, err)
		}
	}
}

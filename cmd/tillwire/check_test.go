package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tillwire/cmd/cli"
)

// checked runs `check` without the network and masks the folder.
func checked(t *testing.T, file string) (string, int) {
	t.Helper()
	r := invoke(t, "", "check", "--no-network", "--config", file)
	text := strings.ReplaceAll(r.stdout+r.stderr, filepath.Dir(file)+"/", "")
	var kept []string
	for line := range strings.Lines(masked(text)) {
		if !strings.Contains(line, " clock: ") && !strings.Contains(line, "MiB free") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, ""), r.code
}

func TestCheckSaysWhatIsWrongAndWhatToDo(t *testing.T) {
	var b strings.Builder
	for _, c := range []struct {
		name   string
		change func(file, text string) string
	}{
		{"all is well", func(_, text string) string { return text }},
		{"unknown key", func(_, text string) string { return strings.Replace(text, "shop =", "shopp =", 1) }},
		{"key that others may read", func(file, text string) string {
			if err := os.Chmod(filepath.Join(filepath.Dir(file), "secrets/merchant.pem"), 0o644); err != nil {
				t.Fatal(err)
			}
			return text
		}},
		{"key that is missing", func(_, text string) string {
			return strings.Replace(text, "secrets/merchant.pem", "secrets/none.pem", 1)
		}},
		{"the shop's own key as the wallet's", func(file, text string) string {
			write(t, filepath.Join(filepath.Dir(file), "secrets/platform.pem"), publicPEM(t, keyPair()), 0o644)
			return text
		}},
		{"numbers of the wallet", func(_, text string) string {
			return strings.NewReplacer(`app_id = "wx0000000000000000"`, "", `merchant_serial = "0A1B"`, `merchant_serial = "xyz"`).Replace(text)
		}},
		{"short token", func(file, text string) string {
			write(t, filepath.Join(filepath.Dir(file), "secrets/till-1.token"), "short", 0o600)
			return text
		}},
		{"scanner that is not there", func(_, text string) string {
			return strings.Replace(text, `driver = "virtual"`, "driver = \"line\"\npath = \"/dev/no-such-scanner\"", 1)
		}},
		{"scanner with a wrong key", func(_, text string) string {
			return strings.Replace(text, `driver = "virtual"`, "driver = \"line\"\npath = \"/dev/null\"\nbuad = 9600", 1)
		}},
		{"folder that others may read", func(file, text string) string {
			if err := os.MkdirAll(filepath.Join(filepath.Dir(file), "data"), 0o755); err != nil {
				t.Fatal(err)
			}
			return text
		}},
		{"nothing is set up", func(_, text string) string { return text[:strings.Index(text, "[[token]]")] }},
	} {
		file := equipped(t, sound)
		write(t, file, c.change(file, sound), 0o600)
		text, code := checked(t, file)
		fmt.Fprintf(&b, "== %s\n%s[exit %d]\n\n", c.name, text, code)
		if (code == cli.Fine) != (c.name == "all is well") {
			t.Errorf("%s: exit code %d\n%s", c.name, code, text)
		}
	}
	golden(t, "check.txt", b.String())
}

func TestCheckBesideARunningAgentShowsItsProblems(t *testing.T) {
	file := equipped(t, strings.Replace(sound, `driver = "virtual"`, "driver = \"line\"\npath = \"/dev/no-such-scanner\"", 1))
	owned(t, file)
	r := started(t, file)
	r.ready()
	out := invoke(t, "", "check", "--no-network", "--json", "--config", file)
	var answer struct {
		OK       bool
		Findings []finding
	}
	if err := json.Unmarshal([]byte(out.stdout), &answer); err != nil || answer.OK || out.code != cli.Found {
		t.Fatalf("%v: %+v", err, out)
	}
	if text := fmt.Sprintf("%+v", answer.Findings); !strings.Contains(text, "runs, version development") || !strings.Contains(text, "no-such-scanner") {
		t.Errorf("got %s", text)
	}
}

func TestCheckReachesForTheWallet(t *testing.T) {
	r := invoke(t, "", "check", "--config", equipped(t, sound))
	if r.code != cli.Found || !strings.Contains(r.stdout, "WRONG wallet wechat: no host can be reached") {
		t.Errorf("got %+v", r)
	}
}

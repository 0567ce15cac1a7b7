package main

import (
	"bufio"
	"encoding/json"
	"strings"
	"testing"

	"tillwire/cmd/cli"
)

func TestAWrongCommandLineIsSaidAndEndsWithTwo(t *testing.T) {
	for line, want := range map[string]string{
		"":                                "name a command",
		"cod":                             "Did you mean `tillwire code`?",
		"zzzzzz":                          "Commands: ",
		"devices":                         "tillwire devices needs a command: ",
		"devices decoed":                  "Did you mean `tillwire devices decode`?",
		"code":                            "tillwire code takes TEXT; 0 given. `tillwire code --help` explains",
		"code a b":                        "tillwire code takes TEXT; 2 given",
		"code --jsn x":                    "unknown flag: --jsn. `tillwire code --help` shows what there is",
		"version now":                     "tillwire version takes no argument; 1 given",
		"devices decode --profile lin":    `unknown profile "lin": did you mean "line"?`,
		"devices decode --profile honey":  `unknown profile "honey": did you mean "honeywell"?`,
		"devices decode --set max=9":      `did you mean "max_len"?`,
		"devices decode --set idle=9":     `did you mean "idle_gap"?`,
		"devices decode --set max_len":    "write it as key=value",
		"devices decode --set max_le=9":   `did you mean "max_len"?`,
		"devices decode --set max_len=no": "max_len",
	} {
		r := invoke(t, "", strings.Fields(line)...)
		if r.code != cli.Usage || !strings.Contains(r.stderr, want) || r.stdout != "" {
			t.Errorf("tillwire %s: exit code %d, output %q, error %q; want %q", line, r.code, r.stdout, r.stderr, want)
		}
	}
}

func TestVersionNeedsNothing(t *testing.T) {
	r := invoke(t, "", "version", "--json", "--config", "/nowhere")
	var b build
	if err := json.Unmarshal([]byte(r.stdout), &b); err != nil || r.code != cli.Fine || b.Version != "development" || !strings.HasPrefix(b.Go, "go1.") {
		t.Errorf("got %+v, %v", r, err)
	}
}

// The line framer's vectors have their home in drivers/scanner; here only the
// road from the command line to it counts.
func TestDecodeReplaysACapture(t *testing.T) {
	capture := "# a capture\n@0 3132333435\n@700 36373839300D\n@800 36373839300D\n"
	r := invoke(t, capture, "devices", "decode", "--profile", "line", "--set", "partial_timeout=500", "--set", "dedupe=1000")
	var events []string
	lines := bufio.NewScanner(strings.NewReader(r.stdout))
	for lines.Scan() {
		var e struct {
			Event, Text string
			Bytes       int
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		events = append(events, e.Event+" "+e.Text)
	}
	if got := strings.Join(events, "; "); got != "partial_timeout ; scan 67890; duplicate 67890" && got != "partial_timeout ; scan 67890; duplicate " || r.code != cli.Fine {
		t.Errorf("exit code %d: %s", r.code, got)
	}
	if r := invoke(t, "@x 00\n", "devices", "decode"); r.code != cli.Found || !strings.Contains(r.stderr, "line 1") {
		t.Errorf("a broken capture: %+v", r)
	}
}

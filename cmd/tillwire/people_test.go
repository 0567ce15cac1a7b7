package main

import (
	"encoding/json"
	"strings"
	"testing"

	"tillwire/cmd/cli"
)

func TestPeopleAreSetWhileTheAgentIsStopped(t *testing.T) {
	file := equipped(t, sound)
	for _, c := range []struct{ role, name, secret, refused string }{
		{"owner", "Olga", "a long enough password", ""},
		{"manager", "Mia", "481625", ""},
		{"cashier", "Ana", "730184", ""},
		{"cashier", "Ana", "730185", ""}, // a new PIN for the same person
		{"owner", "Otto", "short", "12 to 128 characters"},
		{"cashier", "Bo", "12345", "exactly 6 digits"},
		{"cashier", "Bo", "12345a", "exactly 6 digits"},
		{"cashier", "Bo", "123456", "Take digits that neither count nor repeat"},
		{"cashier", "Bo", "987654", "Take digits that neither count nor repeat"},
		{"cashier", "Bo", "777777", "Take digits that neither count nor repeat"},
		{"cashier", "Bo", "121212", "Take digits that neither count nor repeat"},
		{"owner", "Otto", "Password1234", "too easy to guess"},
		{"cashier", "Bartholomew Featherstonehaugh-Cholmondeley", "519302", "1 to 40 characters"},
		{"cashier", "Bo", "481625", "somebody else has this PIN"},
		{"cashier", "Bo", "", "first line of standard input"},
	} {
		r := invoke(t, c.secret+"\n", "people", "set", "--config", file, "--role", c.role, "--name", c.name)
		if (r.code == cli.Fine) != (c.refused == "") || !strings.Contains(r.stderr, c.refused) {
			t.Errorf("%s %s %q: %+v", c.role, c.name, c.secret, r)
		}
		if c.secret != "" && strings.Contains(r.stdout+r.stderr, c.secret) {
			t.Errorf("the secret is printed: %+v", r)
		}
	}
	if r := invoke(t, "x\n", "people", "set", "--config", file, "--role", "boss", "--name", "B"); r.code != cli.Usage || !strings.Contains(r.stderr, "Known: cashier, manager, owner") {
		t.Errorf("a role that does not exist: %+v", r)
	}
	if r := invoke(t, "", "people", "disable", "--config", file, "--name", "Mia"); r.code != cli.Fine {
		t.Errorf("disable: %+v", r)
	}
	if r := invoke(t, "", "people", "disable", "--config", file, "--name", "Nobody"); r.code != cli.Found || !strings.Contains(r.stderr, "tillwire people list") {
		t.Errorf("disable nobody: %+v", r)
	}
	golden(t, "people.txt", invoke(t, "", "people", "list", "--config", file).stdout)
	golden(t, "settings.txt", invoke(t, "", "settings", "get", "--config", file).stdout)
}

func TestBesideARunningAgent(t *testing.T) {
	file := equipped(t, sound)
	owned(t, file)
	r := started(t, file)
	r.ready()
	if r := invoke(t, "481625\n", "people", "set", "--config", file, "--role", "cashier", "--name", "Ana"); r.code != cli.Found || !strings.Contains(r.stderr, "agent stopped") {
		t.Errorf("people set: %+v", r)
	}
	if r := invoke(t, "", "people", "list", "--config", file); r.code != cli.Fine || !strings.Contains(r.stdout, "Olga") {
		t.Errorf("people list: %+v", r)
	}
	if r := invoke(t, "", "payments", "list", "--config", file); r.code != cli.Fine {
		t.Errorf("payments list: %+v", r)
	}
	set := invoke(t, "", "settings", "set", "--config", file, "shop.name", "Bakery", "scanner.dedupe", "2s")
	if want := "shop.name = Bakery (holds now)\nscanner.dedupe = 2s (holds after the next start of the agent)\n"; set.code != cli.Fine || set.stdout != want {
		t.Errorf("settings set: %+v", set)
	}
	if _, status := r.call("GET", "/api/v1/status", ""); status["shop"] != "Bakery" {
		t.Errorf("the running agent calls the shop %v", status["shop"])
	}
	get := invoke(t, "", "settings", "get", "shop.name", "--config", file, "--json")
	var one map[string]any
	if err := json.Unmarshal([]byte(get.stdout), &one); err != nil || one["value"] != "Bakery" || one["by"] != commandLine || one["range"] != "1 to 64 characters" {
		t.Errorf("settings get: %v: %+v", err, get)
	}
	for _, c := range []struct{ args, want string }{
		{"shop.nmae x", `Did you mean "shop.name"?`},
		{"wechat.give_up soon", "It takes a time from 10s to 10m"},
		{"shop.name x wechat.first_query 50s", "may not be longer than wechat.give_up"},
	} {
		bad := invoke(t, "", append(strings.Fields("settings set --config "+file), strings.Fields(c.args)...)...)
		if bad.code != cli.Found || !strings.Contains(bad.stderr, c.want) {
			t.Errorf("settings set %s: %+v", c.args, bad)
		}
	}
	if bad := invoke(t, "", "settings", "set", "shop.name", "--config", file); bad.code != cli.Usage {
		t.Errorf("half a pair: %+v", bad)
	}
	r.ended()
	if get := invoke(t, "", "settings", "get", "shop.name", "--config", file); !strings.Contains(get.stdout, "shop.name = Bakery") {
		t.Errorf("after the stop: %+v", get)
	}
	if set := invoke(t, "", "settings", "set", "--config", file, "shop.name", "Grocer"); set.code != cli.Fine {
		t.Errorf("settings set without an agent: %+v", set)
	}
}

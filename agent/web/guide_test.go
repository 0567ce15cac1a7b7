//go:build pictures

package web

import (
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"testing"

	"tillwire/agent"
	"tillwire/agent/words"
)

// guideStep is a picture of the guide and what is said under it: texts that the product itself says,
// so that the guide cannot promise anything else.
type guideStep struct {
	stop  string
	texts []string      // keys of the catalogue
	state []agent.State // a payment in this state, as the register says it
}

// guides are the two pages of pictures: what a new cashier and an owner must have seen.
var guides = map[agent.Role][]guideStep{
	agent.RoleCashier: {
		{stop: "register-sign-in", texts: []string{"register.sign_in_hint"}},
		{stop: "register-amount", texts: []string{"key.amount"}},
		{stop: "register-waiting", texts: []string{"key.enter"}, state: []agent.State{agent.Created}},
		{stop: "register-confirm", state: []agent.State{agent.AwaitPayer}},
		{stop: "register-paid", state: []agent.State{agent.Paid}},
		{stop: "register-choose", texts: []string{"register.choose", "register.choose_hint"}},
		{stop: "register-code", texts: []string{"key.show"}, state: []agent.State{agent.QRShown}},
		{stop: "register-declined", state: []agent.State{agent.Declined}},
		{stop: "register-doubt", texts: []string{"key.other"}, state: []agent.State{agent.Unknown}},
		{stop: "register-payment", texts: []string{"register.today", "register.search"}},
		{stop: "register-refund", texts: []string{"key.refund", "refund.pin"}},
		{stop: "register-receipt", texts: []string{"refund.title"}},
		{stop: "register-menu", texts: []string{"key.menu"}},
		{stop: "register-shift-open", texts: []string{"js.shift.open_hint"}},
		{stop: "register-shift-close", texts: []string{"js.shift.close_hint"}},
		{stop: "register-parked", texts: []string{"till.parked"}},
		{stop: "register-training", texts: []string{"training.note"}},
		{stop: "register-taken", texts: []string{"taken.hint"}},
		{stop: "register-no-line", state: []agent.State{agent.OfflineAccepted}},
		{stop: "register-keys", texts: []string{"register.keys"}},
	},
	agent.RoleOwner: {
		{stop: "owner-sign-in", texts: []string{"login.hint"}},
		{stop: "owner-today", texts: []string{"today.takings", "today.open_hint"}},
		{stop: "owner-payments", texts: []string{"nav.payments", "payments.search_hint"}},
		{stop: "owner-payment", texts: []string{"story.title"}},
		{stop: "owner-reconcile", texts: []string{"nav.reconcile", "reconcile.hint"}},
		{stop: "owner-queue", texts: []string{"nav.queue", "queue.hint"}},
		{stop: "owner-offline", texts: []string{"nav.offline", "offline.page_hint"}},
		{stop: "owner-devices", texts: []string{"nav.devices"}},
		{stop: "owner-network", texts: []string{"lan.title", "lan.hint"}},
		{stop: "owner-people", texts: []string{"nav.people", "people.secret_hint"}},
		{stop: "owner-settings", texts: []string{"nav.settings"}},
		{stop: "owner-log", texts: []string{"nav.log", "log.hint"}},
	},
}

const guidePage = `<!doctype html>
<html lang="{{.Lang}}" dir="{{.Dir}}"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Tillwire · {{.Title}}</title>
<style>body{font:18px/1.5 system-ui,sans-serif;max-width:1000px;margin:2rem auto;padding:0 1rem}figure{margin:0 0 2.5rem}img{width:100%;height:auto;border:1px solid #bbb;border-radius:8px}figcaption{margin-block:.6rem}</style>
<h1>Tillwire · {{.Title}}</h1>
{{range $i, $s := .Steps}}<figure><figcaption>{{range .Says}}<p>{{.}}</p>{{end}}</figcaption><img src="{{.Picture}}" alt="{{index .Says 0}}" loading="lazy"></figure>
{{end}}</html>
`

// guide writes the two pages of a language beside its pictures. A picture that is not there
// fails: the guide shows the running product or nothing.
func guide(t *testing.T, lang, folder string) {
	t.Helper()
	w, err := words.New()
	if err != nil {
		t.Fatal(err)
	}
	page := template.Must(template.New("guide").Parse(guidePage))
	for role, steps := range guides {
		type shown struct {
			Picture string
			Says    []string
		}
		var list []shown
		for _, s := range steps {
			one := shown{Picture: s.stop + "-1280x800-light.png"}
			if _, err := os.Stat(filepath.Join(folder, one.Picture)); err != nil {
				t.Errorf("the guide has no picture of %s: %v", s.stop, err)
			}
			for _, key := range s.texts {
				one.Says = append(one.Says, w.Text(lang, key))
			}
			for _, state := range s.state {
				p := agent.Payment{Amount: agent.Money{Value: 12850, Currency: "CNY"}, Status: agent.Status{State: state, Reason: agent.ReasonNotEnough}}
				one.Says = append(one.Says, w.Say(lang, p.Say()))
			}
			list = append(list, one)
		}
		file, err := os.Create(filepath.Join(folder, fmt.Sprintf("guide-%s.html", role)))
		if err != nil {
			t.Fatal(err)
		}
		err = page.Execute(file, map[string]any{"Lang": lang, "Dir": w.Dir(lang), "Title": w.Text(lang, "role."+string(role)), "Steps": list})
		if err := file.Close(); err != nil {
			t.Error(err)
		}
		if err != nil {
			t.Error(err)
		}
	}
}

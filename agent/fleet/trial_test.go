package fleet

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
)

// settled is where the configuration stands, as it was told last.
func (o *office) settled() ConfigReport {
	o.t.Helper()
	list := said[ConfigReport](o, UpConfig)
	return list[len(list)-1]
}

// expect compares where the configuration stands, and some settings.
func (o *office) expect(when string, status ConfigStatus, values map[string]string) {
	o.t.Helper()
	if r := o.settled(); r.Status != status {
		o.t.Errorf("%s: %+v, want %s", when, r, status)
	}
	for key, want := range values {
		if got := o.door.text(key); got != want {
			o.t.Errorf("%s: %s is %q, want %q", when, key, got, want)
		}
	}
}

// anew starts the terminal anew, in another run.
func (o *office) anew(run string) {
	o.stop()
	o.opt.Run = run
	o.openUp()
}

// slow is a terminal with a setting that holds after a restart.
func slow(restarts *int) func(*office) {
	return func(o *office) {
		o.door.values["wechat.connect"], o.door.later = "5s", []string{"wechat.connect"}
		o.opt.Run = "one"
		o.opt.Restart = func() {
			o.mu.Lock()
			defer o.mu.Unlock()
			*restarts++
		}
	}
}

// TestWhatHoldsAfterARestartIsTriedThere: ten good minutes with the old value say
// nothing about the new one.
func TestWhatHoldsAfterARestartIsTriedThere(t *testing.T) {
	restarts := 0
	inOffice(t, slow(&restarts), func(o *office) {
		o.configure(1, map[string]string{"wechat.connect": "500ms", "shop.name": "One"})
		o.pass(11 * time.Minute)
		o.expect("after ten minutes with the old value", ConfigTrial, map[string]string{"wechat.connect": "500ms"})
		if r := o.settled(); !strings.Contains(r.Text, "watched again: wechat.connect.") {
			t.Errorf("it does not say what it waits for: %+v", r)
		}
		change(o, &o.line, agent.LineDown)
		o.pass(20 * time.Minute)
		o.expect("the line goes before the new value holds", ConfigTrial, map[string]string{"wechat.connect": "500ms", "shop.name": "One"})
		change(o, &o.line, agent.LineOnline)
		o.restart() // of the fleet's side alone: the value still waits
		o.pass(11 * time.Minute)
		o.expect("in the same run", ConfigTrial, map[string]string{"wechat.connect": "500ms"})

		o.anew("two")
		change(o, &o.line, agent.LineDown)
		change(o, &o.idle, false)
		o.pass(9 * time.Minute)
		o.expect("nine minutes without a line", ConfigTrial, map[string]string{"wechat.connect": "500ms"})
		o.pass(2 * time.Minute)
		o.expect("ten minutes without a line", ConfigReverted, map[string]string{"wechat.connect": "5s", "shop.name": "Corner"})
		if n := read(o, &restarts); n != 0 {
			t.Fatal("restarted with a payment open")
		}
		change(o, &o.idle, true)
		o.pass(2 * time.Second)
		if n := read(o, &restarts); n != 1 {
			t.Fatalf("restarted %d times for a value that needs it", n)
		}
		o.anew("three")
		o.pass(15 * time.Minute)
		o.expect("afterwards", ConfigReverted, map[string]string{"wechat.connect": "5s"})
		if n := read(o, &restarts); n != 1 {
			t.Errorf("restarted %d times", n)
		}
	})
}

func TestWhatHoldsAfterARestartStaysWithTheLine(t *testing.T) {
	restarts := 0
	inOffice(t, slow(&restarts), func(o *office) {
		o.configure(1, map[string]string{"wechat.connect": "6s"})
		o.pass(11 * time.Minute)
		o.anew("two")
		o.expect("after the restart", ConfigTrial, nil)
		o.pass(11 * time.Minute)
		o.expect("after ten minutes with the new value", ConfigApplied, map[string]string{"wechat.connect": "6s"})
		if n := read(o, &restarts); n != 0 {
			t.Errorf("restarted %d times", n)
		}
	})
}

// TestALiveSettingBesideOneThatWaitsIsTakenBackAtOnce.
func TestALiveSettingBesideOneThatWaitsIsTakenBackAtOnce(t *testing.T) {
	restarts := 0
	inOffice(t, slow(&restarts), func(o *office) {
		o.configure(1, map[string]string{"wechat.connect": "500ms", "shop.name": "One"})
		change(o, &o.line, agent.LineDown)
		o.pass(12 * time.Minute)
		o.expect("ten minutes without a line", ConfigReverted, map[string]string{"wechat.connect": "5s", "shop.name": "Corner"})
	})
}

// TestATrialWaitsForALine: an outage is no fault of the settings that come in it,
// and no pardon for those that keep the line away afterwards.
func TestATrialWaitsForALine(t *testing.T) {
	inOffice(t, func(o *office) { o.line = agent.LineDown }, func(o *office) {
		o.configure(1, map[string]string{"shop.name": "One"})
		o.pass(30 * time.Minute)
		o.restart()
		o.pass(30 * time.Minute)
		o.expect("in the outage", ConfigTrial, map[string]string{"shop.name": "One"})
		if r := o.settled(); !strings.Contains(r.Text, "was down when it came") {
			t.Errorf("it does not say what it waits for: %+v", r)
		}
		change(o, &o.line, agent.LineOnline)
		o.pass(5 * time.Minute)
		if r := o.settled(); r.Status != ConfigTrial || r.Text != "" {
			t.Errorf("with the line back: %+v", r)
		}
		o.pass(7 * time.Minute)
		o.expect("ten minutes with the line back", ConfigApplied, map[string]string{"shop.name": "One"})

		change(o, &o.line, agent.LineDown)
		o.configure(2, map[string]string{"shop.name": "Two"})
		o.pass(30 * time.Minute)
		change(o, &o.line, agent.LineOnline)
		o.pass(5 * time.Minute)
		change(o, &o.line, agent.LineDown)
		o.pass(12 * time.Minute)
		o.expect("the line goes again", ConfigReverted, map[string]string{"shop.name": "One"})
	})
}

// TestWhatMayNotBeTakenBackStays, and everything else is taken back, settings that
// hang together in one step.
func TestWhatMayNotBeTakenBackStays(t *testing.T) {
	before := map[string]string{"offline.count": "50", "offline.window": "12h", "wechat.first_query": "5s", "wechat.give_up": "45s"}
	inOffice(t, func(o *office) {
		for key, text := range before {
			o.door.values[key] = text
		}
		o.door.together = []string{"wechat.first_query", "wechat.give_up"}
	}, func(o *office) {
		o.configure(1, map[string]string{"offline.count": "10", "offline.window": "24h", "shop.name": "One", "wechat.first_query": "50s", "wechat.give_up": "90s"})
		o.door.stick("offline.count")
		change(o, &o.line, agent.LineDown)
		o.pass(12 * time.Minute)
		o.expect("ten minutes without a line", ConfigReverted, map[string]string{"offline.count": "10", "offline.window": "12h", "shop.name": "Corner", "wechat.first_query": "5s", "wechat.give_up": "45s"})
		if r := o.settled(); !strings.HasSuffix(r.Text, "since: offline.count.") {
			t.Errorf("it does not say what stays: %+v", r)
		}

		// Where nothing may be taken back, nothing was: it must not be told otherwise.
		change(o, &o.line, agent.LineOnline)
		o.door.stick()
		o.configure(2, map[string]string{"offline.count": "5"})
		o.door.stick("offline.count")
		change(o, &o.line, agent.LineDown)
		o.pass(time.Hour)
		o.expect("nothing may be taken back", ConfigTrial, map[string]string{"offline.count": "5"})
		change(o, &o.line, agent.LineOnline)
		o.pass(time.Minute)
		o.expect("the line is back", ConfigApplied, map[string]string{"offline.count": "5"})
	})
}

func TestWhatSomebodyHereChangedSinceStays(t *testing.T) {
	inOffice(t, asItIs, func(o *office) {
		o.configure(1, map[string]string{"shop.name": "One", "log.level": "debug"})
		o.door.put("shop.name", "Mine")
		change(o, &o.line, agent.LineDown)
		o.pass(12 * time.Minute)
		o.expect("ten minutes without a line", ConfigReverted, map[string]string{"shop.name": "Mine", "log.level": "info"})
		if r := o.settled(); !strings.HasSuffix(r.Text, "since: shop.name.") {
			t.Errorf("it does not say what stays: %+v", r)
		}
	})
}

// TestANewerConfigurationTakesATrialOver: a second one that comes while the first
// has cut the line is no way to keep the first.
func TestANewerConfigurationTakesATrialOver(t *testing.T) {
	inOffice(t, asItIs, func(o *office) {
		o.configure(1, map[string]string{"log.level": "debug", "shop.name": "One"})
		change(o, &o.line, agent.LineDown)
		o.pass(5 * time.Minute)
		o.configure(2, map[string]string{"shop.name": "Two"})
		o.pass(12 * time.Minute)
		o.expect("ten minutes without a line", ConfigReverted, map[string]string{"shop.name": "Corner", "log.level": "info"})
		if r := o.settled(); r.Rev != 2 {
			t.Errorf("it is told of another revision: %+v", r)
		}
	})
}

// TestTheOwnerMayRefuseSettings: however they come.
func TestTheOwnerMayRefuseSettings(t *testing.T) {
	inOffice(t, func(o *office) { o.opt.Allowed = func(c Class) bool { return c != Safe } }, func(o *office) {
		o.configure(1, map[string]string{"shop.name": "One"})
		o.expect("as a document", ConfigRefused, map[string]string{"shop.name": "Corner"})
		if r := o.settled(); r.Code != RefusedPolicy || r.Rev != 1 {
			t.Errorf("told: %+v", r)
		}
		j := o.settingsJob(2, "Two")
		o.sendJob(j)
		if got := o.course(j.Jti); got != "REJECTED/REFUSED_POLICY" || o.door.text("shop.name") != "Corner" {
			t.Errorf("as a job: told %q, the shop is %q", got, o.door.text("shop.name"))
		}
	})
}

// TestAJobDoesNotWaitForATrialThatWaits: what waits for a restart may wait for weeks.
func TestAJobDoesNotWaitForATrialThatWaits(t *testing.T) {
	restarts, failures := 0, 0
	inOffice(t, func(o *office) {
		slow(&restarts)(o)
		withWork(&failures, ReportInterrupted)(o)
	}, func(o *office) {
		cfg := map[string]string{"wechat.connect": "6s"}
		doc, err := json.Marshal(ConfigDoc{Rev: 1, Hash: HashOf(cfg), Cfg: cfg})
		if err != nil {
			t.Fatal(err)
		}
		first, second := o.job(JobTypeConfig, string(doc)), o.job("cert", `{}`)
		o.sendJob(first)
		o.sendJob(second) // within the trial it has to wait
		if got := o.course(second.Jti); got != "" {
			t.Errorf("in the trial: told %q", got)
		}
		o.pass(12 * time.Minute)
		if got := []string{o.course(first.Jti), o.course(second.Jti)}; !slices.Equal(got, []string{"QUEUED ACTIVATING SOAKING CANCELED", "QUEUED ACTIVATING SUCCEEDED"}) {
			t.Errorf("afterwards: told %q", got)
		}
	})
}

package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
)

// job makes a job of a type that is issued now, with the next revision.
func (o *office) job(kind, doc string) Job {
	c := o.fresh()
	c.Exp = At(time.Now().AddDate(0, 1, 0))
	return Job{Claims: c, Rev: c.Seq, Type: kind, Doc: json.RawMessage(doc), Deadline: At(time.Now().Add(7 * 24 * time.Hour)), Campaign: "autumn", Ring: "canary"}
}

func (o *office) settingsJob(rev uint64, shop string) Job {
	cfg := map[string]string{"shop.name": shop}
	doc, err := json.Marshal(ConfigDoc{Rev: rev, Hash: HashOf(cfg), Cfg: cfg})
	if err != nil {
		o.t.Fatal(err)
	}
	return o.job(JobTypeConfig, string(doc))
}

func (o *office) sendJob(j Job) {
	o.t.Helper()
	o.send(DownJob, true, TypeJob, j, o.online)
	o.pass(2 * time.Second)
}

// reports are what was told of a job, in order.
func (o *office) reports(jti string) (list []JobReport) {
	o.t.Helper()
	for _, e := range o.events(Jobs) {
		var r JobReport
		if err := json.Unmarshal(e.Data, &r); err != nil {
			o.t.Fatal(err)
		}
		if r.Jti == jti {
			list = append(list, r)
		}
	}
	return list
}

// course is how a job's statuses were told, in order.
func (o *office) course(jti string) string {
	o.t.Helper()
	var words []string
	for _, r := range o.reports(jti) {
		word := string(r.Status)
		if r.Code != "" {
			word += "/" + string(r.Code)
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// withWork gives the terminal one type of job, "cert", that fails as often as it
// is told and then works.
func withWork(failures *int, restart OnRestart) func(*office) {
	return func(o *office) {
		o.opt.Works = map[string]Work{"cert": {Class: Safe, Restart: restart, Limit: time.Minute, Do: func(context.Context, json.RawMessage) (string, error) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.did["cert"]++
			if *failures > 0 {
				*failures--
				return "", errors.New("the authority does not answer")
			}
			return "renewed", nil
		}}}
	}
}

func TestAJobIsDoneOnceHoweverOftenItComes(t *testing.T) {
	failures := 0
	inOffice(t, withWork(&failures, ReportInterrupted), func(o *office) {
		j := o.job("cert", `{}`)
		o.sendJob(j)
		o.sendJob(j)
		o.restart()
		o.sendJob(j)
		o.pass(time.Minute)
		if got := o.course(j.Jti); got != "QUEUED ACTIVATING SUCCEEDED" || o.times("cert") != 1 {
			t.Errorf("told %q, done %d times", got, o.times("cert"))
		}
		older := o.job("cert", `{}`)
		older.Rev = 1
		o.sendJob(older)
		if o.course(older.Jti) != "" || o.times("cert") != 1 {
			t.Errorf("an older one: told %q, done %d times", o.course(older.Jti), o.times("cert"))
		}
	})
}

func TestAJobIsTriedAsOftenAsItSays(t *testing.T) {
	failures := 2
	inOffice(t, withWork(&failures, ReportInterrupted), func(o *office) {
		j := o.job("cert", `{}`)
		j.MaxTries = 3
		o.sendJob(j)
		o.pass(30 * time.Second)
		if o.times("cert") != 1 {
			t.Errorf("tried %d times at once", o.times("cert"))
		}
		o.pass(10 * time.Minute)
		if got := o.course(j.Jti); got != "QUEUED ACTIVATING QUEUED ACTIVATING QUEUED ACTIVATING SUCCEEDED" {
			t.Errorf("told %q", got)
		}
		change(o, &failures, 9)
		j = o.job("cert", `{}`)
		j.MaxTries = 2
		o.sendJob(j)
		o.pass(10 * time.Minute)
		if got := o.course(j.Jti); got != "QUEUED ACTIVATING QUEUED ACTIVATING FAILED" {
			t.Errorf("told %q", got)
		}
	})
}

// TestAJobWaitsForAQuietMoment: its hour, its window, and no customer at the
// counter; and what does not get one in time is not done any more.
func TestAJobWaitsForAQuietMoment(t *testing.T) {
	failures := 0
	inOffice(t, withWork(&failures, ReportInterrupted), func(o *office) {
		hour := func(d time.Duration) string { return time.Now().UTC().Add(d).Format("15:04") }
		j := o.job("cert", `{}`)
		j.NotBefore = At(time.Now().Add(time.Hour))
		j.Window = &Window{From: hour(2 * time.Hour), To: hour(3 * time.Hour)}
		o.sendJob(j)
		for _, wait := range []time.Duration{30 * time.Minute, time.Hour} {
			o.pass(wait)
			if o.times("cert") != 0 {
				t.Fatalf("done before its time, after %v", wait)
			}
		}
		change(o, &o.idle, false)
		o.pass(45 * time.Minute)
		if o.times("cert") != 0 {
			t.Fatal("done with a payment open")
		}
		change(o, &o.idle, true)
		o.pass(5 * time.Second)
		if got := o.course(j.Jti); got != "QUEUED WAITING_WINDOW ACTIVATING SUCCEEDED" {
			t.Errorf("told %q", got)
		}
		for name, late := range map[string]func(*Job){
			"TIMED_OUT": func(j *Job) { j.Deadline = At(time.Now().Add(time.Hour)) },
			"SUCCEEDED": func(j *Job) { j.ForceAfter = At(time.Now().Add(30 * time.Minute)) },
		} {
			j := o.job("cert", `{}`)
			j.Window = &Window{From: hour(-3 * time.Hour), To: hour(-2 * time.Hour)}
			late(&j)
			o.sendJob(j)
			o.pass(2 * time.Hour)
			if got := o.course(j.Jti); !strings.HasSuffix(got, name) {
				t.Errorf("told %q, want %s", got, name)
			}
		}
		clockless := o.job("cert", `{}`)
		clockless.Window = &Window{From: "00:00", To: "23:59"}
		change(o, &o.clock.Quality, Unknown)
		o.sendJob(clockless)
		o.pass(time.Hour)
		if got := o.course(clockless.Jti); got != "QUEUED WAITING_WINDOW" {
			t.Errorf("without a clock: told %q", got)
		}
	})
}

// TestAJobSaysWhatItWaitsFor: a command that is being done is no payment.
func TestAJobSaysWhatItWaitsFor(t *testing.T) {
	failures := 0
	free := make(chan struct{})
	inOffice(t, func(o *office) {
		withWork(&failures, ReportInterrupted)(o)
		free = make(chan struct{}) // of this bubble
		o.opt.Handlers["log.level"] = func(context.Context, json.RawMessage) (any, func(), error) {
			<-free
			return nil, nil, nil
		}
	}, func(o *office) {
		waits := func(j Job) (text string) {
			for _, r := range o.reports(j.Jti) {
				if r.Status == JobWaiting {
					text = r.Text
				}
			}
			return text
		}
		o.command(o.order("log.level", `{"level":"debug","ttl":60}`))
		first := o.job("cert", `{}`)
		o.sendJob(first)
		if got := waits(first); got != "A command is being done." {
			t.Errorf("beside a command: %q", got)
		}
		close(free)
		o.pass(2 * time.Second)
		change(o, &o.idle, false)
		second := o.job("cert", `{}`)
		o.sendJob(second)
		if got := waits(second); got != "A payment holds a lane." {
			t.Errorf("beside a payment: %q", got)
		}
	})
}

func TestJobsThatAreNotDone(t *testing.T) {
	failures := 0
	inOffice(t, func(o *office) {
		withWork(&failures, ReportInterrupted)(o)
		o.opt.Allowed = func(c Class) bool { return c != Disruptive }
		o.opt.Works["sweep"] = Work{Class: Disruptive, Limit: time.Minute}
	}, func(o *office) {
		for kind, want := range map[string]struct{ told, why string }{
			"update":      {"REJECTED/REFUSED_UNKNOWN", "no jobs of the type update. It knows cert, config, none, sweep."},
			"diag":        {"REJECTED/REFUSED_UNKNOWN", "no jobs of the type diag."},
			"data_purge":  {"REJECTED/REFUSED_UNKNOWN", "no jobs of the type data_purge."},
			"sweep":       {"REJECTED/REFUSED_POLICY", "The owner of the shop does not allow"},
			JobTypeConfig: {"REJECTED/REFUSED_MALFORMED", "target"},
		} {
			j := o.job(kind, `{"target":"1.5.0"}`)
			o.sendJob(j)
			if got := o.course(j.Jti); got != want.told || !strings.Contains(o.reports(j.Jti)[0].Text, want.why) {
				t.Errorf("%s: told %+v, want %q because of %q", kind, o.reports(j.Jti), want.told, want.why)
			}
			o.ackAll()
		}
		// One that waits is withdrawn under a signature, not by an empty message.
		j, next, none := o.job("cert", `{}`), o.job("cert", `{}`), o.job(JobTypeNone, `{}`)
		j.NotBefore, next.NotBefore = At(time.Now().Add(time.Hour)), At(time.Now().Add(time.Hour))
		o.sendJob(j)
		o.bring(DownJob, true, nil)
		o.pass(2 * time.Second)
		if got := o.course(j.Jti); got != "QUEUED WAITING_WINDOW" {
			t.Errorf("after an empty message: told %q", got)
		}
		o.sendJob(next)
		o.sendJob(none)
		o.pass(2 * time.Hour)
		for jti, want := range map[string]string{j.Jti: "QUEUED WAITING_WINDOW CANCELED", next.Jti: "QUEUED WAITING_WINDOW CANCELED", none.Jti: "SUCCEEDED"} {
			if got := o.course(jti); got != want {
				t.Errorf("told %q, want %q", got, want)
			}
		}
		if o.times("cert") != 0 {
			t.Error("a job that was withdrawn is done")
		}
	})
}

// Test47KilledInAJob: the agent dies before each of its
// commits in turn, and the broker brings the job again.
func Test47KilledInAJob(t *testing.T) {
	for _, restart := range []OnRestart{ReportInterrupted, RetryInterrupted} {
		for left := range 5 {
			t.Run(fmt.Sprintf("retry %v, before commit %d", restart, left), func(t *testing.T) {
				failures := 0
				inOffice(t, withWork(&failures, restart), func(o *office) {
					o.stop()
					disk := &dying{Memory: o.store.(*Memory), left: 1 + left} // one for the session
					o.store = disk
					o.openUp()
					j := o.job("cert", `{}`)
					o.sendJob(j)
					o.stop()
					disk.left = 1_000_000
					o.openUp()
					o.sendJob(j) // retained, so it comes with each connect
					o.pass(time.Minute)
					got, n := o.course(j.Jti), o.times("cert")
					end := got[strings.LastIndex(got, " ")+1:]
					if restart == ReportInterrupted && (n > 1 || n == 0 && end != "FAILED") {
						t.Errorf("done %d times, told %q", n, got)
					}
					if end != "SUCCEEDED" && !(restart == ReportInterrupted && end == "FAILED") {
						t.Errorf("told %q", got)
					}
				})
			})
		}
	}
}

// TestSettingsInAWindow is a job of settings from its window to the end of its
// trial; assertion 48 holds for it as for a configuration.
func TestSettingsInAWindow(t *testing.T) {
	inOffice(t, asItIs, func(o *office) {
		j := o.settingsJob(1, "Night")
		j.NotBefore = At(time.Now().Add(time.Hour))
		o.sendJob(j)
		if o.door.text("shop.name") != "Corner" {
			t.Error("changed before its time")
		}
		o.pass(61 * time.Minute)
		if got := o.course(j.Jti); got != "QUEUED WAITING_WINDOW ACTIVATING SOAKING" || o.door.text("shop.name") != "Night" {
			t.Errorf("told %q, the shop is %q", got, o.door.text("shop.name"))
		}
		o.restart()
		o.pass(11 * time.Minute)
		if got := o.course(j.Jti); !strings.HasSuffix(got, "SOAKING SUCCEEDED") {
			t.Errorf("after the trial: told %q", got)
		}

		bad := o.settingsJob(2, "Cut off")
		o.sendJob(bad)
		newer := o.settingsJob(3, "Later") // waits for the end of the trial
		o.sendJob(newer)
		change(o, &o.line, agent.LineDown)
		o.pass(12 * time.Minute)
		change(o, &o.line, agent.LineOnline)
		if got := o.course(bad.Jti); !strings.HasSuffix(got, "SOAKING ROLLED_BACK") {
			t.Errorf("with the line cut: told %q", got)
		}
		o.pass(15 * time.Minute)
		if got := o.course(newer.Jti); !strings.HasSuffix(got, "SUCCEEDED") || o.door.text("shop.name") != "Later" {
			t.Errorf("the newer one: told %q, the shop is %q", got, o.door.text("shop.name"))
		}

		old := o.settingsJob(3, "Other")
		o.sendJob(old)
		if got := o.course(old.Jti); !strings.HasSuffix(got, "FAILED/REFUSED_REV") {
			t.Errorf("a revision that was taken: told %q", got)
		}
		o.door.refuse(errors.New("no"))
		refused := o.settingsJob(4, "Four")
		refused.MaxTries = 5
		o.sendJob(refused)
		o.pass(2 * time.Hour)
		if got := o.course(refused.Jti); got != "QUEUED ACTIVATING FAILED/REFUSED_VALUE" {
			t.Errorf("a value that cannot be: told %q", got)
		}
	})
}

func TestWindows(t *testing.T) {
	day := func(text string) time.Time {
		at, err := time.Parse("Mon 2006-01-02 15:04", text)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	tokyo := time.FixedZone("shop", 9*3600)
	for _, c := range []struct {
		w    *Window
		at   string
		open bool
	}{
		{nil, "Fri 2026-11-20 12:00", true},
		{&Window{From: "02:00", To: "05:00"}, "Fri 2026-11-20 02:00", false}, // 11:00 in the shop
		{&Window{From: "02:00", To: "05:00"}, "Thu 2026-11-19 17:00", true},  // 02:00 on Friday
		{&Window{From: "02:00", To: "05:00"}, "Thu 2026-11-19 20:00", false}, // 05:00
		{&Window{TZ: "UTC", From: "22:00", To: "05:00"}, "Fri 2026-11-20 23:30", true},
		{&Window{TZ: "UTC", From: "22:00", To: "05:00"}, "Sat 2026-11-21 04:59", true},
		{&Window{TZ: "UTC", From: "22:00", To: "05:00"}, "Sat 2026-11-21 05:00", false},
		{&Window{TZ: "UTC", Days: []string{"fri"}, From: "22:00", To: "05:00"}, "Sat 2026-11-21 04:59", true},
		{&Window{TZ: "UTC", Days: []string{"fri"}, From: "22:00", To: "05:00"}, "Fri 2026-11-20 04:59", false},
		{&Window{TZ: "UTC", Days: []string{"sat", "sun"}, From: "09:00", To: "17:00"}, "Sun 2026-11-22 16:59", true},
		{&Window{TZ: "Europe/Berlin", From: "02:00", To: "03:00"}, "Fri 2026-11-20 01:30", true},
		{&Window{TZ: "Nowhere/City", From: "00:00", To: "23:59"}, "Fri 2026-11-20 12:00", false},
	} {
		if got := c.w.open(day(c.at), tokyo); got != c.open {
			t.Errorf("%+v at %s: %v", c.w, c.at, got)
		}
	}
	for _, w := range []*Window{{From: "2:00", To: "05:00"}, {From: "02:00", To: "24:00"}, {From: "02:00", To: "02:00"}, {From: "02:00", To: "05:00", Days: []string{"friday"}},
		{From: "02:00", To: "05:00", TZ: "Local"}, {From: "", To: "05:00"}} {
		if w.check() == nil {
			t.Errorf("%+v passes", w)
		}
	}
}

// TestCommandsWaitForTheirWindow: the same window holds for a command.
func TestCommandsWaitForTheirWindow(t *testing.T) {
	inOffice(t, asItIs, func(o *office) {
		c := o.order("agent.restart", "")
		from := time.Now().UTC().Add(30 * time.Minute)
		c.When, c.ReplyBy = &When{Window: &Window{From: from.Format("15:04"), To: from.Add(time.Hour).Format("15:04")}}, At(time.Now().Add(2*time.Hour))
		o.command(c)
		o.pass(20 * time.Minute)
		if got := o.told(c.Jti); !slices.Equal(got, []string{"ACCEPTED ", "DEFERRED "}) {
			t.Errorf("told %q", got)
		}
		o.pass(15 * time.Minute)
		if got := o.told(c.Jti); len(got) != 3 || o.times("agent.restart") != 1 {
			t.Errorf("told %q", got)
		}
	})
}

// Test44WipeComesLast: one signature does not do, and with two
// everything that only this terminal knows is told first.
func Test44WipeComesLast(t *testing.T) {
	total, settled := 300, false
	inOffice(t, func(o *office) {
		o.opt.Sources = []Source{o.numbers(Payments, &total)}
		o.opt.Settled = func() bool { return read(o, &settled) }
	}, func(o *office) {
		hellos := said[Hello](o, UpHello)
		wipe := func() Command {
			c := o.order("terminal.wipe", `{"reason":"stolen"}`)
			c.Nonce = hellos[len(hellos)-1].Nonce
			return c
		}
		single := wipe()
		o.send(DownCommand, false, TypeCommand, single, o.anna)
		o.pass(2 * time.Second)
		if len(o.told(single.Jti)) != 0 || !strings.Contains(strings.Join(o.acts(), "\n"), "REFUSED_SIGNERS") {
			t.Errorf("44: with one signature: told %q, audits %q", o.told(single.Jti), o.acts())
		}
		c := wipe()
		o.send(DownCommand, false, TypeCommand, c, o.anna, o.boris)
		o.pass(5 * time.Minute)
		if got := o.told(c.Jti); !slices.Equal(got, []string{"ACCEPTED ", "DEFERRED "}) || o.times("terminal.wipe") != 0 {
			t.Fatalf("44: with a sale in doubt and nothing acknowledged: told %q", got)
		}
		change(o, &settled, true)
		o.pass(5 * time.Minute)
		if o.times("terminal.wipe") != 0 {
			t.Fatal("44: wiped before its sales were acknowledged")
		}
		for range 100 {
			o.ackAll()
			if o.times("terminal.wipe") > 0 {
				break
			}
			o.pass(10 * time.Second)
		}
		if got := o.told(c.Jti); got[len(got)-1] != "SUCCEEDED " || o.times("terminal.wipe") != 1 || len(o.events(Payments)) != total {
			t.Errorf("44: told %q, wiped %d times, %d of %d payments told", got, o.times("terminal.wipe"), len(o.events(Payments)), total)
		}
	})
}

package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"tillwire/agent"
)

// resultBytes is how much of a result is told.
const resultBytes = 6 << 10

// outcome is how a command ended.
type outcome struct {
	of     *taken
	status CommandStatus
	text   string
	result json.RawMessage
	after  func()
}

// situation is what documents are judged by.
func (a *Agent) situation() Situation {
	_, nonce := a.identity()
	return Situation{Keys: a.opt.Trust.Current(), Time: a.moment(), Nonce: nonce, HighSeq: a.in.high, Known: a.in.known}
}

// incoming deals with one message and acknowledges it to the broker, whatever it
// was; except when our own disk does not take what must be kept, so that it comes
// again.
func (a *Agent) incoming(ctx context.Context, m *Incoming) {
	if a.take(ctx, m.Received) {
		m.Ack()
	}
}

func (a *Agent) take(ctx context.Context, m Received) (done bool) {
	switch m.Channel {
	case DownCommand:
		return a.command(ctx, m)
	case DownAck:
		a.acknowledged(ctx, m)
	case DownConfig:
		a.configure(ctx, m)
	case DownKeys:
		a.newKeys(ctx, m)
	case DownJob:
		a.takeJob(ctx, m)
	default:
		a.opt.Log.Warn("a message on a channel that is not read", "code", "fleet_channel", "channel", string(m.Channel))
	}
	return true
}

// heldMost bounds the documents that wait for a key set.
const heldMost = 32

// refused tells that something was not taken. What no known key signed waits for
// the next key set of this session, because the broker may bring that later.
func (a *Agent) refused(ctx context.Context, m Received, jti string, err error) {
	var r *Refusal
	if !errors.As(err, &r) {
		a.trouble("a document of the fleet could not be judged", "fleet_judge", err)
		return
	}
	if (r.Code == RefusedNoKeys || r.Code == RefusedKey) && len(a.held) < heldMost {
		a.held = append(a.held, m)
		if a.opt.Trust.Current() == nil {
			return // a terminal that is new hears its first documents in any order
		}
	}
	detail := string(m.Channel)
	if jti != "" {
		detail += " " + jti
	}
	if r.Err != nil {
		detail += ": " + r.Err.Error()
	}
	a.alert(ctx, r.Code, detail)
}

// newKeys takes a key set, and then judges anew what waited for it.
func (a *Agent) newKeys(ctx context.Context, m Received) {
	if len(m.Payload) == 0 {
		return
	}
	fresh, err := a.opt.Trust.Offer(ctx, m.Payload, a.moment())
	if err != nil {
		a.refused(ctx, m, "", err)
		return
	}
	if !fresh {
		return
	}
	a.opt.Log.Info("the fleet's signing keys are new", "code", "fleet_keys", "version", a.opt.Trust.Current().Version)
	held := a.held
	a.held = nil
	for _, m := range held {
		if m.Channel != DownKeys {
			a.take(ctx, m)
		}
	}
}

// command judges a command and keeps it before the broker is told that it was
// taken; done is false when our disk did not take it.
func (a *Agent) command(ctx context.Context, m Received) (done bool) {
	c, err := a.judge.Command(m, a.situation())
	now := a.opt.Clock.Now()
	var r *Refusal
	switch {
	case err == nil:
	case errors.As(err, &r) && r.Code == Duplicate:
		a.again(ctx, c, now)
		return true
	case errors.As(err, &r) && r.Authentic && r.Code != RefusedReplay:
	default:
		a.refused(ctx, m, "", err)
		return true
	}
	if !a.lim.take(c.Name, a.opt.Clock.Mono()) {
		a.alert(ctx, RefusedRate, c.Jti)
		return true
	}
	t := &taken{Command: *c, Status: Accepted, At: now}
	if r != nil {
		t.Status, t.Code, t.Text = Refused, r.Code, r.Code.Meaning()
		if r.Err != nil {
			t.Text += " (" + r.Err.Error() + ")"
		}
		if r.Code == Expired {
			t.Status = ExpiredOut
		}
	}
	if err := a.in.take(ctx, a.out, a.origin(), t, now); err != nil {
		a.trouble("a command was not kept, so it was not taken", "fleet_store", err)
		return false
	}
	a.opt.Audit(ctx, "fleet.command", c.Name, fmt.Sprintf("%s by %s: %s %s", c.Jti, c.Actor, t.Status, t.Code))
	return true
}

// echoEvery bounds how often a status is told again: whoever replays a thousand
// commands gets no thousand commits for it.
const echoEvery = time.Second

// again tells the status of a command that was sent twice. It is not done twice.
func (a *Agent) again(ctx context.Context, c *Command, now time.Time) {
	mono := a.opt.Clock.Mono()
	if mono-a.echoed < echoEvery {
		return
	}
	a.echoed = mono
	t := a.in.rows[c.Jti]
	r := t.report(now)
	if r.Status.Final() && r.Code == "" {
		r.Code = Duplicate
	}
	a.trouble("a status was not told again", "fleet_store", a.out.Append(ctx, Commands, a.origin(), []Fact{{Name: "status", At: now, Data: r}}))
}

// recover settles what the end of the last run interrupted.
func (a *Agent) recover(ctx context.Context) error {
	now := a.opt.Clock.Now()
	a.finishApplying(ctx)
	for _, t := range a.in.open() {
		if t.Status != Running {
			continue
		}
		next := *t
		if e, known := Find(t.Command.Name, t.Command.version()); known && e.Restart == RetryInterrupted {
			next.Status = Accepted
			if err := a.in.note(ctx, &next); err != nil {
				return err
			}
			a.in.rows[t.Command.Jti] = &next
			continue
		}
		next.Status, next.Text = Interrupted, "The agent ended in the middle; it may have been done."
		if err := a.in.put(ctx, a.out, a.origin(), &next, now); err != nil {
			return err
		}
	}
	a.recoverJob(ctx)
	return nil
}

// runNext begins the oldest command that can be done now, one at a time.
func (a *Agent) runNext(ctx context.Context) {
	if a.running != nil {
		return
	}
	for _, t := range a.in.open() {
		switch {
		case a.tooLate(t):
			a.settle(ctx, t, ExpiredOut, "Its time passed before it could be done.")
		default:
			why := a.deferred(ctx, t.Command)
			if why == "" {
				a.begin(ctx, t)
				return
			}
			if t.Status == Accepted {
				a.settle(ctx, t, Deferred, why)
			}
		}
	}
}

// deferred says why a command cannot be done yet; "" when it can.
func (a *Agent) deferred(ctx context.Context, c Command) string {
	m := a.moment()
	switch {
	// What the counter notices waits for it, whatever the fleet says: one signature
	// must not be enough to get between a customer and the till.
	case (c.When != nil && c.When.Idle || c.Class == Disruptive) && !a.opt.Idle():
		return "A payment holds a lane."
	case c.When != nil && c.When.Window != nil && (m.Quality == Unknown || !c.When.Window.open(m.certain(), a.opt.Zone)):
		return "It waits for its window."
	case c.last() && !a.told(ctx):
		return "Payments are open, or the fleet has not acknowledged all of them yet. That comes first."
	}
	return ""
}

// told reports that nothing is lost with this terminal: nothing of a payment
// waits, and the fleet has acknowledged every row of the journal.
func (a *Agent) told(ctx context.Context) bool {
	if !a.opt.Settled() {
		return false
	}
	for _, s := range a.opt.Sources {
		if mark := a.out.Marks()[s.Stream]; mark.First <= mark.Last {
			return false
		}
		var after string
		if err := a.loadNumber(ctx, markOf(s.Stream), &after); err != nil {
			return false
		}
		if facts, _, err := s.Read(ctx, after, 1); err != nil || len(facts) > 0 {
			return false
		}
	}
	return true
}

// tooLate reports that a command that was taken cannot be done any more.
func (a *Agent) tooLate(t *taken) bool {
	until := t.Command.Exp.Time
	switch waits := t.Command.When != nil || t.Command.Class == Disruptive || t.Command.last(); {
	case waits && !t.Command.ReplyBy.IsZero():
		until = t.Command.ReplyBy.Time
	case t.Command.last(): // it was taken in time, and telling everything may take a while
		until = t.Command.Iat.Add(longest)
	}
	return a.moment().ended(until)
}

// settle keeps and tells a new status.
func (a *Agent) settle(ctx context.Context, t *taken, status CommandStatus, text string) {
	next := *t
	next.Status, next.Text = status, text
	a.trouble("a command's status was not kept", "fleet_store", a.in.put(ctx, a.out, a.origin(), &next, a.opt.Clock.Now()))
}

// begin does a command beside the loop. What must not be done twice is on the
// disk as begun first.
func (a *Agent) begin(ctx context.Context, t *taken) {
	e, known := Find(t.Command.Name, t.Command.version())
	do := a.opt.Handlers[t.Command.Name]
	if !known || do == nil {
		a.settle(ctx, t, Failed, RefusedUnknown.Meaning()) // of a version before this one
		return
	}
	next := *t
	next.Status = Running
	if e.Restart == ReportInterrupted {
		if err := a.in.note(ctx, &next); err != nil {
			a.trouble("a command was not begun", "fleet_store", err)
			return
		}
	}
	a.in.rows[t.Command.Jti], a.running = &next, &next
	go func() {
		limited, cancel := context.WithTimeout(ctx, e.Limit)
		defer cancel()
		a.tell(ctx, event{done: perform(limited, do, &next)})
	}()
}

// perform calls the handler; one that panics has failed.
func perform(ctx context.Context, do Handler, t *taken) (o *outcome) {
	o = &outcome{of: t, status: Failed}
	defer func() {
		if p := recover(); p != nil {
			o.status, o.text = Failed, fmt.Sprintf("The program made a mistake: %v", p)
		}
	}()
	result, after, err := do(ctx, t.Command.Args)
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		o.status, o.text = TimedOut, "It took longer than it may."
	case err != nil:
		o.text = sayOf(err)
	default:
		o.status, o.after = Succeeded, after
	}
	if result == nil {
		return o
	}
	raw, err := json.Marshal(result)
	switch {
	case err != nil:
		o.status, o.text = Failed, "The result cannot be written: "+err.Error()
	case len(raw) > resultBytes:
		o.text = fmt.Sprintf("The result has %d bytes and is not told.", len(raw))
	default:
		o.result = raw
	}
	return o
}

// sayOf is an error in words for a person.
func sayOf(err error) string {
	var e *agent.Error
	if errors.As(err, &e) && e.Say.English != "" {
		return e.Say.English
	}
	return err.Error()
}

// finished keeps how a command ended, and only then lets its consequence happen.
func (a *Agent) finished(ctx context.Context, o *outcome) {
	a.running = nil
	next := *o.of
	next.Status, next.Text, next.Result = o.status, o.text, o.result
	if err := a.in.put(ctx, a.out, a.origin(), &next, a.opt.Clock.Now()); err != nil {
		a.trouble("a command's end was not kept", "fleet_store", err)
		// In memory it has ended all the same: it is not done twice in this run.
		a.in.rows[next.Command.Jti] = &next
		return
	}
	a.opt.Log.Info("a command of the fleet", "code", "fleet_command", "name", next.Command.Name, "jti", next.Command.Jti, "actor", next.Command.Actor, "status", string(next.Status))
	if a.isLive() {
		a.send(ctx)
	}
	if o.after != nil {
		o.after()
	}
}

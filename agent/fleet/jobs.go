package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tillwire/agent"
)

const jobKey = "job/now"

// How long a job waits before its next try, doubled each time.
const (
	firstRetry   = time.Minute
	longestRetry = time.Hour
)

// Work is how a terminal does one type of job.
type Work struct {
	Class   Class         // what the owner may refuse
	Restart OnRestart     // of one that the agent's end interrupted
	Limit   time.Duration // how long one try may take
	Check   func(doc json.RawMessage) error
	// Do does it, at a time when the counter does not need the terminal. What it
	// answers is told; an error is tried again as often as the job says.
	Do func(ctx context.Context, doc json.RawMessage) (text string, err error)
}

// jobState is the job in hand, or the last one.
type jobState struct {
	Job    Job       `json:"job"`
	Status JobStatus `json:"status"`
	Code   Code      `json:"code,omitempty"`
	Text   string    `json:"text,omitempty"`
	Tries  int       `json:"tries,omitempty"`

	again time.Duration // no further try before, in this run
}

func (j jobState) open() bool { return j.Job.Jti != "" && !j.Status.Final() }

func (j jobState) report(now time.Time) JobReport {
	return JobReport{Jti: j.Job.Jti, Type: j.Job.Type, Status: j.Status, Code: j.Code, Text: j.Text, Tries: j.Tries, Campaign: j.Job.Campaign, Ring: j.Job.Ring, At: At(now)}
}

func (j jobState) to(status JobStatus, code Code, text string) jobState {
	j.Status, j.Code, j.Text = status, code, text
	return j
}

// jobEnd is how one try ended.
type jobEnd struct {
	text string
	err  error
}

func (a *Agent) loadJob(ctx context.Context) error { return a.loadNumber(ctx, jobKey, &a.job) }

// worksOf are the types of jobs that a terminal does: those it was given, and
// settings, which are its own.
func worksOf(given map[string]Work, settings Settings) map[string]Work {
	all := map[string]Work{}
	if settings != nil {
		all[JobTypeConfig] = Work{Class: Safe, Restart: RetryInterrupted, Check: checkConfigDoc}
	}
	maps.Copy(all, given)
	return all
}

// takeJob takes the job that the fleet wants done now. An empty message is the
// broker's word and nobody's signature: what was taken is withdrawn by a job of
// the type none, or replaced by another one.
func (a *Agent) takeJob(ctx context.Context, m Received) {
	if len(m.Payload) == 0 {
		return
	}
	j, err := a.judge.Job(m, a.situation())
	switch {
	case err != nil:
		a.refused(ctx, m, "", err)
		return
	case j.Jti == a.job.Job.Jti:
		return
	case j.Rev <= a.job.Job.Rev:
		a.alert(ctx, RefusedRev, fmt.Sprintf("job %s: revision %d, %d was taken", j.Jti, j.Rev, a.job.Job.Rev))
		return
	case a.job.Status == JobActivating || a.job.Status == JobSoaking && !a.config.waits():
		a.nextJob = &m // what has begun is finished first
		return
	}
	var before []Fact
	if now := a.opt.Clock.Now(); a.job.open() {
		canceled := a.job.to(JobCanceled, "", "Another job took its place.")
		before = append(before, Fact{Name: "status", At: now, Data: canceled.report(now)})
	}
	if a.putJob(ctx, a.judged(j), before...) {
		a.opt.Audit(ctx, "fleet.job", j.Type, fmt.Sprintf("%s by %s: %s %s", j.Jti, j.Iss, a.job.Status, a.job.Code))
	}
}

// judged is a new job as far as its type and its owner go.
func (a *Agent) judged(j *Job) jobState {
	next := jobState{Job: *j}
	work, known := a.works[j.Type]
	switch {
	case j.Type == JobTypeNone:
		return next.to(JobSucceeded, "", "Nothing is to be done.")
	case !known:
		types := append(slices.Collect(maps.Keys(a.works)), JobTypeNone)
		slices.Sort(types)
		return next.to(JobRejected, RefusedUnknown, fmt.Sprintf("This terminal does no jobs of the type %s. It knows %s.", j.Type, strings.Join(types, ", ")))
	case !a.opt.Allowed(work.Class):
		return next.to(JobRejected, RefusedPolicy, RefusedPolicy.Meaning())
	}
	if work.Check != nil {
		if err := work.Check(j.Doc); err != nil {
			return next.to(JobRejected, RefusedMalformed, err.Error())
		}
	}
	return next.to(JobQueued, "", "")
}

// putJob keeps the job and tells its status, in one commit.
func (a *Agent) putJob(ctx context.Context, next jobState, before ...Fact) bool {
	now := a.opt.Clock.Now()
	value, err := json.Marshal(next)
	if err == nil {
		facts := append(before, Fact{Name: "status", At: now, Data: next.report(now)})
		err = a.out.Append(ctx, Jobs, a.origin(), facts, agent.FleetItem{Key: jobKey, Value: value})
	}
	a.trouble("a job's status was not kept", "fleet_store", err)
	if err == nil {
		a.job = next
	}
	return err == nil
}

// recoverJob settles what the end of the last run interrupted. Settings in whose
// middle it was have been finished before.
func (a *Agent) recoverJob(ctx context.Context) {
	if a.job.Status != JobActivating {
		return
	}
	switch work, known := a.works[a.job.Job.Type]; {
	case a.job.Job.Type == JobTypeConfig && a.inForce(a.job.Job):
		a.putJob(ctx, a.job.to(JobSoaking, "", ""))
	case known && work.Restart == RetryInterrupted:
		a.putJob(ctx, a.job.to(JobQueued, "", "The agent ended in the middle."))
	default:
		a.putJob(ctx, a.job.to(JobFailed, "", "The agent ended in the middle; it may have been done."))
	}
}

// runJob brings the job on its way as far as it can go now.
func (a *Agent) runJob(ctx context.Context) {
	if !a.job.open() || a.working {
		return
	}
	if a.job.Status == JobSoaking {
		a.soak(ctx)
		return
	}
	switch why := a.jobWaits(); {
	case a.moment().ended(a.job.Job.Deadline.Time):
		a.putJob(ctx, a.job.to(JobTimedOut, "", "Its time passed before it could be done."))
	case a.opt.Clock.Mono() < a.job.again:
	case why == "":
		a.beginJob(ctx)
	case a.job.Status == JobQueued:
		a.putJob(ctx, a.job.to(JobWaiting, "", why))
	}
}

// jobWaits says why the job cannot begin now; "" when it can.
func (a *Agent) jobWaits() string {
	j, m := a.job.Job, a.moment()
	forced := !j.ForceAfter.IsZero() && m.ended(j.ForceAfter.Time)
	switch {
	case !j.NotBefore.IsZero() && !m.ended(j.NotBefore.Time):
		return "It is not its time yet."
	case j.Window != nil && !forced && m.Quality == Unknown:
		return "The terminal does not know the time, and the job has a window."
	case !forced && !j.Window.open(m.certain(), a.opt.Zone):
		return "It waits for its window."
	case a.running != nil:
		return "A command is being done."
	case !a.opt.Idle():
		return "A payment holds a lane."
	}
	return ""
}

// beginJob begins a try. That it has begun is on the disk first.
func (a *Agent) beginJob(ctx context.Context) {
	next := a.job.to(JobActivating, "", "")
	next.Tries++
	if !a.putJob(ctx, next) {
		return
	}
	if next.Job.Type == JobTypeConfig {
		a.configJob(ctx)
		return
	}
	work := a.works[next.Job.Type]
	if work.Do == nil { // of a version before this one
		a.jobEnded(ctx, jobEnd{err: fmt.Errorf("this version does no jobs of the type %s", next.Job.Type)})
		return
	}
	a.working = true
	go func() {
		limited, cancel := context.WithTimeout(ctx, work.Limit)
		defer cancel()
		end := try(limited, work, next.Job.Doc)
		a.tell(ctx, event{job: &end})
	}()
}

// try calls the work; one that panics has failed.
func try(ctx context.Context, w Work, doc json.RawMessage) (end jobEnd) {
	defer func() {
		if p := recover(); p != nil {
			end.err = fmt.Errorf("the program made a mistake: %v", p)
		}
	}()
	end.text, end.err = w.Do(ctx, doc)
	return end
}

// jobEnded keeps how a try ended. A newer job that came meanwhile has its turn.
func (a *Agent) jobEnded(ctx context.Context, end jobEnd) {
	a.working = false
	var next jobState
	switch {
	case end.err == nil:
		next = a.job.to(JobSucceeded, "", end.text)
	case a.job.Tries < a.job.Job.MaxTries:
		next = a.job.to(JobQueued, "", sayOf(end.err))
		next.again = a.opt.Clock.Mono() + min(firstRetry<<min(a.job.Tries-1, 8), longestRetry)
	default:
		next = a.job.to(JobFailed, CodeOf(end.err), sayOf(end.err))
	}
	a.endJob(ctx, next)
}

func (a *Agent) endJob(ctx context.Context, next jobState) {
	if !a.putJob(ctx, next) {
		a.job = next // in memory it has ended all the same: it is not done twice in this run
	}
	a.opt.Log.Info("a job of the fleet", "code", "fleet_job", "type", next.Job.Type, "jti", next.Job.Jti, "status", string(next.Status))
	if m := a.nextJob; m != nil {
		a.nextJob = nil
		a.takeJob(ctx, *m)
	}
}

// ConfigDoc is the document of a job of the type config: settings that change in
// the job's window and not as soon as they arrive.
type ConfigDoc struct {
	Rev  uint64            `json:"rev"`  // counted with those of Config
	Hash string            `json:"hash"` // HashOf(Cfg)
	Cfg  map[string]string `json:"cfg"`
}

func checkConfigDoc(doc json.RawMessage) error {
	var d ConfigDoc
	if err := strict(doc, &d); err != nil {
		return fmt.Errorf("%w: doc: %w", errMember, err)
	}
	if d.Rev == 0 || len(d.Cfg) > maxConfig || d.Hash != HashOf(d.Cfg) {
		return fmt.Errorf("%w: rev, cfg or hash of doc", errMember)
	}
	return nil
}

// configOf is the document of a job that was checked when it was taken.
func configOf(j Job) (d ConfigDoc, err error) { return d, json.Unmarshal(j.Doc, &d) }

// inForce reports that the terminal has the settings of a job, on trial or not.
func (a *Agent) inForce(j Job) bool {
	d, err := configOf(j)
	return err == nil && a.config.Rev == d.Rev && a.config.Hash == d.Hash
}

// configJob changes the settings; their trial is the job's soak.
func (a *Agent) configJob(ctx context.Context) {
	j := a.job.Job
	d, err := configOf(j)
	if err == nil {
		err = a.want(ctx, d.Rev, d.Hash, j.Iss, d.Cfg)
	}
	var r *Refusal
	switch {
	case errors.As(err, &r): // trying again would end the same
		a.endJob(ctx, a.job.to(JobFailed, r.Code, r.Err.Error()))
	case err != nil:
		a.jobEnded(ctx, jobEnd{err: err})
	default:
		a.putJob(ctx, a.job.to(JobSoaking, "", ""))
	}
}

// soak watches the settings of a job on their trial.
func (a *Agent) soak(ctx context.Context) {
	switch {
	case !a.inForce(a.job.Job):
		a.endJob(ctx, a.job.to(JobCanceled, "", "Another configuration took its place."))
	case a.nextJob != nil && a.config.waits():
		a.endJob(ctx, a.job.to(JobCanceled, "", "Its settings wait for a restart or for the line; another job took its place."))
	case a.config.Status == ConfigApplied:
		a.endJob(ctx, a.job.to(JobSucceeded, "", ""))
	case a.config.Status == ConfigReverted:
		a.endJob(ctx, a.job.to(JobRolledBack, "", "It cut the way to the wallets and was taken back."))
	}
}

package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"tillwire/agent"
)

const configKey = "config"

// configApplying is kept while settings are being changed; it is never told.
const configApplying ConfigStatus = "applying"

// configState is the configuration in force.
type configState struct {
	Rev    uint64            `json:"rev"`
	Hash   string            `json:"hash"`
	Cfg    map[string]string `json:"cfg"`
	Status ConfigStatus      `json:"status"`
	Text   string            `json:"text,omitempty"` // what there is to say beside the status
	Iss    string            `json:"iss"`
	At     time.Time         `json:"at"`

	Effects map[string]string `json:"effects,omitempty"`
	trialState
}

func (a *Agent) loadConfig(ctx context.Context) error {
	a.config.Status = ConfigNone
	if err := a.loadNumber(ctx, configKey, &a.config); err != nil {
		return err
	}
	a.config.resume(a.run, a.opt.Clock.Mono())
	a.config.remark()
	a.show(a.config.report())
	return nil
}

func (c configState) report() ConfigReport {
	return ConfigReport{V: Wire, Rev: c.Rev, Hash: c.Hash, Status: c.Status, Text: c.Text, At: At(c.At), Effects: c.Effects}
}

// show makes a report the one that is told.
func (a *Agent) show(r ConfigReport) {
	if r.At.IsZero() {
		r.At = Stamp{}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.configShown = r
}

func (a *Agent) sayConfig(ctx context.Context) {
	a.mu.Lock()
	r := a.configShown
	a.mu.Unlock()
	_ = a.say(ctx, UpConfig, r)
}

// tellConfig shows a report and tells it while there is a connection.
func (a *Agent) tellConfig(ctx context.Context, r ConfigReport) {
	a.show(r)
	if a.isLive() {
		a.sayConfig(ctx)
	}
}

// configure takes a desired configuration: a newer revision, whole or not at all.
func (a *Agent) configure(ctx context.Context, m Received) {
	if len(m.Payload) == 0 {
		return
	}
	c, err := a.judge.Config(m, a.situation())
	switch {
	case CodeOf(err) == RefusedPolicy && c.Rev > a.config.Rev:
		_ = a.refuseConfig(ctx, c.Rev, c.Hash, RefusedPolicy, RefusedPolicy.Meaning())
		return
	case CodeOf(err) == RefusedPolicy: // one from before the owner said so
		return
	case err != nil:
		a.refused(ctx, m, "", err)
		return
	}
	if err := a.want(ctx, c.Rev, c.Hash, c.Iss, c.Cfg); CodeOf(err) == "" {
		a.trouble("a configuration was not taken", "fleet_store", err)
	}
}

// refuseConfig tells that a configuration was not taken, and answers the Refusal.
func (a *Agent) refuseConfig(ctx context.Context, rev uint64, hash string, code Code, text string) error {
	a.alert(ctx, code, fmt.Sprintf("configuration %d: %s", rev, text))
	a.tellConfig(ctx, ConfigReport{V: Wire, Rev: rev, Hash: hash, Status: ConfigRefused, Code: code, Text: text, At: At(a.opt.Clock.Now())})
	return refuseAuthentic(code, errors.New(text))
}

// want brings settings into force, whole or not at all. A Refusal was told as the
// state of the configuration; another error is the store's.
func (a *Agent) want(ctx context.Context, rev uint64, hash, iss string, cfg map[string]string) error {
	refuse := func(code Code, text string) error { return a.refuseConfig(ctx, rev, hash, code, text) }
	switch {
	case rev == a.config.Rev && hash == a.config.Hash:
		return nil
	case rev <= a.config.Rev:
		return refuse(RefusedRev, fmt.Sprintf("Revision %d is in force.", a.config.Rev))
	case a.opt.Settings == nil:
		return refuse(RefusedUnknown, "This terminal takes no settings from the fleet.")
	}
	return a.apply(ctx, rev, hash, iss, cfg, refuse)
}

// apply changes the settings through their one door. What they replace is on the
// disk before, so that a power cut in between cannot lose the way back.
func (a *Agent) apply(ctx context.Context, rev uint64, hash, iss string, cfg map[string]string, refuse func(Code, string) error) error {
	before := a.config
	next := configState{Rev: rev, Hash: hash, Cfg: cfg, Iss: iss, Status: configApplying, At: a.opt.Clock.Now(), trialState: before.next()}
	for key := range cfg {
		text, known := a.opt.Settings.Current(key)
		if !known {
			return refuse(RefusedValue, fmt.Sprintf("There is no setting %q.", key))
		}
		if _, older := next.Previous[key]; !older {
			next.Previous[key] = text
		}
	}
	if err := a.keepConfig(ctx, next); err != nil {
		return fmt.Errorf("a configuration was not kept, so it was not applied: %w", err)
	}
	effects, err := a.opt.Settings.Apply(ctx, cfg, "fleet:"+iss)
	if err != nil {
		a.config = before
		a.trouble("the configuration before was not kept", "fleet_store", a.keepConfig(ctx, before))
		return refuse(RefusedValue, sayOf(err))
	}
	a.tried(ctx, next, effects)
	return nil
}

// finishApplying applies a configuration once more in whose middle the agent
// ended. Where that does not work, the document counts as not yet seen.
func (a *Agent) finishApplying(ctx context.Context) {
	if a.config.Status != configApplying {
		return
	}
	if a.opt.Settings != nil {
		effects, err := a.opt.Settings.Apply(ctx, a.config.Cfg, "fleet:"+a.config.Iss)
		if err == nil {
			a.tried(ctx, a.config, effects)
			return
		}
		a.trouble("a configuration could not be finished", "fleet_config", err)
	}
	a.config = configState{Status: ConfigNone}
	a.trouble("a configuration was not kept", "fleet_store", a.keepConfig(ctx, a.config))
	a.show(a.config.report())
}

func (a *Agent) keepConfig(ctx context.Context, c configState) error {
	value, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return a.opt.Store.Save(ctx, agent.FleetItem{Key: configKey, Value: value})
}

var errNoConfig = errors.New("the fleet has sent no configuration yet")

// reapply is config.reapply: the configuration in force once more, after somebody
// at the terminal has changed what it says.
func (a *Agent) reapply(ctx context.Context) (map[string]string, error) {
	var kept configState
	if err := a.loadNumber(ctx, configKey, &kept); err != nil {
		return nil, err
	}
	if kept.Rev == 0 || kept.Status == ConfigReverted || a.opt.Settings == nil {
		return nil, errNoConfig
	}
	return a.opt.Settings.Apply(ctx, kept.Cfg, "fleet:"+kept.Iss)
}

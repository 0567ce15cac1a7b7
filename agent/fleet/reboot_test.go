package fleet

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"
)

// TestAMachineIsRestartedOnceAnHour: whether it is the machine or the agent on it, a
// stolen key does not keep a shop from opening.
func TestAMachineIsRestartedOnceAnHour(t *testing.T) {
	inOffice(t, asItIs, func(o *office) {
		order := func() string {
			c := o.order("device.reboot", "")
			o.command(c)
			return c.Jti
		}
		order()
		second := order()
		o.restart() // the machine is back, and the hour goes on
		o.command(o.order("agent.restart", ""))
		o.pass(50 * time.Minute)
		order()
		if o.times("device.reboot") != 1 || o.times("agent.restart") != 0 {
			t.Errorf("in an hour %d restarts of the machine and %d of the agent", o.times("device.reboot"), o.times("agent.restart"))
		}
		if got := o.told(second); len(got) != 0 || !slices.Contains(o.alerts(), string(RefusedRate)) {
			t.Errorf("of one too many it is told %q, and the alerts are %q", got, o.alerts())
		}
		o.pass(11 * time.Minute)
		order()
		if o.times("device.reboot") != 2 {
			t.Errorf("after an hour it is restarted %d times", o.times("device.reboot"))
		}
	})
}

// TestARestartThatEndsTheAgentIsToldAfterwards: the machine goes down before its agent
// can say that it does.
func TestARestartThatEndsTheAgentIsToldAfterwards(t *testing.T) {
	inOffice(t, func(o *office) {
		o.opt.Handlers["device.reboot"] = func(ctx context.Context, _ json.RawMessage) (any, func(), error) {
			o.mu.Lock()
			o.did["device.reboot"]++
			o.mu.Unlock()
			<-ctx.Done()
			return nil, nil, ctx.Err()
		}
	}, func(o *office) {
		c := o.order("device.reboot", "")
		o.command(c)
		o.restart()
		o.pass(time.Minute)
		if got := o.told(c.Jti); !slices.Equal(got, []string{"ACCEPTED ", "INTERRUPTED "}) || o.times("device.reboot") != 1 {
			t.Errorf("told %q, done %d times", got, o.times("device.reboot"))
		}
	})
}

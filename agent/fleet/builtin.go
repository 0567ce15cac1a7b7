package fleet

import (
	"context"
	"encoding/json"
	"maps"
	"time"
)

// builtin are the commands that concern nothing but the fleet's side itself. One
// that the options bring takes the place of its namesake here.
func (a *Agent) builtin(given map[string]Handler) map[string]Handler {
	all := map[string]Handler{
		"ping": func(context.Context, json.RawMessage) (any, func(), error) {
			return map[string]any{"boot": a.boot, "up_s": int64(a.uptime() / time.Second), "ver": a.opt.Version}, nil, nil
		},
		"state.refresh": func(context.Context, json.RawMessage) (any, func(), error) {
			return nil, func() { a.now("state") }, nil // on the loop, like everything behind a result
		},
		"metrics.snapshot": func(context.Context, json.RawMessage) (any, func(), error) { return a.opt.Digest(), nil, nil },
	}
	if a.opt.Settings != nil {
		all["config.reapply"] = func(ctx context.Context, _ json.RawMessage) (any, func(), error) {
			effects, err := a.reapply(ctx)
			return effects, nil, err
		}
	}
	maps.Copy(all, given)
	return all
}

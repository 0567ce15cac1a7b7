package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"tillwire/agent"
)

// shopReady is what `demo --ready-file` writes. Programs outside this
// repository read it.
type shopReady struct {
	Register      string      `json:"register"`
	Owner         string      `json:"owner"`
	API           string      `json:"api"`
	Token         string      `json:"token"`
	CashierPIN    string      `json:"cashier_pin"`
	ManagerPIN    string      `json:"manager_pin"`
	OwnerPassword string      `json:"owner_password"`
	Phone         string      `json:"phone"`
	Sandbox       string      `json:"sandbox"`
	MQTT          string      `json:"mqtt"`
	Fleet         fleetReady  `json:"fleet"`
	DataDir       string      `json:"data_dir"`
	Config        string      `json:"config"`
	AgentPID      int         `json:"agent_pid"`
	CloudPID      int         `json:"cloud_pid"`
	Lanes         []laneReady `json:"lanes"`
}

// laneReady is a lane for whoever plays its scanner or reads its display.
type laneReady struct {
	ID      string `json:"id"`
	Scanner string `json:"scanner"` // what scanner bytes are written to
	Display string `json:"display"`
}

// prober asks the agent whether the shop is open.
type prober struct {
	clock  agent.Clock
	client *http.Client
	ready  shopReady
	attend func(context.Context) error // whether the terminal is at the fleet's broker
}

// newProber asks with a short patience: an agent that hangs is not ready.
func newProber(clock agent.Clock, r shopReady, attend func(context.Context) error) *prober {
	return &prober{clock: clock, client: &http.Client{Timeout: 2 * time.Second}, ready: r, attend: attend}
}

// probePause is how often the shop is asked whether it is open.
const probePause = 50 * time.Millisecond

// wait returns when the pages answer and every lane's scanner is ready, or with
// ctx. Now and then it says what is still missing.
func (p *prober) wait(ctx context.Context, say func(missing error)) error {
	last := p.clock.Mono()
	for {
		err := p.check(ctx)
		if err == nil {
			return nil
		}
		if p.clock.Mono()-last > 10*time.Second {
			last = p.clock.Mono()
			say(err)
		}
		select {
		case <-p.clock.After(probePause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// check is one look: the register as anybody sees it, the devices as a till does.
func (p *prober) check(ctx context.Context) error {
	if _, err := p.get(ctx, p.ready.Register); err != nil {
		return err
	}
	body, err := p.get(ctx, p.ready.API+"/status")
	if err != nil {
		return err
	}
	var status struct {
		Devices []struct{ Kind, Lane, State, Reason string }
	}
	if err := json.Unmarshal(body, &status); err != nil {
		return fmt.Errorf("the agent's status cannot be read: %w", err)
	}
	states := map[string]string{}
	for _, d := range status.Devices {
		if d.Kind == "scanner" {
			states[d.Lane] = d.State
			if d.Reason != "" {
				states[d.Lane] += " (" + d.Reason + ")"
			}
			if d.State == "ready" {
				states[d.Lane] = "ready"
			}
		}
	}
	for _, l := range p.ready.Lanes {
		if states[l.ID] != "ready" {
			return fmt.Errorf("the scanner of lane %s is %q", l.ID, states[l.ID])
		}
	}
	return p.attend(ctx)
}

// get is one request, answered with 200 or an error.
func (p *prober) get(ctx context.Context, url string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	// The register is asked without the token: it must answer everybody.
	if url != p.ready.Register {
		r.Header.Set("Authorization", "Bearer "+p.ready.Token)
	}
	response, err := p.client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("the agent does not answer yet: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 4<<20))
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", url, response.Status)
	}
	return body, nil
}

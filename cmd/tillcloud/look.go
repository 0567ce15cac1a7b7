package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// mostLook bounds what the agent answers a phone's camera.
const mostLook = 1 << 20

// display reads what a lane's display shows, as a camera in front of it would: the
// open payment of the lane that has a code. A phone in the demo has no lens.
func (sh *shop) display(ctx context.Context, lane string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+local(sh.memory.Ports.Agent)+"/api/v1/payments?status=open", nil)
	if err != nil {
		return "", err
	}
	r.Header.Set("Authorization", "Bearer "+sh.memory.Token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, mostLook))
	if err != nil {
		return "", err
	}
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the agent answers %s", answer.Status)
	}
	var open struct {
		Payments []struct{ Lane, QR string }
	}
	if err := json.Unmarshal(body, &open); err != nil {
		return "", err
	}
	for _, p := range open.Payments {
		if p.Lane == lane && p.QR != "" {
			return p.QR, nil
		}
	}
	return "", nil
}

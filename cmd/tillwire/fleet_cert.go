package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"tillwire/agent"
	"tillwire/agent/fleet"
	"tillwire/agent/fleet/enrol"
)

// How often the certificate is looked at, and from when on a person should know
// that it could not be renewed.
const (
	certificateLook = 6 * time.Hour
	certificateLate = 20 * 24 * time.Hour
	certificateTry  = time.Minute // of one renewal
)

// renews reports that the terminal joined by itself, so that it can ask for its
// next certificate.
func (f fleetConfig) renews() bool {
	return f.on() && f.Office != "" && f.CA != "" && f.Certificate != "" && f.Key != ""
}

// renewCertificate asks the office for the next certificate and puts it in the
// place of the present one; the next connection uses it.
func (d *agentd) renewCertificate(ctx context.Context) (end time.Time, err error) {
	f := d.config.Fleet
	text, err := os.ReadFile(f.Key)
	if err != nil {
		return end, err
	}
	key, err := enrol.ReadKey(text)
	if err != nil {
		return end, fmt.Errorf("%s: %w", f.Key, err)
	}
	trust, err := officeTLS(f.CA, f.Certificate, f.Key)
	if err != nil {
		return end, err
	}
	desk, err := enrol.Reach(f.Office, trust, d.clock)
	if err != nil {
		return end, err
	}
	ctx, cancel := context.WithTimeout(ctx, certificateTry)
	defer cancel()
	next, err := desk.Renew(ctx, key)
	if err != nil {
		return end, err
	}
	if err := key.Fits(next.Certificate, fleet.TID(f.TID)); err != nil {
		return end, fmt.Errorf("the office sent what is not for this terminal: %w", err)
	}
	if _, end, err = enrol.Due([]byte(next.Certificate)); err != nil {
		return end, err
	}
	if err := writeFile(f.Certificate, []byte(next.Certificate)); err != nil {
		return end, fmt.Errorf("the new certificate cannot be kept: %w", err)
	}
	d.log.Info("the fleet's certificate is renewed", "comp", "fleet", "code", "cert_renewed", "until", end.Format(time.RFC3339))
	return end, nil
}

// keepCertificate renews the certificate after two thirds of its life.
func (d *agentd) keepCertificate(ctx context.Context) {
	for ctx.Err() == nil {
		text, err := os.ReadFile(d.config.Fleet.Certificate)
		if err == nil {
			var renew time.Time
			renew, _, err = enrol.Due(text)
			if err == nil && !d.clock.Now().Before(renew) {
				_, err = d.renewCertificate(ctx)
			}
		}
		if err != nil && ctx.Err() == nil {
			d.log.Warn("the fleet's certificate is not renewed", "comp", "fleet", "code", "cert_renew", "err", err)
		}
		select {
		case <-ctx.Done():
		case <-d.clock.After(certificateLook):
		}
	}
}

// certificateProblem says so when the certificate is about to end.
func (d *agentd) certificateProblem() []agent.Problem {
	text, err := os.ReadFile(d.config.Fleet.Certificate)
	if err != nil {
		return nil // said with the configuration
	}
	_, end, err := enrol.Due(text)
	if err != nil || end.After(d.clock.Now().Add(certificateLate)) {
		return nil
	}
	return []agent.Problem{{Since: end.Add(-certificateLate), ID: "problem.certificate", Args: []string{end.Format(time.DateOnly)}, What: fmt.Sprintf("The terminal's certificate for its fleet ends on %s and could not be renewed.", end.Format(time.DateOnly)),
		Do: "Check the way to the fleet's office, or join anew with `tillwire enrol`. Selling is not affected."}}
}

// renewNow is the command cert.renew.
func (d *agentd) renewNow(ctx context.Context, _ json.RawMessage) (any, func(), error) {
	end, err := d.renewCertificate(ctx)
	if err != nil {
		return nil, nil, err
	}
	return map[string]any{"until": fleet.At(end)}, nil, nil
}

// fleetWorks are the types of jobs that this terminal does beyond settings.
func (d *agentd) fleetWorks() map[string]fleet.Work {
	if !d.config.Fleet.renews() {
		return nil
	}
	return map[string]fleet.Work{"cert": {Class: fleet.Safe, Restart: fleet.RetryInterrupted, Limit: 2 * certificateTry,
		Do: func(ctx context.Context, _ json.RawMessage) (string, error) {
			end, err := d.renewCertificate(ctx)
			if err != nil {
				return "", err
			}
			return "valid to " + end.Format(time.DateOnly), nil
		}}}
}

//go:build faultfs

package disk_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
	"tillwire/cmd/tillcloud/lab"
)

// resume builds the image once more and lets the real engine take it to its end,
// with the cloud as it was: the ledger before the first request that came after the
// cut. The power stays away for a while of the seed's choice.
func (c *cutting) resume(t *testing.T, i, cut int, p promise) (found []lab.Violation, err error) {
	t.Helper()
	dir := filepath.Join(c.dir, "resumed")
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.MkdirAll(filepath.Join(dir, "agent"), 0o700); err != nil {
		return nil, err
	}
	if _, err := c.film.tape.Image(cut, uint64(i), filepath.Join(dir, "agent")); err != nil {
		return nil, err
	}
	if err := errors.Join(layWitness(filepath.Join(dir, "agent"), c.witness(i, cut)), putLedger(dir, c.film.ledgers[p.arrivals])); err != nil {
		return nil, err
	}
	dark := lab.Pick(lab.NewDice("C1 dark", c.seed*1000+uint64(i)), 0, time.Second, 10*time.Second, time.Minute, 10*time.Minute, 3*time.Hour)
	// Every other time whoever has an accepted code tries it again first.
	found, spent, err := resumed(t, workOf(c.seed), dir, p, dark, i%(2*resumedEvery) == 0)
	c.r.Count("codes refused as spent after a cut", float64(spent))
	return found, err
}

func putLedger(dir string, ledger []byte) error {
	if err := os.MkdirAll(filepath.Dir(ledgerIn(dir)), 0o700); err != nil {
		return err
	}
	return os.WriteFile(ledgerIn(dir), ledger, 0o600)
}

// resumed starts the agent of a folder and judges what it comes to. With replays the
// line is down at first, and codes that were accepted before are shown again; spent is
// how many of those the disk refused.
func resumed(t *testing.T, w work, dir string, p promise, dark time.Duration, replays bool) (found []lab.Violation, spent int, err error) {
	t.Helper()
	pair, err := keys()
	if err != nil {
		return nil, 0, err
	}
	synctest.Test(t, func(t *testing.T) {
		clock := lab.NewClock()
		wait(p.at + dark)
		l := &line{network: lab.NewNetwork()}
		replays = replays && len(p.took) > 0
		l.cut.Store(replays)
		var shop *lab.Shop
		shop, err = lab.Open(t.Context(), w.options(lab.Options{Dir: dir, Clock: clock, Keys: pair, Network: l.network, Dial: l.dial, Lanes: 2, Free: roomy,
			Gone: func(orderNo string) bool { return slices.Contains(p.gone, orderNo) }}))
		if err != nil {
			return
		}
		defer func() { err = errors.Join(err, shop.Close()) }()
		for id, a := range p.held {
			shop.Promised(id, a.version)
		}
		if replays {
			spent, found, err = replayed(t.Context(), shop, p)
			l.cut.Store(false)
		}
		if err == nil {
			err = shop.Settle(t.Context(), 4*time.Minute, wait)
		}
		if err == nil {
			var judged []lab.Violation
			judged, err = shop.Judge(t.Context())
			found = append(found, judged...)
		}
	})
	return found, spent, err
}

// again looks once more at what an earlier run of a seed has kept, byte for byte.
func again(t *testing.T, r *lab.Run, seed uint64, dir string) {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(keptFolder(seed), "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, kept := range list {
		var k keptImage
		text, err := os.ReadFile(filepath.Join(kept, "promise.json"))
		if err == nil {
			err = json.Unmarshal(text, &k)
		}
		p := promise{held: map[agent.PaymentID]answered{}, gone: k.Gone, at: k.At, took: k.Took}
		for id, a := range k.Held {
			p.held[id] = answered{id: id, version: a.Version, state: a.State}
		}
		var found []lab.Violation
		for _, judged := range []func() ([]lab.Violation, error){
			func() ([]lab.Violation, error) { return examine(t.Context(), filepath.Join(dir, "agent"), p), nil },
			func() ([]lab.Violation, error) {
				found, _, err := resumed(t, workOf(seed), dir, p, 0, true)
				return found, err
			},
		} {
			if err == nil {
				err = errors.Join(os.RemoveAll(dir), os.CopyFS(dir, os.DirFS(kept)))
			}
			if err == nil {
				var more []lab.Violation
				more, err = judged()
				found = append(found, more...)
			}
		}
		t.Logf("kept as %s: %d violations, %v", kept, len(found), err)
		r.Violated(seed, found...)
		r.Broken(seed, err)
	}
}

// keptImage is what is needed to look at an image again.
type keptImage struct {
	Held map[agent.PaymentID]keptAnswer
	Gone []string
	At   time.Duration
	Took map[agent.PaymentID]string `json:",omitempty"`
}

type keptAnswer struct {
	Version int64
	State   agent.State
}

// keep writes an image, its ledger and its promises into a folder of the system's
// temporary ones and returns its name.
func (c *cutting) keep(i, cut int, p promise) (dir string, err error) {
	dir = filepath.Join(keptFolder(c.seed), fmt.Sprint(i))
	home := filepath.Join(dir, "agent")
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(home, 0o700)); err != nil {
		return dir, err
	}
	if _, err := c.film.tape.Image(cut, uint64(i), home); err != nil {
		return dir, err
	}
	if err := layWitness(home, c.witness(i, cut)); err != nil {
		return dir, err
	}
	k := keptImage{Gone: p.gone, At: p.at, Took: p.took}
	k.Held = map[agent.PaymentID]keptAnswer{}
	for id, a := range p.held {
		k.Held[id] = keptAnswer{a.version, a.state}
	}
	text, err := json.Marshal(k)
	return dir, errors.Join(err, os.WriteFile(filepath.Join(dir, "promise.json"), text, 0o600), putLedger(dir, c.film.ledgers[p.arrivals]))
}

func keptFolder(seed uint64) string {
	return filepath.Join(os.TempDir(), "tillwire-lab-kept", fmt.Sprint("C1-", seed))
}

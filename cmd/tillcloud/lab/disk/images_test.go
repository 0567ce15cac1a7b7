//go:build faultfs

package disk_test

import (
	"bytes"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mattn/go-sqlite3"

	"tillwire/agent"
	"tillwire/cmd/tillcloud/lab"
	"tillwire/offline"
)

// imagesOfATape is how many images one recorded workload is cut into; every one of
// resumedEvery is taken to the end by the real engine.
const (
	imagesOfATape = 400
	resumedEvery  = 20
)

// CheckOpens is the check that the store comes up, unharmed, on every image.
const CheckOpens = "opens-unharmed"

// TestNoPowerCutLosesWhatWasAnswered is campaign C1.
func TestNoPowerCutLosesWhatWasAnswered(t *testing.T) {
	// A merge takes every workload twice, and neither processor is left over at the end.
	r := lab.Begin(t, "C1", "images", 2*imagesOfATape*len(works()), 200_000)
	base := lab.Scratch(t)
	if r.Only() && r.Size() > 0 {
		again(t, r, r.First(), filepath.Join(base, "kept"))
	}
	r.Share(t, 2, func(t *testing.T, seed uint64) int {
		c := &cutting{r: r, seed: seed, dir: filepath.Join(base, fmt.Sprint(seed))}
		done, err := c.run(t)
		r.Broken(seed, errors.Join(err, os.RemoveAll(c.dir)))
		return max(done, 1)
	})
}

// cutting is one case: a recorded workload and its images.
type cutting struct {
	r    *lab.Run
	seed uint64
	dir  string
	film filmed
}

func (c *cutting) run(t *testing.T) (done int, err error) {
	dice := lab.NewDice("C1", c.seed)
	w := workOf(c.seed)
	if c.film, err = film(t, w, filepath.Join(c.dir, "film"), dice); err != nil {
		return 0, err
	}
	c.r.Count("images of "+w.name, imagesOfATape)
	c.r.Count("operations recorded", float64(c.film.tape.Len()))
	into, cursor := filepath.Join(c.dir, "image"), c.film.tape.Cursor()
	if err := os.MkdirAll(into, 0o700); err != nil {
		return 0, err
	}
	for i, cut := range c.film.tape.Cuts(imagesOfATape, c.seed) {
		cursor.Seek(cut)
		marks, err := cursor.Image(uint64(i), into, "lock")
		if err != nil {
			return i, err
		}
		p := promised(marks)
		p.took = c.film.took
		note := c.witness(i, cut)
		if err := layWitness(into, note); err != nil {
			return i, err
		}
		if note != nil {
			c.r.Count("images beside a witness", 1)
		}
		found := examine(t.Context(), into, p)
		if i%resumedEvery == 0 {
			more, err := c.resume(t, i, cut, p)
			if err != nil {
				return i, fmt.Errorf("image %d, cut %d of %d: %w", i, cut, c.film.tape.Len(), err)
			}
			found = append(found, more...)
			c.r.Count("resumed", 1)
		}
		if len(found) > 0 {
			c.accuse(w, i, cut, p, found)
		}
		if c.r.Caught() {
			return i + 1, nil
		}
	}
	return imagesOfATape, nil
}

// accuse reports what an image showed, and keeps it: the order numbers of a tape are
// random, so the seed repeats the workload and the cuts, not the bytes.
func (c *cutting) accuse(w work, i, cut int, p promise, found []lab.Violation) {
	kept, err := c.keep(i, cut, p)
	for n := range found {
		found[n].What = fmt.Sprintf("%s, image %d, cut %d of %d, kept as %s (%v): %s", w.name, i, cut, c.film.tape.Len(), kept, err, found[n].What)
	}
	c.r.Violated(c.seed, found...)
}

// examine opens an image with the real store, as after the power is back, and holds
// it to what was promised.
func examine(ctx context.Context, dir string, p promise) []lab.Violation {
	var log bytes.Buffer
	opens := func(format string, args ...any) []lab.Violation {
		return []lab.Violation{{Check: CheckOpens, What: fmt.Sprintf(format, args...) + "; its log: " + log.String()}}
	}
	s, err := offline.Open(ctx, offline.Options{Dir: dir, Name: "lab", Clock: agent.NewSystemClock(), Timers: agent.DefaultTimers,
		BackupEvery: -1, Free: roomy, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		return opens("%v", err)
	}
	report, err := s.Verify(ctx, agent.DefaultTimers)
	problems := s.Problems()
	if err = errors.Join(err, s.Err(), s.Close()); err != nil || len(problems) > 0 {
		return opens("problems %v: %v", problems, err)
	}
	var found []lab.Violation
	for _, f := range report.Findings {
		found = append(found, lab.Violation{Check: lab.CheckLaw, What: f.String()})
	}
	lost, err := missing(dir, p)
	if err != nil {
		return append(found, opens("%v", err)...)
	}
	return append(append(found, lost...), aside(dir)...)
}

// missing compares what a stopped store holds with what was promised.
func missing(dir string, p promise) (lost []lab.Violation, err error) {
	opened, err := (&sqlite3.SQLiteDriver{}).Open("file:" + filepath.Join(dir, "agent.db") + "?mode=ro&immutable=1")
	if err != nil {
		return nil, err
	}
	c := opened.(*sqlite3.SQLiteConn)
	defer func() { err = errors.Join(err, c.Close()) }()
	rows, err := c.Query("SELECT id, version, state FROM payment", nil)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	kept := map[agent.PaymentID]answered{}
	line := make([]driver.Value, 3)
	for err = rows.Next(line); err == nil; err = rows.Next(line) {
		id := agent.PaymentID(line[0].(string))
		kept[id] = answered{id: id, version: line[1].(int64), state: agent.State(line[2].(string))}
	}
	if !errors.Is(err, io.EOF) {
		return nil, err
	}
	for id, a := range p.held {
		if is := kept[id]; is.version < a.version || is.version == a.version && is.state != a.state {
			lost = append(lost, lab.Violation{Check: lab.CheckAcked,
				What: fmt.Sprintf("payment %s was answered as %s in version %d, on record is %q in version %d", id, a.state, a.version, is.state, is.version)})
		}
	}
	again, err := unspent(c)
	return append(lost, again...), err
}

// aside complains about a store that was taken for damaged: no power cut may do that.
func aside(dir string) (found []lab.Violation) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		found = append(found, lab.Violation{Check: CheckOpens, What: err.Error()})
	}
	for _, e := range entries {
		if name := e.Name(); name == "suspect" || strings.HasPrefix(name, "agent.db.") {
			found = append(found, lab.Violation{Check: CheckOpens, What: name + " is in the folder"})
		}
	}
	return found
}

// column reads the first column of all rows.
func column(rows driver.Rows) (texts []string, err error) {
	defer rows.Close()
	line := make([]driver.Value, len(rows.Columns()))
	for err = rows.Next(line); err == nil; err = rows.Next(line) {
		texts = append(texts, fmt.Sprint(line[0]))
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return texts, err
}

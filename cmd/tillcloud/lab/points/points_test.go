package points_test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/cmd/tillcloud/lab"
	"tillwire/cmd/tillcloud/lab/road"
)

const (
	// seeds is how often a release goes through every cut, each time with another
	// reply, another darkness and other second cuts.
	seeds = 5
	// about is how many cuts there are; the roads themselves tell it exactly.
	about = 1086
	// undisturbed is the first seed of the stories that are not cut.
	undisturbed = 1_000_000
)

// campaign is C2 under way.
type campaign struct {
	*lab.Run
	base    string // folder of folders
	stories []road.Story
	cuts    []cut
	hit     rows
}

// TestThePowerFailsAtEveryPoint is campaign C2. The undisturbed roads come first:
// they must be honest, and they tell which points there are to cut at.
func TestThePowerFailsAtEveryPoint(t *testing.T) {
	c := &campaign{Run: lab.Begin(t, "C2", "crashes", about, seeds*about), base: lab.Scratch(t), stories: road.Stories()}
	c.Tried(lab.Wallets()...)
	if c.Size() == 0 {
		return
	}
	c.everyCut(t)
	if c.Caught() || t.Failed() && !c.Faulty() {
		return
	}
	c.Resize(max(c.Size()*len(c.cuts)/about, c.Size()))
	c.Share(t, 2, c.one)
	for name, n := range c.hit.all() {
		c.Count(name, float64(n))
		if n == 0 && c.Size() >= len(c.cuts) && !c.Only() && !c.Caught() {
			t.Errorf("no cut was made %s", name)
		}
	}
}

// one is the case of a seed.
func (c *campaign) one(t *testing.T, seed uint64) int {
	if seed >= undisturbed {
		c.uncut(t, int(seed-undisturbed)%len(c.stories))
		return 1
	}
	dice := lab.NewDice("C2", seed)
	// The roads go round, so that few cases touch all of them.
	cut := c.cuts[int((seed-1)%uint64(len(c.cuts)))]
	story := cut.stories[int((seed-1)/uint64(len(c.cuts))+(seed-1))%len(cut.stories)]
	report, err := drive(t, filepath.Join(c.base, fmt.Sprint(seed)), road.Trip{Story: story, Dice: dice, Dark: dark(dice), Strikes: strikes(dice, cut.point)})
	if err == nil && !slices.Contains(report.Struck, cut.point) {
		err = fmt.Errorf("%s did not pass %v", story, cut.point)
	}
	if err != nil {
		c.Broken(seed, fmt.Errorf("%s, cut at %v, then %v: %w", story, cut.point, report.Struck, err))
	}
	for i := range report.Found {
		report.Found[i].What = fmt.Sprintf("%s, cut at %v: %s", story, report.Struck, report.Found[i].What)
	}
	c.Violated(seed, report.Found...)
	c.Count("power cuts", float64(report.Cuts))
	c.hit.add(report.Struck)
	return 1
}

// uncut drives a story without a fault of the shop's own and returns the points it
// passes.
func (c *campaign) uncut(t *testing.T, story int) []lab.Point {
	seed := undisturbed + uint64(story)
	report, err := drive(t, filepath.Join(c.base, fmt.Sprint(seed)), road.Trip{Story: c.stories[story], Dice: lab.NewDice("C2", seed)})
	c.Broken(seed, err)
	c.Violated(seed, report.Found...)
	return report.Passed
}

var keys = sync.OnceValues(lab.NewKeys)

// drive runs one trip in virtual time, in a folder of its own.
func drive(t *testing.T, dir string, trip road.Trip) (report road.Report, err error) {
	t.Helper()
	if trip.Keys, err = keys(); err != nil {
		return report, err
	}
	trip.Dir = dir
	synctest.Test(t, func(t *testing.T) {
		trip.Clock = lab.NewClock()
		report, err = road.Drive(t.Context(), trip)
	})
	if left := os.RemoveAll(dir); err == nil {
		err = left
	}
	return report, err
}

// cut is a point of a road, with the stories of that road that pass it: they
// differ in the reply.
type cut struct {
	road    string
	point   lab.Point
	stories []road.Story
}

// everyCut drives every story undisturbed and collects the points it passes.
func (c *campaign) everyCut(t *testing.T) {
	var mu sync.Mutex
	passed := map[int][]lab.Point{}
	t.Run("undisturbed", func(t *testing.T) {
		for half := range 2 {
			t.Run(fmt.Sprint(half+1), func(t *testing.T) {
				t.Parallel()
				for i := half; i < len(c.stories) && !c.Caught(); i += 2 {
					points := c.uncut(t, i)
					mu.Lock()
					passed[i] = points
					mu.Unlock()
				}
			})
		}
	})
	var cuts []cut
	for i, s := range c.stories {
		name := s.Wallet.Name + " " + s.Name
		for _, p := range passed[i] {
			if p.Place == "boot" {
				continue // the first start has nothing to lose; those after a cut are cut by strikes
			}
			j := slices.IndexFunc(cuts, func(c cut) bool { return c.road == name && c.point == p })
			if j < 0 {
				j, cuts = len(cuts), append(cuts, cut{road: name, point: p})
			}
			cuts[j].stories = append(cuts[j].stories, s)
		}
	}
	// What happens at the same moment is passed in any order.
	slices.SortStableFunc(cuts, func(x, y cut) int {
		return cmp.Or(cmp.Compare(x.road, y.road), cmp.Compare(x.point.Place, y.point.Place), cmp.Compare(x.point.What, y.point.What))
	})
	mix := lab.NewDice("C2", 0)
	mix.Shuffle(len(cuts), func(i, j int) { cuts[i], cuts[j] = cuts[j], cuts[i] })
	c.cuts = cuts
}

// strikes cuts at a point, and in every other case once or twice more while the
// agent recovers.
func strikes(dice lab.Dice, p lab.Point) []road.Strike {
	const recovery = 16 // points, from the store being open to the payment being settled
	list := []road.Strike{road.At(p, 1, (*lab.Shop).PowerOff)}
	for again := dice.Chance(2); again && len(list) < 4; again = dice.Chance(3) {
		list = append(list, road.After(1+dice.IntN(recovery), (*lab.Shop).PowerOff))
	}
	return list
}

// dark is how long the power stays away: a flicker, the way to the fuse, a break.
func dark(dice lab.Dice) func() time.Duration {
	return func() time.Duration {
		return lab.Pick(dice, 0, 0, time.Second, 5*time.Second, 20*time.Second, time.Minute, 3*time.Minute, time.Hour)
	}
}

package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tillwire/agent/fleet/service"
	"tillwire/cmd/cli"
)

func (a *app) rolloutCommand() *cobra.Command {
	return cli.Group("rollout", "Change many terminals in rings, stopping by itself", a.rolloutStartCommand(), a.rolloutListCommand(), a.rolloutShowCommand(),
		a.steerCommand("pause", "Send no more until it is resumed", service.RolloutPaused),
		a.steerCommand("resume", "Go on with a paused rollout", service.RolloutRunning),
		a.steerCommand("cancel", "End a rollout; what was changed stays changed", service.RolloutCancelled))
}

func (a *app) rolloutStartCommand() *cobra.Command {
	var f chooser
	var plan service.Plan
	var rings string
	var everything, yes bool
	c := &cobra.Command{Use: "start KEY=VALUE...", Short: "Begin a rollout of settings", Args: cobra.MinimumNArgs(1),
		Long: `Changes settings of the terminals that the filters choose, ring after ring: a few first, then
more. When a part of a ring fails, it stops by itself and says which terminals and why. One has
failed that refuses the change or takes it back, and one that was there when it was sent the
change and vanished. Terminals that are off, or that say good bye as a shop does that closes,
get it when they come back. The first ring has a terminal of each kind of machine.`,
		Example: `  tillfleet rollout start --all log.level=warn --name "less logging"
  tillfleet rollout start --label country=FR shop.language=fr --rings 2,20,100 --rest 24h`,
		RunE: func(c *cobra.Command, args []string) error {
			var err error
			if plan.Change, err = pairs(args); err != nil {
				return err
			}
			if plan.Rings, err = percents(rings); err != nil {
				return err
			}
			if f.given() == everything {
				return cli.Wrong("choose terminals with filters, or --all of them")
			}
			if plan.Filter, err = f.filter(); err != nil {
				return err
			}
			return a.startRollout(c.Context(), plan, yes)
		}}
	f.flags(c)
	c.Flags().BoolVar(&everything, "all", false, "every terminal of the fleet")
	c.Flags().BoolVar(&yes, "yes", false, "yes, begin")
	c.Flags().StringVar(&plan.Name, "name", "", "what it is for")
	c.Flags().StringVar(&rings, "rings", "1,10,50,100", "percent of all up to the end of each ring")
	c.Flags().IntVar(&plan.Policy.FailPercent, "stop-at", 3, "percent of a ring that may not fail")
	c.Flags().DurationVar(&plan.Policy.Rest, "rest", 30*time.Minute, "pause between two rings")
	c.Flags().DurationVar(&plan.Policy.Patience, "patience", 30*time.Minute, "how long a terminal may take to answer")
	c.Flags().IntVar(&plan.Policy.PerMinute, "per-minute", 1000, "how many terminals are changed in a minute")
	return c
}

func percents(text string) (list []int, err error) {
	for _, word := range strings.Split(text, ",") {
		n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(word), "%"))
		if err != nil {
			return nil, cli.Wrong("--rings %s: write percents with commas, such as 1,10,50,100", text)
		}
		list = append(list, n)
	}
	return list, nil
}

func (a *app) startRollout(ctx context.Context, plan service.Plan, yes bool) error {
	if !yes {
		rows, err := a.part(ctx, plan.Filter, service.Part{Order: service.ByName, Limit: 1})
		if err != nil {
			return err
		}
		return cli.Wrong("this would change %s on %s. Say --yes if you mean it", changeText(plan.Change), count(rows.Tally.Terminals, "terminal"))
	}
	var r service.Rollout
	if err := a.ask(ctx, "POST", "/v1/rollouts", plan, &r); err != nil {
		return err
	}
	if a.json {
		return a.printJSON(r)
	}
	a.printf("Rollout %s of %s has begun, in %s.\n`tillfleet rollout show %s` tells how it goes.\n", r.ID, changeText(r.Change), count(len(r.Rings), "ring"), r.ID)
	return nil
}

func changeText(change map[string]string) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(change)) {
		parts = append(parts, key+"="+change[key])
	}
	return printable(strings.Join(parts, " "))
}

func (a *app) rolloutListCommand() *cobra.Command {
	return &cobra.Command{Use: "ls", Short: "List rollouts, the newest first", Args: cli.Exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			var list []service.Rollout
			if err := a.ask(c.Context(), "GET", "/v1/rollouts", nil, &list); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(list)
			}
			t := table{head: []string{"ROLLOUT", "STATE", "RING", "MADE", "BY", "CHANGE", "NAME"}, most: []int{26, 9, 6, 5, 16, 40, 0}}
			for _, r := range list {
				t.add(r.ID, string(r.State), fmt.Sprintf("%d/%d", r.Ring+1, len(r.Rings)), ago(a.clock.Now(), r.Made), r.By, changeText(r.Change), r.Name)
			}
			t.write(a.stdout)
			return nil
		}}
}

func (a *app) rolloutShowCommand() *cobra.Command {
	var wait bool
	c := &cobra.Command{Use: "show ROLLOUT", Short: "How a rollout goes, and why it stopped", Args: cli.Exactly("ROLLOUT"),
		RunE: func(c *cobra.Command, args []string) error {
			course, err := a.course(c.Context(), args[0])
			show := a.progress()
			for err == nil && wait && course.Rollout.State == service.RolloutRunning {
				show("%s", a.ringsText(course))
				select {
				case <-c.Context().Done():
					return c.Context().Err()
				case <-a.clock.After(time.Second):
				}
				course, err = a.course(c.Context(), args[0])
			}
			show("")
			if err != nil {
				return err
			}
			if a.json {
				err = a.printJSON(course)
			} else {
				a.printCourse(course)
			}
			if err == nil && course.Rollout.State == service.RolloutStopped {
				return cli.ErrFound
			}
			return err
		}}
	c.Flags().BoolVar(&wait, "wait", false, "until it has ended")
	return c
}

func (a *app) course(ctx context.Context, id string) (course service.Course, err error) {
	return course, a.ask(ctx, "GET", "/v1/rollouts/"+id, nil, &course)
}

// ringsText is the ring under way in one line.
func (a *app) ringsText(c service.Course) string {
	n := c.Counts[c.Rollout.Ring]
	return fmt.Sprintf("ring %d of %d: %d of %d done, %d failed, %d silent", c.Rollout.Ring+1, len(c.Rollout.Rings), n[service.MemberDone], c.Rollout.Rings[c.Rollout.Ring].Size,
		n[service.MemberFailed], n[service.MemberSilent])
}

func (a *app) printCourse(c service.Course) {
	r := c.Rollout
	a.printf("%s  %s  %s\nby %s, %s ago: %s\n", r.ID, r.State, printable(r.Name), r.By, ago(a.clock.Now(), r.Made), changeText(r.Change))
	if r.Reason != "" {
		a.printf("%s\n", printable(r.Reason))
	}
	t := table{head: []string{"RING", "SIZE", "WAITING", "SENT", "TRIAL", "DONE", "FAILED", "SILENT"}, most: make([]int, 8)}
	for i, ring := range r.Rings {
		n := c.Counts[i]
		t.add(fmt.Sprintf("%d (%s)", i+1, ring.Name), fmt.Sprint(ring.Size), fmt.Sprint(n[service.MemberWaiting]), fmt.Sprint(n[service.MemberSent]), fmt.Sprint(n[service.MemberTrial]),
			fmt.Sprint(n[service.MemberDone]), fmt.Sprint(n[service.MemberFailed]), fmt.Sprint(n[service.MemberSilent]))
	}
	t.write(a.stdout)
	for _, m := range c.Members {
		if m.Status == service.MemberFailed {
			a.printf("%s  ring %d  %s\n", m.TID, m.Ring+1, printable(strings.TrimSpace(string(m.Code)+" "+m.Text)))
		}
	}
}

func (a *app) steerCommand(name, short string, to service.RolloutState) *cobra.Command {
	return &cobra.Command{Use: name + " ROLLOUT", Short: short, Args: cli.Exactly("ROLLOUT"),
		RunE: func(c *cobra.Command, args []string) error {
			var r service.Rollout
			if err := a.ask(c.Context(), "POST", "/v1/rollouts/"+args[0]+"/state", map[string]service.RolloutState{"state": to}, &r); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(r)
			}
			a.printf("%s is %s.\n", r.ID, r.State)
			return nil
		}}
}

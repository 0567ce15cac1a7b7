package printertest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
)

// Rig is a printer's driver that runs, with the machine on its line. The driver is one
// that cuts each slip off and asks its printer how it is; Proves says that it also asks for the end of a slip.
type Rig struct {
	Printer agent.Printer
	Machine *Machine
	Proves  bool
	Cut     func() // breaks the line until Mend
	Mend    func()
	Stop    func() // ends the driver, and every job that still waits
}

// Run checks the contract of agent.Printer: slips come out in order and whole, wait for
// paper and for a printer that is away, end once, and never stand on two papers of which
// the later is not marked. rig is called in a bubble of its own time for each case.
func Run(t *testing.T, rig func(t *testing.T) Rig) {
	for name, check := range map[string]func(*stage){
		"slips come out in order":                                     inOrder,
		"a drawer opens without paper":                                drawerAlone,
		"an empty roll holds slips until there is a new one":          emptyRoll,
		"an open cover holds slips":                                   openCover,
		"a slip whose line broke comes out once more and is marked":   brokenLine,
		"what never left comes out unmarked":                          neverLeft,
		"a slip that breaks again and again is given up":              givenUp,
		"what waits at the end is told, each job once":                toldAtTheEnd,
		"a printer that forgot a slip while it was empty prints anew": forgotten,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &stage{t: t, Rig: rig(t)}
				synctest.Wait()
				check(s)
				if !s.stopped {
					s.Stop()
				}
				if p := s.Machine.Problems(); len(p) > 0 {
					t.Errorf("the printer stumbled over %q", p)
				}
			})
		})
	}
}

// stage is a driver at work.
type stage struct {
	Rig
	t       *testing.T
	ends    []string // written by the driver's goroutine, read after synctest.Wait
	stopped bool
}

// lines are how many lines a slip of the suite has.
const lines = 10

// print queues a slip that says text and notes its end as "text: end".
func (s *stage) print(text string) {
	s.t.Helper()
	slip := agent.Slip{Mark: "REPRINT", Lines: []agent.SlipLine{{Kind: agent.SlipNote, Text: text}}}
	for i := range lines - 1 {
		slip.Lines = append(slip.Lines, agent.SlipLine{Kind: agent.SlipNote, Text: fmt.Sprint("line ", i+2)})
	}
	s.job(text, agent.PrintJob{Slip: slip})
}

func (s *stage) job(name string, j agent.PrintJob) {
	s.t.Helper()
	j.Done = func(end agent.PrintEnd) { s.ends = append(s.ends, name+": "+string(end)) }
	if err := s.Printer.Print(j); err != nil {
		s.t.Error(err)
	}
}

func pass(d time.Duration) { <-time.After(d) }

// papers are the words on each sheet but the numbered lines.
func (s *stage) papers() (list []string) {
	for _, sheet := range s.Machine.Sheets() {
		var words []string
		for _, line := range sheet.Lines {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "line ") {
				words = append(words, line)
			}
		}
		list = append(list, strings.Join(words, " "))
	}
	return list
}

// wants compares the papers, and the ends: "+" stands for what this driver says of a
// slip that came out.
func (s *stage) wants(papers, ends []string) {
	s.t.Helper()
	synctest.Wait()
	if got := s.papers(); !slices.Equal(got, papers) {
		s.t.Errorf("papers %q, want %q", got, papers)
	}
	good := agent.PrintAccepted
	if s.Proves {
		good = agent.PrintCompleted
	}
	for i, end := range ends {
		ends[i] = strings.ReplaceAll(end, "+", string(good))
	}
	if !slices.Equal(s.ends, ends) {
		s.t.Errorf("ends %q, want %q", s.ends, ends)
	}
}

func inOrder(s *stage) {
	for _, text := range []string{"one", "two", "three"} {
		s.print(text)
	}
	pass(time.Minute)
	s.wants([]string{"one", "two", "three"}, []string{"one: +", "two: +", "three: +"})
}

func drawerAlone(s *stage) {
	s.job("drawer", agent.PrintJob{Drawer: true})
	pass(time.Minute)
	s.wants(nil, []string{"drawer: " + string(agent.PrintAccepted)})
	if n := s.Machine.Pulses(); n != 1 {
		s.t.Errorf("the drawer opened %d times", n)
	}
}

func emptyRoll(s *stage) {
	s.Machine.Roll(0)
	s.print("one")
	s.print("two")
	pass(time.Hour)
	s.wants(nil, nil)
	s.Machine.Roll(-1)
	pass(time.Minute)
	s.wants([]string{"one", "two"}, []string{"one: +", "two: +"})
}

func openCover(s *stage) {
	s.Machine.Cover(true)
	s.print("one")
	pass(time.Hour)
	s.wants(nil, nil)
	s.Machine.Cover(false)
	pass(time.Minute)
	s.wants([]string{"one"}, []string{"one: +"})
}

func brokenLine(s *stage) {
	s.Machine.Roll(4)
	s.print("one")
	pass(500 * time.Millisecond)
	s.Cut()
	s.Machine.Reset()
	s.Machine.Roll(-1)
	pass(time.Minute)
	s.print("two")
	s.Mend()
	pass(time.Minute)
	s.wants([]string{"one REPRINT one", "two"}, []string{"one: +", "two: +"})
}

func forgotten(s *stage) {
	// One slip before: a printer is only expected to prove what it has proved once.
	s.print("one")
	pass(time.Minute)
	s.Machine.Roll(4)
	s.print("two")
	pass(time.Minute)
	s.Machine.Reset()
	s.Machine.Roll(-1)
	pass(time.Minute)
	s.wants([]string{"one", "two REPRINT two"}, []string{"one: +", "two: +"})
}

func neverLeft(s *stage) {
	s.Cut()
	s.print("one")
	pass(time.Hour)
	s.wants(nil, nil)
	s.Mend()
	pass(time.Minute)
	s.wants([]string{"one"}, []string{"one: +"})
}

func givenUp(s *stage) {
	s.Machine.Roll(4)
	s.print("one")
	pass(500 * time.Millisecond)
	for range 2 {
		s.Cut()
		s.Machine.Reset()
		s.Machine.Roll(4)
		s.Mend()
		pass(time.Minute)
	}
	s.wants([]string{"one REPRINT one"}, []string{"one: " + string(agent.PrintDoubtful)})
}

func toldAtTheEnd(s *stage) {
	s.Machine.Roll(4)
	s.print("one")
	s.print("two")
	pass(time.Minute)
	s.Stop()
	s.stopped = true
	s.wants([]string{"one"}, []string{"one: " + string(agent.PrintDoubtful), "two: " + string(agent.PrintNothing)})
}

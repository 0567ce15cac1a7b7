package printer

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
	"tillwire/drivers"
	"tillwire/drivers/printer/printertest"
)

// slipsOfTheStorm is how many slips go through a printer that is pulled, opened, run
// empty and switched off at random.
const slipsOfTheStorm = 10_000

func TestNoSlipIsLostOrSilentlyPrintedTwice(t *testing.T) {
	for _, profile := range []string{"epson-tm-tcp", "cn-gb18030"} {
		t.Run(profile, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &storm{bench: newBench(t, printertest.New(), profile, nil), dice: rand.New(rand.NewPCG(6, 3)), ends: map[int]agent.PrintEnd{}}
				s.blow()
				s.judge(profile == "epson-tm-tcp")
			})
		})
	}
}

type storm struct {
	*bench
	dice *rand.Rand
	ends map[int]agent.PrintEnd
}

// blow queues slips and lets things happen between them.
func (s *storm) blow() {
	for i := range slipsOfTheStorm {
		for s.device.Waiting() > drivers.JobsMost/2 {
			s.calm()
		}
		if err := s.device.Print(agent.PrintJob{Slip: stormSlip(i), Done: func(end agent.PrintEnd) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if was, twice := s.ends[i]; twice {
				s.t.Errorf("slip %d ended %s and then %s", i, was, end)
			}
			s.ends[i] = end
		}}); err != nil {
			s.t.Fatal(err)
		}
		pass(time.Duration(s.dice.Int64N(int64(300 * time.Millisecond))))
		if s.dice.IntN(12) == 0 {
			s.trouble()
		}
	}
	for s.device.Waiting() > 0 {
		s.calm()
	}
	s.stop()
}

func stormSlip(i int) agent.Slip {
	slip := agent.Slip{Mark: "REPRINT", Lines: []agent.SlipLine{{Kind: agent.SlipNote, Text: fmt.Sprintf("slip %d.", i)}}}
	for range 4 {
		slip.Lines = append(slip.Lines, agent.SlipLine{Kind: agent.SlipNote, Text: "line"})
	}
	slip.Lines = append(slip.Lines, agent.SlipLine{Kind: agent.SlipNote, Text: fmt.Sprintf("end %d.", i)})
	return slip
}

func (s *storm) trouble() {
	switch s.dice.IntN(5) {
	case 0, 1:
		s.mu.Lock()
		there := !s.away
		s.mu.Unlock()
		if there {
			s.unplug()
		}
	case 2:
		s.machine.Roll(s.dice.IntN(9))
	case 3:
		s.machine.Cover(true)
	case 4:
		s.machine.Reset()
	}
}

// calm is a person who sees to the printer, sometimes by switching it off.
func (s *storm) calm() {
	if s.dice.IntN(4) == 0 {
		s.machine.Reset()
	}
	s.machine.Cover(false)
	s.machine.Roll(-1)
	s.plug()
	pass(20 * time.Second)
}

// judge reads the paper. proved says that this printer tells the end of each slip.
func (s *storm) judge(proved bool) {
	plain, whole, begun := map[int]int{}, map[int]int{}, map[int]int{}
	last := ""
	for _, sheet := range s.machine.Sheets() {
		for _, line := range sheet.Lines {
			line = strings.TrimSpace(line)
			n := 0
			if _, err := fmt.Sscanf(line, "slip %d.", &n); err == nil {
				begun[n]++
				if last != "REPRINT" {
					plain[n]++
				}
			}
			if _, err := fmt.Sscanf(line, "end %d.", &n); err == nil {
				whole[n]++
			}
			last = line
		}
	}
	count := map[agent.PrintEnd]int{}
	for i := range slipsOfTheStorm {
		end, known := s.ends[i]
		count[end]++
		switch {
		case !known:
			s.t.Errorf("slip %d never ended", i)
		case plain[i] > 1:
			s.t.Errorf("slip %d stands on %d papers that are not marked", i, plain[i])
		case end == agent.PrintCompleted && whole[i] == 0:
			s.t.Errorf("slip %d is said to be on paper and is not", i)
		case end == agent.PrintNothing && begun[i] > 0:
			s.t.Errorf("slip %d is said not to have left, and it stands on paper", i)
		case proved && end == agent.PrintAccepted:
			s.t.Errorf("slip %d was taken on trust by a printer that proves", i)
		}
	}
	reprints := 0
	for _, n := range begun {
		reprints += n - 1
	}
	s.t.Logf("%d slips: %v, %d of them twice", slipsOfTheStorm, count, reprints)
	if reprints == 0 || !slices.Contains([]int{0}, count[agent.PrintNothing]) {
		s.t.Errorf("the storm was too mild to show anything, or slips were given up: %v", count)
	}
}

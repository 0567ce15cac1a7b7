package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/service"
)

// bigFleet is ten thousand terminals, of which every hundredth has something small
// wrong and every thousandth something that the shop notices.
func bigFleet() service.Rows {
	rows := service.Rows{At: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), Tally: &service.Tally{}}
	for n := range 10_000 {
		r := service.Row{TID: fleet.TID(fmt.Sprintf("t-%06d", n)), Shop: "街角商店 Corner shop of a very long name indeed", Standing: service.StandingOnline,
			Heard: rows.At.Add(-time.Duration(n%60) * time.Second), Version: "1.4.2", Line: "online", Config: fleet.ConfigApplied}
		if n%100 == 7 {
			r.Troubles = append(r.Troubles, service.Trouble{What: "Nobody has confirmed its clock."})
		}
		if n%1000 == 7 {
			r.Standing = service.StandingLost
			r.Troubles = append(r.Troubles, service.Trouble{What: "Its connection was lost and did not come back, and this sentence goes on beyond the edge.", Bad: true})
		}
		rows.Tally.Count(r)
		rows.Terminals = append(rows.Terminals, r)
	}
	return rows
}

func TestTenThousandRowsStayReadable(t *testing.T) {
	rows := bigFleet()
	slices.SortFunc(rows.Terminals, service.ByTrouble.Compare)
	rows.Terminals = rows.Terminals[:40]
	var b bytes.Buffer
	writeTable(&b, rows, 140)
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if len(lines) != 43 {
		t.Fatalf("%d lines", len(lines))
	}
	for i, line := range lines[:41] {
		if cells(line) > 140 {
			t.Errorf("line %d is %d cells wide: %s", i, cells(line), line)
		}
	}
	for i := 1; i <= 10; i++ {
		if !strings.HasPrefix(lines[i], "!  t-") || !strings.Contains(lines[i], "lost") || !strings.HasSuffix(lines[i], "…") {
			t.Errorf("row %d is not one of the worst: %s", i, lines[i])
		}
	}
	if !strings.HasPrefix(lines[11], "·  t-000107") {
		t.Errorf("behind them comes %s", lines[11])
	}
	if lines[41] != "10000 terminals: 9990 online, 10 lost; 100 with trouble" || !strings.HasPrefix(lines[42], "9960 more are not shown") {
		t.Errorf("it ends with %q", lines[41:])
	}
}

func TestATableLinesUpWithWideLetters(t *testing.T) {
	tab := table{head: []string{"A", "B", "C"}, most: []int{0, 6, 0}}
	tab.add("x", "街角商店", "1")
	tab.add("xyz", "abc", "2")
	tab.add("y", "a\x1b[2Jb", "3")
	var b bytes.Buffer
	tab.write(&b)
	want := "A    B       C\nx    街角…   1\nxyz  abc     2\ny    a·[2Jb  3\n"
	if b.String() != want {
		t.Errorf("printed\n%swant\n%s", b.String(), want)
	}
}

func TestHowLongAgoReads(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{0: "0s", 59 * time.Second: "59s", time.Minute: "1m", 59 * time.Minute: "59m", 26 * time.Hour: "26h", 72 * time.Hour: "3d", -time.Minute: "0s"} {
		if got := ago(now, now.Add(-d)); got != want {
			t.Errorf("%v reads %s, want %s", d, got, want)
		}
	}
	if ago(now, time.Time{}) != "-" {
		t.Error("never is a dash")
	}
}

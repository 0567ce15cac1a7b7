package fleetstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tillwire/agent"
)

func openStore(t *testing.T, dir string) (*Store, string) {
	t.Helper()
	s, aside, err := Open(context.Background(), dir, agent.NewSystemClock())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, aside
}

func item(key, value string) agent.FleetItem {
	return agent.FleetItem{Key: key, Value: []byte(value)}
}

func TestItemsAreSortedAndOutliveTheProcess(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	s, _ := openStore(t, dir)
	if err := s.Save(ctx, item("b/2", "2"), item("a/1", "1"), item("b/1", "1"), item("b/3", "3"), item("c", "")); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(ctx, agent.FleetItem{Key: "b/2"}, item("b/3", "4"), agent.FleetItem{Key: "none"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, _ = openStore(t, dir)
	for _, c := range []struct {
		prefix, after string
		limit         int
		want          string
	}{
		{"", "", 9, "a/1=1 b/1=1 b/3=4 c= "}, {"b/", "", 9, "b/1=1 b/3=4 "}, {"b/", "", 1, "b/1=1 "}, {"b/", "b/1", 9, "b/3=4 "},
		{"b/", "b/3", 9, ""}, {"b", "a", 9, "b/1=1 b/3=4 "}, {"x", "", 9, ""}, {"a/", "b", 9, ""},
	} {
		rows, err := s.Load(ctx, c.prefix, c.after, c.limit)
		got := ""
		for _, r := range rows {
			if r.Value == nil {
				t.Errorf("%s has no value", r.Key)
			}
			got += r.Key + "=" + string(r.Value) + " "
		}
		if err != nil || got != c.want {
			t.Errorf("load %q after %q: %q, %v; want %q", c.prefix, c.after, got, err, c.want)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, FileName)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others may read the file: %v, %v", info, err)
	}
}

// TestAllOrNothing fills the file until a commit fails in its middle.
func TestAllOrNothing(t *testing.T) {
	ctx := context.Background()
	s, _ := openStore(t, t.TempDir())
	if _, err := s.db.ExecContext(ctx, "PRAGMA max_page_count=64"); err != nil {
		t.Fatal(err)
	}
	var many []agent.FleetItem
	for i := range 100 {
		many = append(many, agent.FleetItem{Key: fmt.Sprintf("row/%03d", i), Value: bytes.Repeat([]byte("x"), 8000)})
	}
	if err := s.Save(ctx, many...); err == nil {
		t.Fatal("the file has no bound")
	}
	rows, err := s.Load(ctx, "", "", 1000)
	if err != nil || len(rows) != 0 {
		t.Errorf("%d rows of a commit that failed, %v", len(rows), err)
	}
	if err := s.Save(ctx, item("a", "1")); err != nil {
		t.Errorf("afterwards nothing can be written: %v", err)
	}
}

func TestASaveIsFinishedWhenItsAskerGoes(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s, _ := openStore(t, t.TempDir())
	cancel()
	if err := s.Save(ctx, item("a", "1")); err != nil {
		t.Error(err)
	}
}

func TestDamagedFileIsSetAside(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"no database": func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("garbage ", 1000)), 0o600) },
		"a torn page": func(path string) error {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			copy(text[4096:], bytes.Repeat([]byte{0xa5}, 4096))
			return os.WriteFile(path, text, 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, dir := context.Background(), t.TempDir()
			s, _ := openStore(t, dir)
			if err := s.Save(ctx, item("a", strings.Repeat("x", 100))); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if err := damage(filepath.Join(dir, FileName)); err != nil {
				t.Fatal(err)
			}
			s, aside := openStore(t, dir)
			if _, err := os.Stat(aside); err != nil || aside == "" {
				t.Errorf("set aside as %q: %v", aside, err)
			}
			if rows, err := s.Load(ctx, "", "", 9); err != nil || len(rows) != 0 {
				t.Errorf("the new file holds %v, %v", rows, err)
			}
		})
	}
}

func TestForeignFileIsLeftAlone(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	s, _ := openStore(t, dir)
	if _, err := s.db.ExecContext(ctx, "PRAGMA user_version=2"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(ctx, dir, agent.NewSystemClock()); !errors.Is(err, ErrForeign) {
		t.Errorf("a newer version's file: %v", err)
	}
}

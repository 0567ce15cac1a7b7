package web

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"tillwire/agent"
)

// safe is a disk on which backups are made when a test says so.
type safe struct {
	mu    sync.Mutex
	now   Backups
	asked int
}

func (s *safe) Backups() (Backups, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now, nil
}

func (s *safe) BackupSoon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
}

func (s *safe) becomes(b Backups) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = b
}

// pressed counts the presses of the button.
func (s *safe) pressed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func TestTheOwnerSeesHowOldTheBackupIs(t *testing.T) {
	disk := &safe{}
	tm := newTerminal(t, func(o *Options) { o.Backups = disk })
	c := tm.owner()
	backup := func(age time.Duration) Backups {
		return Backups{List: []Backup{{Path: "/data/backups/agent-1.db", At: tm.clock.Now().Add(-age), Bytes: 3000}}}
	}
	for _, test := range []struct {
		what  string
		disk  Backups
		says  []string
		lacks string
	}{
		{"none", Backups{}, []string{"There is no backup yet", "badge doubt", "Make a backup now"}, "data-running"},
		{"a fresh one", backup(2 * time.Hour), []string{"The newest backup is 2 h old", "badge good", "3 KiB", "/data/backups/agent-1.db"}, "badge doubt"},
		{"an old one", backup(25 * time.Hour), []string{"1 d 1 h old. Make one now", "badge doubt"}, "badge good"},
		{"under way", Backups{Making: true}, []string{"data-running", "is being made"}, "Make a backup now"},
		{"failed", Backups{Failed: &agent.Error{Class: agent.Unavailable, Say: agent.Sentence{English: "The disk is full. Free some space."}}}, []string{`role="alert">The disk is full`}, "data-running"},
	} {
		disk.becomes(test.disk)
		body := c.do("GET", "/owner/backup", "").body
		for _, want := range test.says {
			if !strings.Contains(body, want) {
				t.Errorf("%s: the page lacks %q", test.what, want)
			}
		}
		if strings.Contains(body, test.lacks) {
			t.Errorf("%s: the page has %q", test.what, test.lacks)
		}
	}
	disk.becomes(backup(3 * time.Hour))
	if body := c.do("GET", "/owner", "").body; !strings.Contains(body, `<a href="/owner/backup">3 h old</a>`) {
		t.Errorf("the first page does not say how old the backup is: %s", body)
	}
}

func TestTheOwnerAsksForABackup(t *testing.T) {
	disk := &safe{}
	tm := newTerminal(t, func(o *Options) { o.Backups = disk })
	if a := tm.owner().post("/owner/backup"); a.status != 303 || a.header.Get("Location") != "/owner/backup" || disk.pressed() != 1 || tm.audited("backup") != 1 {
		t.Errorf("%d %v, asked %d times, %d in the log", a.status, a.header, disk.pressed(), tm.audited("backup"))
	}
	if a := tm.signedIn("mia", "222222").post("/owner/backup"); a.status != 403 || disk.pressed() != 1 {
		t.Errorf("a manager: %d", a.status)
	}
	bare := newTerminal(t)
	if a := bare.owner().do("GET", "/owner/backup", ""); a.status != 404 {
		t.Errorf("without backups: %d", a.status)
	}
}

func TestADiskThatCannotBeReadIsNoBackup(t *testing.T) {
	tm := newTerminal(t, func(o *Options) { o.Backups = blind{} })
	if a := tm.owner().do("GET", "/owner/backup", ""); a.status != 500 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := tm.owner().do("GET", "/owner", ""); a.status != 200 || !strings.Contains(a.body, "Takings") {
		t.Errorf("and the day is gone with it: %d", a.status)
	}
}

// blind is a disk that cannot be read.
type blind struct{}

func (blind) Backups() (Backups, error) { return Backups{}, errors.New("input/output error") }

func (blind) BackupSoon() {}

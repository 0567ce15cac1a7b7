package web

import (
	"net/http"
	"time"

	"tillwire/agent"
)

// backups makes copies of the store and knows those that there are.
type backups interface {
	Backups() (Backups, error)
	// BackupSoon has one made in the background; Backups tells how it went.
	BackupSoon()
}

// Backups is what there is against the loss of the store.
type Backups struct {
	List   []Backup // newest first
	Making bool     // one is being made now
	Failed error    // why the last try made none; nil when it made one
}

// Backup is one copy.
type Backup struct {
	Path  string
	At    time.Time
	Bytes int64
}

// KiB is the size in units of 1024 bytes.
func (b Backup) KiB() int64 { return (b.Bytes + 1023) / 1024 }

// tooOld is the age from which a page asks for a new backup: one is made every six
// hours, and a shop's day may be shorter than that.
const tooOld = 24 * time.Hour

// backupData is how safe the shop's data are.
type backupData struct {
	Backups
	Age   time.Duration // of the newest
	Old   bool          // there is none, or none that is new enough
	Wrong string        // why the last try made none
}

// kept reads what backups there are.
func (s *Server) kept() (d backupData, err error) {
	if d.Backups, err = s.Backups.Backups(); err != nil {
		return d, err
	}
	if len(d.List) > 0 {
		d.Age = max(s.Clock.Now().Sub(d.List[0].At), 0)
	}
	d.Old = len(d.List) == 0 || d.Age > tooOld
	return d, nil
}

// openBackups refuses where nothing makes any.
func (s *Server) openBackups() error {
	if s.Backups == nil {
		return fail(agent.NotFound, agent.CodeNotFound, "page.not_found", "There is no such page.")
	}
	return nil
}

func (s *Server) ownerBackup(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	if err := s.openBackups(); err != nil {
		return err
	}
	d, err := s.kept()
	if err != nil {
		return err
	}
	if d.Failed != nil {
		d.Wrong = s.sentence(s.language(r), d.Failed)
	}
	s.render(w, r, http.StatusOK, "owner_backup", ownerView("backup", me, d))
	return nil
}

// startBackup asks for a backup; its page shows when it is there.
func (s *Server) startBackup(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	if err := s.openBackups(); err != nil {
		return err
	}
	s.Backups.BackupSoon()
	s.audits.note(r.Context(), agent.Audit{Actor: "person:" + me.ID, Action: "backup"})
	http.Redirect(w, r, "/owner/backup", http.StatusSeeOther)
	return nil
}

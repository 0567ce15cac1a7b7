package offline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/mattn/go-sqlite3"

	"tillwire/agent"
)

// keepBackups is how many backups stay in the data folder.
const keepBackups = 3

// Backup copies the store through SQLite's backup interface to path, while the
// agent goes on. The copy is one file, checked, synced and in place all at once.
func (r *Reader) Backup(ctx context.Context, path string) error {
	if err := backupTo(ctx, filepath.Join(r.dir, fileName), path); err != nil {
		return &agent.Error{Op: "backup", Class: agent.Unavailable, Err: err,
			Say: agent.Sentence{ID: "error.backup", Args: []string{path},
				English: fmt.Sprintf("No backup was written to %s. Look at the space and the rights there.", path)}}
	}
	return nil
}

// partSuffix marks a copy that is being made.
const partSuffix = ".part"

func backupTo(ctx context.Context, from, path string) (err error) {
	temp := path + partSuffix
	if err := os.RemoveAll(temp); err != nil {
		return err
	}
	// The file exists with its rights before any content is in it.
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(temp))
		}
	}()
	if err := copyPages(ctx, from, temp); err != nil {
		return err
	}
	if err := verifyBackup(ctx, temp); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// copyStep is how many pages are copied between two looks at the context: some
// tens of milliseconds on a slow card.
const copyStep = 256

// copyPages makes one consistent copy. The journal mode is part of a file: the
// copy leaves WAL mode so that it stands alone.
func copyPages(ctx context.Context, from, to string) (err error) {
	src, err := connect(from, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	opened, err := (&sqlite3.SQLiteDriver{}).Open(plainDSN(to, "rw"))
	if err != nil {
		return err
	}
	dst := opened.(*sqlite3.SQLiteConn)
	defer func() { err = errors.Join(err, dst.Close()) }()
	// A reading transaction pins what is copied: without it each commit between two
	// steps would begin the copy anew.
	for _, pin := range []string{"BEGIN", "SELECT count(*) FROM meta"} {
		if _, err := ask(src, pin); err != nil {
			return err
		}
	}
	b, err := dst.Backup("main", src, "main")
	if err != nil {
		return err
	}
	if err = errors.Join(copySteps(ctx, b), b.Finish()); err != nil {
		return err
	}
	_, err = ask(dst, "PRAGMA journal_mode = DELETE")
	return err
}

func copySteps(ctx context.Context, b *sqlite3.SQLiteBackup) error {
	for left := -1; ctx.Err() == nil; {
		done, err := b.Step(copyStep)
		if err != nil || done {
			return err
		}
		// A step that copies nothing met a lock that outlived the busy time.
		if left == b.Remaining() {
			return errors.New("the store was locked for too long")
		}
		left = b.Remaining()
	}
	return ctx.Err()
}

// plainDSN opens a file that is no running store: a backup or a copy.
func plainDSN(path, mode string) string {
	return "file:" + escape(path) + "?mode=" + mode + "&_synchronous=EXTRA&_foreign_keys=on"
}

// verifyBackup proves that a file is a sound store of ours.
func verifyBackup(ctx context.Context, path string) (err error) {
	opened, err := (&sqlite3.SQLiteDriver{}).Open(plainDSN(path, "ro"))
	if err != nil {
		return err
	}
	c := opened.(*sqlite3.SQLiteConn)
	defer func() { err = errors.Join(err, c.Close()) }()
	version, err := schemaOf(c)
	if err != nil {
		return err
	}
	known, err := migrations(migrationFiles)
	if err != nil {
		return err
	}
	if version == 0 || version > len(known) {
		return fmt.Errorf("schema %d, this program knows 1 to %d", version, len(known))
	}
	found, err := askWithin(ctx, c, "PRAGMA quick_check(5)")
	if err != nil {
		return err
	}
	if len(found) != 1 || found[0] != "ok" {
		return fmt.Errorf("%w: %v", errDamaged, found)
	}
	return nil
}

// backups lists the routine backups in a data folder, oldest first.
func backups(dir string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(dir, backupsName)) // sorted by name
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var list []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "agent-") && strings.HasSuffix(e.Name(), ".db") {
			list = append(list, filepath.Join(dir, backupsName, e.Name()))
		}
	}
	return list, err
}

// routineBackup writes the next backup into the data folder and lets the oldest go,
// those first. It leaves the disk alone when the copy would keep payments from
// beginning, and answers errNoRoom: a shop that sells is worth more than a fourth copy.
func (s *Store) routineBackup(ctx context.Context) error {
	dir := filepath.Join(s.opt.Dir, backupsName)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := dropParts(dir); err != nil {
		return err
	}
	if room, err := s.makeRoom(); err != nil {
		return err
	} else if !room {
		return errNoRoom
	}
	name := "agent-" + s.opt.Clock.Now().UTC().Format(copyTime) + ".db"
	err := s.Backup(ctx, filepath.Join(dir, name))
	if ctx.Err() != nil {
		return nil // the store closes
	}
	return err
}

// dropParts removes copies that a power cut left unfinished.
func dropParts(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "agent-") && strings.Contains(e.Name(), partSuffix) {
			err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

// makeRoom lets old backups go until there is room for one more, and reports
// whether there is. The newest one stays, and nothing goes in vain.
func (s *Store) makeRoom() (bool, error) {
	list, err := backups(s.opt.Dir)
	if err != nil {
		return false, err
	}
	free, err := s.opt.Free(s.opt.Dir)
	if err != nil {
		return false, err
	}
	needed := uint64(minFreeBytes+ballastBytes) + sizeOf(filepath.Join(s.opt.Dir, fileName)) + uint64(s.LogBytes())
	gone := 0
	for ; len(list)-gone >= keepBackups || free < needed && len(list)-gone > 1; gone++ {
		free += sizeOf(list[gone])
	}
	if free < needed {
		s.opt.Log.Warn("no backup is made: the disk has no room for it beside the payments", "comp", "store", "code", "backup_room",
			"free", free, "needed", needed, "newest", newest(list))
		return false, nil
	}
	for _, path := range list[:gone] {
		if err := os.Remove(path); err != nil {
			return false, err
		}
	}
	return true, nil
}

func sizeOf(path string) uint64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return uint64(info.Size())
}

// newest is the last of some backups, for the log.
func newest(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return filepath.Base(list[len(list)-1])
}

// backupBeforeMigration keeps a copy of a store that is about to change its shape.
func (w *writer) backupBeforeMigration(ctx context.Context, list []migration) error {
	version, err := schemaOf(w.conn)
	if err != nil || version == 0 || version >= len(list) {
		return err
	}
	dir := filepath.Join(w.s.opt.Dir, backupsName)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return backupTo(ctx, filepath.Join(w.s.opt.Dir, fileName), filepath.Join(dir, fmt.Sprintf("before-schema-%04d.db", len(list))))
}

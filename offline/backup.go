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
	if err := backupTo(filepath.Join(r.dir, fileName), path); err != nil {
		return &agent.Error{Op: "backup", Class: agent.Unavailable, Err: err,
			Say: agent.Sentence{ID: "error.backup", Args: []string{path},
				English: fmt.Sprintf("No backup was written to %s. Look at the space and the rights there.", path)}}
	}
	return ctx.Err()
}

func backupTo(from, path string) (err error) {
	temp := path + ".part"
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
	if err := copyPages(from, temp); err != nil {
		return err
	}
	if err := verifyBackup(temp); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// copyPages makes one consistent copy. The journal mode is part of a file: the
// copy leaves WAL mode so that it stands alone.
func copyPages(from, to string) (err error) {
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
	b, err := dst.Backup("main", src, "main")
	if err != nil {
		return err
	}
	done, err := b.Step(-1)
	if err = errors.Join(err, b.Finish()); err != nil {
		return err
	}
	if !done {
		return errors.New("the store was locked for too long")
	}
	_, err = ask(dst, "PRAGMA journal_mode = DELETE")
	return err
}

// plainDSN opens a file that is no running store: a backup or a copy.
func plainDSN(path, mode string) string {
	return "file:" + escape(path) + "?mode=" + mode + "&_synchronous=EXTRA&_foreign_keys=on"
}

// verifyBackup proves that a file is a sound store of ours.
func verifyBackup(path string) (err error) {
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
	found, err := ask(c, "PRAGMA quick_check(5)")
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

// routineBackup writes the next backup into the data folder and lets the oldest go.
func (s *Store) routineBackup() error {
	dir := filepath.Join(s.opt.Dir, backupsName)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	name := "agent-" + s.opt.Clock.Now().UTC().Format("20060102T150405") + ".db"
	if err := s.Backup(context.Background(), filepath.Join(dir, name)); err != nil {
		return err
	}
	list, err := backups(s.opt.Dir)
	for len(list) > keepBackups && err == nil {
		err = os.Remove(list[0])
		list = list[1:]
	}
	return err
}

// backupBeforeMigration keeps a copy of a store that is about to change its shape.
func (w *writer) backupBeforeMigration(list []migration) error {
	version, err := schemaOf(w.conn)
	if err != nil || version == 0 || version >= len(list) {
		return err
	}
	dir := filepath.Join(w.s.opt.Dir, backupsName)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return backupTo(filepath.Join(w.s.opt.Dir, fileName), filepath.Join(dir, fmt.Sprintf("before-schema-%04d.db", len(list))))
}

package offline

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/mattn/go-sqlite3"

	"tillwire/agent"
)

// RestoreOptions say where a backup goes.
type RestoreOptions struct {
	Dir   string // the data folder
	Name  string // of this program, for the lock
	Clock agent.Clock
	By    string // who does it, for the audit
	Force bool   // although the store there has payments that are not final
	// Witness is the agent's; empty means the one in Dir.
	Witness string
}

// Restore puts a backup in the place of the store in a data folder. The store that
// was there is kept beside it. The restored one begins a new incarnation: what it
// says about the time after the backup is not to be believed.
func Restore(ctx context.Context, file string, opt RestoreOptions) (kept string, err error) {
	if err := verifyBackup(ctx, file); err != nil {
		return "", &agent.Error{Op: "restore", Class: agent.Invalid, Err: err,
			Say: agent.Sentence{ID: "error.restore_file", Args: []string{file}, English: fmt.Sprintf("%s is not a sound backup of a store. Take another one.", file)}}
	}
	if err := os.MkdirAll(opt.Dir, 0o700); err != nil {
		return "", folderError(opt.Dir, err)
	}
	lock, err := lockFolder(opt.Dir, opt.Name)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := refuseOpen(ctx, opt); err != nil {
		return "", err
	}
	now := opt.Clock.Now()
	if path := filepath.Join(opt.Dir, fileName); exists(path) {
		// What stands in the log goes into the file first, so that the two are not
		// parted. A file too damaged for that is moved as it is.
		if err := foldLog(path); err != nil && !opt.Force {
			return "", openError(opt.Dir, err)
		}
		if kept, err = moveAside(opt.Dir, "replaced", now); err != nil {
			return "", err
		}
	}
	return kept, install(file, opt.Dir, opt.Witness, agent.Audit{At: now, Actor: opt.By, Action: "store.restored", Object: filepath.Base(file), Detail: kept})
}

// refuseOpen protects payments that only the present store knows to be under way.
func refuseOpen(ctx context.Context, opt RestoreOptions) error {
	if opt.Force || !exists(filepath.Join(opt.Dir, fileName)) {
		return nil
	}
	r, err := OpenReader(ctx, opt.Dir)
	if err != nil {
		return err
	}
	open, err := r.OpenPayments(ctx)
	if err = errors.Join(err, r.Close()); err != nil {
		return &agent.Error{Op: "restore", Class: agent.Conflict, Err: err,
			Say: agent.Sentence{ID: "error.restore_unread", English: "The present store cannot be read, so nobody knows whether payments are under way. Restore with force if that is lost anyway."}}
	}
	if len(open) > 0 {
		return &agent.Error{Op: "restore", Class: agent.Conflict, Payment: open[0].ID,
			Say: agent.Sentence{ID: "error.restore_open", Args: []string{fmt.Sprint(len(open)), open[0].OrderNo},
				English: fmt.Sprintf("%d payments of the present store are not final, the first is %s. Let the agent finish them, or restore with force.", len(open), open[0].OrderNo)}}
	}
	return nil
}

// install copies a backup into the data folder under a new incarnation, with an
// entry in its chain that says so. note is where the witness of the one before is.
func install(file, dir, note string, why agent.Audit) (err error) {
	temp := filepath.Join(dir, fileName+".new")
	if err := os.RemoveAll(temp); err != nil {
		return err
	}
	if err := copyFile(file, temp); err != nil {
		return folderError(dir, err)
	}
	if err := rename(temp, why); err != nil {
		return err
	}
	if err := dropWitness(dir, note); err != nil {
		return err
	}
	if err := os.Rename(temp, filepath.Join(dir, fileName)); err != nil {
		return folderError(dir, err)
	}
	return syncDir(dir)
}

func copyFile(from, to string) error {
	content, err := os.Open(from)
	if err != nil {
		return err
	}
	defer content.Close()
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.ReadFrom(content)
	return errors.Join(err, f.Sync(), f.Close())
}

// rename gives a copy its new incarnation and the entry about it, in one commit.
func rename(path string, why agent.Audit) (err error) {
	opened, err := (&sqlite3.SQLiteDriver{}).Open(plainDSN(path, "rw"))
	if err != nil {
		return err
	}
	c := opened.(*sqlite3.SQLiteConn)
	defer func() { err = errors.Join(err, c.Close()) }()
	if _, err = renew(c, why); err != nil {
		return err
	}
	// A backup has left WAL mode to stand alone; a store must be in it, or nobody can
	// look at it before the agent has run once.
	_, err = c.Exec("PRAGMA journal_mode = WAL", nil)
	return err
}

// renew begins a new incarnation of a store, with an entry in its chain.
func renew(c *sqlite3.SQLiteConn, why agent.Audit) (id string, err error) {
	enc, err := newCodec()
	if err != nil {
		return "", err
	}
	seq, head, err := readHead(c)
	if err != nil {
		return "", err
	}
	id = newIncarnation()
	why.Detail = strings.TrimSpace(why.Detail + " incarnation " + id)
	ev, err := enc.audit(why)
	if err != nil {
		return "", err
	}
	hash := link(head, ev, "")
	for _, step := range []struct {
		sql  string
		args []driver.Value
	}{
		{"BEGIN IMMEDIATE", nil},
		{setMeta, []driver.Value{"incarnation", id}},
		// What was spent since then is not known here: see Store.Accept.
		{setMeta, []driver.Value{putBackKey, why.At.UnixNano()}},
		{"INSERT INTO journal(seq, pay, prev, at, ev, hash) VALUES (?, NULL, 0, ?, ?, ?)", []driver.Value{seq + 1, why.At.UnixNano(), ev, hash[:]}},
		{"COMMIT", nil},
	} {
		if _, err := c.Exec(step.sql, step.args); err != nil {
			return "", err
		}
	}
	return id, nil
}

func foldLog(path string) error {
	c, err := connect(path, true)
	if err != nil {
		return err
	}
	_, err = ask(c, "PRAGMA wal_checkpoint(TRUNCATE)")
	return errors.Join(err, c.Close())
}

package offline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tillwire/agent"
)

const (
	damagedName = "damaged"   // in the names of files that were set aside
	replacing   = "replacing" // content of the mark while the file is being replaced
)

// inspect checks the file beside the running agent, which must not wait for it: a
// quarter of a second for 120 MB in memory, much longer from a slow card.
func (s *Store) inspect(ctx context.Context) {
	found, err := s.quickCheck(ctx)
	switch {
	case err == nil, ctx.Err() != nil:
		return
	case !isDamaged(err):
		s.opt.Log.Warn("the file could not be checked", "comp", "store", "code", "store_check", "err", err)
		return
	}
	s.fail(fmt.Errorf("%w (%s)", err, strings.Join(found, "; ")))
}

// quickCheck runs SQLite's own check, without the comparison of indexes.
func (r *Reader) quickCheck(ctx context.Context) ([]string, error) {
	return r.check(ctx, "PRAGMA quick_check(20)")
}

func (r *Reader) check(ctx context.Context, pragma string) ([]string, error) {
	rows, err := r.db.QueryContext(ctx, pragma)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return found, err
		}
		if line != "ok" {
			found = append(found, line)
		}
	}
	if err := rows.Err(); err != nil {
		return found, err
	}
	if len(found) > 0 {
		return found, fmt.Errorf("%w: %s", errDamaged, found[0])
	}
	return nil, nil
}

// inspectSuspect checks a file that the last run found damaged, before anything
// reads it.
func (s *Store) inspectSuspect(path string) error {
	mark := filepath.Join(s.opt.Dir, suspectName)
	says, err := os.ReadFile(mark)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case string(says) == replacing || !exists(path):
		return fmt.Errorf("%w: it was being replaced when the agent ended", errDamaged)
	}
	r, err := newReader(s.opt.Dir)
	if err != nil {
		return err
	}
	_, err = r.quickCheck(context.Background())
	if err = errors.Join(err, r.Close()); err != nil {
		return err
	}
	return os.Remove(mark)
}

// replaceDamaged moves the file aside, never deletes it, and puts the newest sound
// backup in its place, or nothing. Order numbers are random, so selling may go on
// at once; what happened since the backup is for the wallets' bills to tell.
func (s *Store) replaceDamaged(ctx context.Context, why error) error {
	now := s.opt.Clock.Now()
	// Whoever starts after a power cut in the middle of this must not begin with what
	// is left, or with nothing while there is a backup.
	mark := filepath.Join(s.opt.Dir, suspectName)
	if err := os.WriteFile(mark, []byte(replacing), 0o600); err != nil {
		s.opt.Log.Warn("the replacement of the store is not marked", "comp", "store", "code", "store_damaged", "err", err)
	}
	aside, err := setAside(s.opt.Dir, now)
	if err != nil {
		return err
	}
	from, err := s.newestBackup(ctx)
	if err != nil {
		return err
	}
	since, id, args := "There was no backup: the store begins empty.", "problem.store_empty", []string{aside}
	if err := dropWitness(s.opt.Dir, s.opt.Witness); err != nil {
		return err
	}
	if from != "" {
		since, id, args = fmt.Sprintf("The backup %s was put in its place.", filepath.Base(from)), "problem.store_replaced", []string{aside, filepath.Base(from)}
		if err := install(from, s.opt.Dir, s.opt.Witness, agent.Audit{At: now, Actor: "tillwire", Action: "store.replaced", Object: aside, Detail: why.Error()}); err != nil {
			return err
		}
	}
	if err := errors.Join(os.RemoveAll(mark), syncDir(s.opt.Dir)); err != nil {
		return err
	}
	s.opt.Log.Error("the store was damaged and has been replaced", "comp", "store", "code", "store_damaged", "kept", aside, "backup", from, "err", why)
	s.replaced = append(s.replaced, agent.Problem{ID: id, Args: args, What: fmt.Sprintf("The store was damaged; the file is kept as %s. %s", aside, since), Since: now,
		Do: "Compare the wallets' bills with the payments listed here, send the damaged file to the office, and have the disk replaced."})
	return nil
}

// setAside moves the damaged file aside, unless the start before has done so and was
// cut off.
func setAside(dir string, now time.Time) (string, error) {
	if exists(filepath.Join(dir, fileName)) {
		return moveAside(dir, damagedName, now)
	}
	list, err := filepath.Glob(filepath.Join(dir, fileName+"."+damagedName+"-*[0-9]"))
	if err != nil || len(list) == 0 {
		return fileName, err
	}
	slices.Sort(list)
	return filepath.Base(list[len(list)-1]), nil
}

// newestBackup finds the newest of the folder's backups that is sound.
func (s *Store) newestBackup(ctx context.Context) (string, error) {
	list, err := backups(s.opt.Dir)
	if err != nil {
		return "", err
	}
	for _, path := range slices.Backward(list) {
		if err := verifyBackup(ctx, path); err != nil {
			s.opt.Log.Warn("a backup is not sound", "comp", "store", "code", "backup_bad", "path", path, "err", err)
			continue
		}
		return path, nil
	}
	return "", nil
}

// moveAside renames the file and its logs so that they still belong together, and
// returns the new name.
func moveAside(dir, why string, now time.Time) (string, error) {
	path := filepath.Join(dir, fileName)
	first := fmt.Sprintf("%s.%s-%s", fileName, why, now.UTC().Format(copyTime))
	name := first
	for n := 2; exists(filepath.Join(dir, name)); n++ {
		name = fmt.Sprintf("%s-%d", first, n)
	}
	for _, suffix := range []string{"-wal", "-shm", ""} {
		if err := os.Rename(path+suffix, filepath.Join(dir, name+suffix)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", folderError(dir, err)
		}
	}
	return name, syncDir(dir)
}

// syncDir makes renames durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// problem keeps something the owner must know until the agent stops.
func (s *Store) problem(p agent.Problem) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problems = append(s.problems, p)
}

// Problems lists what is wrong with the store now, for the owner's page.
func (s *Store) Problems() []agent.Problem {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := slices.Concat(s.notices, s.problems)
	if s.blind != nil {
		list = append(list, *s.blind)
	}
	if s.err != nil {
		list = append(list, agent.Problem{ID: "problem.store_broken", Args: []string{s.err.Error()}, What: "The store cannot be written: " + s.err.Error(), Since: s.wall,
			Do: "Look at the disk, then restart the agent. Nothing can be sold before."})
	}
	return list
}

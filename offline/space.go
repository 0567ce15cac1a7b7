package offline

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// spaceEvery is how often the writer looks at the disk while payments begin.
const spaceEvery = time.Second

// limit bounds the file. extra pages are given when the ballast is given up.
func (w *writer) limit(extra int64) error {
	_, err := ask(w.conn, fmt.Sprintf("PRAGMA max_page_count = %d", w.s.opt.MaxBytes/pageSize+extra))
	return err
}

// reserve is how much of the file's bound is kept for the outcome of what has
// begun: as much as the ballast, or a quarter of a small bound.
func (o Options) reserve() int64 { return min(ballastBytes, o.MaxBytes/4) }

// tight reports that no new payment may begin. It looks at the disk at most once
// in spaceEvery.
func (w *writer) tight() bool {
	now := w.s.opt.Clock.Mono()
	if w.everSpace && now-w.checked < spaceEvery {
		return w.low
	}
	w.everSpace, w.checked = true, now
	was := w.low
	w.low = w.measure()
	switch {
	case w.low && !was:
		w.s.opt.Log.Warn("no new payment begins: the disk or the store's bound is nearly used up", "comp", "store", "code", "disk_low", "dir", w.s.opt.Dir)
	case !w.low && !w.ballast:
		w.layBallast()
	}
	return w.low
}

func (w *writer) measure() bool {
	free, err := w.s.opt.Free(w.s.opt.Dir)
	if err != nil {
		w.s.opt.Log.Warn("the free space cannot be read", "comp", "store", "code", "disk_free", "err", err)
	} else if free < minFreeBytes {
		return true
	}
	pages, err := w.pages()
	return err == nil && (w.s.opt.MaxBytes-w.s.opt.reserve())/pageSize <= pages
}

// pages is how many pages of the file are in use.
func (w *writer) pages() (int64, error) {
	var n [2]int64
	for i, name := range []string{"page_count", "freelist_count"} {
		got, err := ask(w.conn, "PRAGMA "+name)
		if err != nil {
			return 0, err
		}
		if n[i], err = strconv.ParseInt(got[0], 10, 64); err != nil {
			return 0, err
		}
	}
	return n[0] - n[1], nil
}

// layBallast keeps a part of the disk in a file that can be given up, so that a
// disk filled by somebody else still takes the outcome of what has begun.
func (w *writer) layBallast() {
	path := filepath.Join(w.s.opt.Dir, ballastName)
	info, err := os.Stat(path)
	if err == nil && info.Size() == ballastBytes {
		w.ballast = true
		return
	}
	if free, err := w.s.opt.Free(w.s.opt.Dir); err == nil && free < minFreeBytes+ballastBytes {
		return
	}
	if err := allocate(path); err != nil {
		w.s.opt.Log.Warn("no reserve could be kept on the disk", "comp", "store", "code", "disk_ballast", "err", err)
		return
	}
	w.ballast = true
}

func allocate(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	err = unix.Fallocate(int(f.Fd()), 0, 0, ballastBytes)
	if errors.Is(err, unix.EOPNOTSUPP) {
		_, err = f.WriteAt(make([]byte, ballastBytes), 0)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// useBallast gives the reserve up after the first "disk full". It reports whether
// trying again makes sense.
func (w *writer) useBallast() bool {
	w.low, w.everSpace, w.checked = true, true, w.s.opt.Clock.Mono()
	if !w.ballast {
		return false
	}
	w.ballast = false
	w.s.opt.Log.Warn("the disk is full; the reserve is given up for what has begun", "comp", "store", "code", "disk_full", "dir", w.s.opt.Dir)
	err := os.Remove(filepath.Join(w.s.opt.Dir, ballastName))
	return errors.Join(err, w.limit(w.s.opt.reserve()/pageSize)) == nil
}

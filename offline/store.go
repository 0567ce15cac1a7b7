package offline

import (
	"context"
	"database/sql/driver"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"tillwire/agent"
)

// Store is the terminal's memory. It is an agent.Journal, an agent.Outbox and an
// agent.SettingsStore; its Reader answers everything that changes nothing.
type Store struct {
	*Reader
	opt   Options
	lock  *os.File
	edges map[[2]agent.State]bool

	writer  *writer
	crowded atomic.Bool  // more than one caller writes
	gate    sync.RWMutex // held for writing to close the queue
	closed  bool
	queue   chan request
	stopped chan struct{} // closed when the writer has ended
	house   context.CancelFunc
	// noting is the keeper of the witness, who outlives the writer; last ends it.
	noting sync.WaitGroup
	last   context.CancelFunc
	// background is what runs beside the writer: housekeeping, the check of the file.
	background sync.WaitGroup
	copies     copies

	mu       sync.RWMutex // guards what follows
	state    state
	err      error
	problems []agent.Problem // of this run
	notices  []agent.Problem // of the last days; on record
	blind    *agent.Problem  // no witness is kept
	// locks is when a person may try again, on this run's monotonic clock. A restart never
	// shortens it: it goes on from what was left when it was last written.
	locks map[string]time.Duration
	look  chan struct{} // closed when the writer has answered; nil while nobody asks
	// These are written at the start alone.
	incarnation string
	alone       bool            // its witness was gone
	replaced    []agent.Problem // that a damaged file was
	headed      chan struct{}   // of one place: the journal has come further

	booted time.Duration // monotonic
	wall   time.Time     // at the same moment
}

// Open takes the data folder, brings the store up and returns when it can sell.
// Everything that the last run left open is due at once.
func Open(ctx context.Context, opt Options) (*Store, error) {
	opt = opt.withDefaults()
	abs, err := filepath.Abs(opt.Dir)
	if err != nil {
		return nil, folderError(opt.Dir, err)
	}
	opt.Dir = abs
	if opt.Witness == "" {
		opt.Witness = filepath.Join(abs, witnessName)
	}
	if err := os.MkdirAll(opt.Dir, 0o700); err != nil {
		return nil, folderError(opt.Dir, err)
	}
	lock, err := lockFolder(opt.Dir, opt.Name)
	if err != nil {
		return nil, err
	}
	s := &Store{opt: opt, lock: lock, queue: make(chan request, queueLength), stopped: make(chan struct{}), headed: make(chan struct{}, 1),
		copies: copies{wanted: make(chan struct{}, 1)},
		edges:  map[[2]agent.State]bool{}, state: newState(), locks: map[string]time.Duration{}, booted: opt.Clock.Mono(), wall: opt.Clock.Now()}
	for _, e := range agent.Edges() {
		s.edges[e] = true
	}
	if err := s.start(context.WithoutCancel(ctx)); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return s, nil
}

// start opens the file, replacing it when it turns out to be damaged.
func (s *Store) start(ctx context.Context) error {
	w, err := s.openWriter(ctx)
	if isDamaged(err) {
		// One read that went wrong on its way looks like a damaged file. Everything is
		// closed by now; only what is damaged twice is.
		s.opt.Log.Warn("the store looks damaged and is read once more", "comp", "store", "code", "store_second_look", "err", err)
		w, err = s.openWriter(ctx)
	}
	if isDamaged(err) {
		if err = s.replaceDamaged(ctx, err); err == nil {
			w, err = s.openWriter(ctx)
		}
	}
	if err != nil {
		return openError(s.opt.Dir, err)
	}
	house, stop := context.WithCancel(context.Background())
	s.house = stop
	s.writer = w
	go w.run()
	s.background.Go(func() { s.keepHouse(house) })
	noting, last := context.WithCancel(context.Background())
	s.last = last
	s.noting.Go(func() { s.keepWitness(noting) })
	s.witnessed()
	if w.unclean {
		s.opt.Log.Warn("the agent did not stop by itself; the file is checked in the background", "comp", "store", "code", "store_unclean")
		s.background.Go(func() { s.inspect(house) })
	}
	return nil
}

func openError(dir string, err error) error {
	var known *agent.Error
	if errors.As(err, &known) {
		return err
	}
	return folderError(dir, err)
}

// openWriter opens, migrates and reads what the writer must know.
func (s *Store) openWriter(ctx context.Context) (*writer, error) {
	path := filepath.Join(s.opt.Dir, fileName)
	unclean := hasContent(path + "-wal")
	// A first start that was cut has left a journal of the older kind instead.
	log := unclean || hasContent(path+"-journal")
	if err := ours(path, log); err != nil {
		return nil, err
	}
	if err := s.emptied(path, log); err != nil {
		return nil, err
	}
	if err := s.inspectSuspect(path); err != nil {
		return nil, err
	}
	conn, err := connect(path, true)
	if err != nil {
		return nil, err
	}
	w := &writer{s: s, conn: conn}
	reader, err := newReader(s.opt.Dir)
	if err == nil {
		s.Reader = reader
		err = w.boot(ctx)
	}
	if err != nil {
		if s.Reader != nil {
			err = errors.Join(err, s.Reader.Close())
		}
		return nil, errors.Join(err, w.disconnect())
	}
	w.unclean = unclean
	return w, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// hasContent tells a log that a crash left behind from the empty one that a stop
// leaves.
func hasContent(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() > 0
}

// Close stops after what was accepted is written, and leaves the file whole: a
// stop without it is noticed at the next start.
func (s *Store) Close() error {
	s.gate.Lock()
	was := s.closed
	s.closed = true
	s.gate.Unlock()
	if was {
		return nil
	}
	s.house()
	s.background.Wait()
	var last error
	if s.Err() == nil {
		done := make(chan error, 1)
		s.queue <- request{alone: (*writer).farewell, done: done}
		last = <-done
	}
	close(s.queue)
	<-s.stopped
	s.last()
	s.noting.Wait()
	return errors.Join(last, s.writer.close())
}

func values(list ...driver.Value) []driver.Value { return list }

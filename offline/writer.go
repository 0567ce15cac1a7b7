package offline

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/mattn/go-sqlite3"

	"tillwire/agent"
)

// The writer's measures.
const (
	queueLength = 1024 // requests that may wait; more callers block
	batchLimit  = 256  // requests of one transaction
)

// request is one thing for the writer to do. apply may run more than once: what a
// failed transaction did is undone and done again.
type request struct {
	apply func(*batch) error
	alone func(*writer) error // instead of apply: outside any batch
	done  chan error
}

// writer owns the one connection that writes. Whoever holds turn is the writer:
// the goroutine that gathers what waits, or a caller who finds nobody waiting.
type writer struct {
	s    *Store
	turn sync.Mutex
	// telling is held for writing while a commit is made known. Who reads a payment
	// waits for it: nobody may see what the lanes and screens have not heard of yet.
	telling sync.RWMutex
	conn    *sqlite3.SQLiteConn
	sql     statements
	kept    []*statement // all of them, to be ended with the connection
	round   []request    // being served
	// batch is used again and again, never by two transactions at a time.
	batch *batch

	unclean   bool // the last run did not stop by itself
	low       bool // no new payments: the disk is nearly full
	checked   time.Duration
	everSpace bool // checked at least once
	ballast   bool // the reserve is still there
}

// submit hands a request to the writer and waits for its answer. There is no
// context on purpose: a write that was accepted is carried out.
func (s *Store) submit(op string, r request) error {
	r.done = make(chan error, 1)
	if !s.accept(r) {
		return unwritable(op, errClosed)
	}
	return <-r.done
}

// accept serves a request or hands it to the writer; false when the store is closed.
func (s *Store) accept(r request) bool {
	s.gate.RLock()
	defer s.gate.RUnlock()
	if s.closed {
		return false
	}
	if !s.crowded.Load() && s.writer.turn.TryLock() {
		defer s.writer.turn.Unlock()
		// A single lane need not pay for waking another goroutine twice.
		s.writer.round = append(s.writer.round[:0], r)
		s.writer.serve()
		return true
	}
	s.crowded.Store(true)
	s.queue <- r
	return true
}

func (s *Store) write(op string, apply func(*batch) error) error {
	return s.submit(op, request{apply: apply})
}

// run takes what waits until the queue is closed.
func (w *writer) run() {
	defer close(w.s.stopped)
	for first := range w.s.queue {
		w.take(first)
		w.giveWay()
	}
}

// giveWay lets whoever was just answered run first, who may hand in the next
// request and so share the next sync instead of waiting for the one after. It ends
// with the first turn that brings nothing: nobody is waited for.
func (w *writer) giveWay() {
	for waiting := -1; waiting < len(w.s.queue) && waiting < batchLimit; {
		waiting = len(w.s.queue)
		runtime.Gosched()
	}
}

// take serves what waits by now in one turn.
func (w *writer) take(first request) {
	w.turn.Lock()
	defer w.turn.Unlock()
	w.round = append(w.round[:0], first)
	w.gather()
	w.serve()
	if len(w.round) == 1 && len(w.s.queue) == 0 {
		w.s.crowded.Store(false)
	}
}

// gather adds what waits by now to the round. What must stand alone ends it.
func (w *writer) gather() {
	for len(w.round) < batchLimit && w.round[len(w.round)-1].alone == nil {
		select {
		case r, open := <-w.s.queue:
			if !open {
				return
			}
			w.round = append(w.round, r)
		default:
			return
		}
	}
}

// shared are the requests of the round that go into one transaction.
func (w *writer) shared() []request {
	n := len(w.round)
	if w.round[n-1].alone != nil {
		n--
	}
	return w.round[:n]
}

// serve answers every request of the round, also when something below panics: then
// nobody knows what the transaction and the state hold, so the store fails and is
// to be opened anew. A panic let through would leave it locked, looking healthy.
func (w *writer) serve() {
	defer func() {
		if r := recover(); r != nil {
			answer(w.round, unwritable("write", w.panicked("writing", r)))
		}
	}()
	if w.round[0].alone == nil {
		w.together()
	}
	if last := w.round[len(w.round)-1]; last.alone != nil {
		last.done <- w.alone(last)
	}
}

// panicked fails the store over a panic. Its value may hold anything, so only the
// runtime's own messages are passed on.
func (w *writer) panicked(doing string, r any) error {
	err := fmt.Errorf("a panic with a %T while %s", r, doing)
	if e, ok := r.(runtime.Error); ok {
		err = fmt.Errorf("a panic while %s: %w", doing, e)
	}
	w.s.opt.Log.Error("a panic in the store", "comp", "store", "code", "panic", "err", err, "stack", string(debug.Stack()))
	w.s.fail(err)
	return err
}

func (w *writer) together() {
	if err := w.s.Err(); err != nil {
		answer(w.shared(), unwritable("write", err))
		return
	}
	if !w.commit(w.shared(), true) {
		return
	}
	// One of them spoilt the transaction: each alone, so that it spoils its own.
	for _, r := range w.shared() {
		if w.commit([]request{r}, false) {
			w.commit([]request{r}, false)
		}
	}
}

func (w *writer) alone(r request) error {
	if err := w.s.Err(); err != nil {
		return unwritable("write", err)
	}
	err := r.alone(w)
	w.judge(err)
	return err
}

// answer tells those of a batch that have no answer yet.
func answer(batch []request, err error) {
	for _, r := range batch {
		select {
		case r.done <- err:
		default: // answered before, and not read yet
		}
	}
}

// commit runs requests in one transaction, and those that have come in meanwhile
// when more may. It reports true when nothing was answered and all is to
// be tried once more, one by one.
func (w *writer) commit(requests []request, more bool) (again bool) {
	b := w.newBatch()
	for i := 0; i < len(requests); i++ {
		before := b.wrote
		err := requests[i].apply(b)
		b.errs = append(b.errs, err)
		if err != nil && (b.wrote != before || b.lost() || isFull(err) || isBroken(err)) {
			return w.spoilt(requests, errors.Join(err, b.rollback()))
		}
		if more && i == len(requests)-1 {
			w.gather()
			requests = w.shared()
		}
	}
	if err := b.flush(); err != nil {
		return w.spoilt(requests, errors.Join(err, b.rollback()))
	}
	begin := w.s.opt.Clock.Mono()
	if err := b.commit(); err != nil {
		return w.spoilt(requests, errors.Join(err, b.rollback()))
	}
	took := w.s.opt.Clock.Mono() - begin
	w.passOn(b, requests, took)
	for i, r := range requests {
		r.done <- b.errs[i]
	}
	return false
}

// passOn makes a commit known to all at one moment, as far as they can tell.
func (w *writer) passOn(b *batch, requests []request, took time.Duration) {
	w.telling.Lock()
	defer w.telling.Unlock()
	w.publish(b)
	w.tell(b, len(requests), took)
}

func (w *writer) publish(b *batch) {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	w.s.state.publish(b)
	if b.begun {
		w.s.witnessed()
	}
}

// tell passes a commit on. It is on the disk: one who listens and panics fails the
// store, since it has missed a commit, but the answer stays what was done.
func (w *writer) tell(b *batch, requests int, took time.Duration) {
	defer func() {
		if r := recover(); r != nil {
			_ = w.panicked("passing a commit on", r) // the store keeps it
		}
	}()
	if b.begun {
		w.s.opt.Observe(requests, took)
	}
	for _, e := range b.told {
		w.s.opt.Notify(e.payment)
	}
}

// spoilt decides what a failed transaction means for its requests.
func (w *writer) spoilt(requests []request, err error) (again bool) {
	switch {
	case w.judge(err):
		answer(requests, unwritable("write", err))
	case isFull(err) && w.useBallast():
		return true
	case isFull(err):
		answer(requests, lowSpace("write", w.s.opt.Dir, err))
	case len(requests) > 1:
		return true
	case isConstraint(err):
		answer(requests, internal("write", "the database refused it: %w", err))
	default:
		answer(requests, unwritable("write", err))
	}
	return false
}

// judge closes the store for writing when the disk can no longer be trusted. It
// stays closed until a restart: a fresh start puts everything that was answered
// through a checkpoint before it takes anything new.
func (w *writer) judge(err error) bool {
	if err == nil || !isBroken(err) {
		return false
	}
	w.s.fail(fmt.Errorf("writing failed: %w", err))
	return true
}

// begin opens the transaction with the first statement that writes.
func (b *batch) begin() error {
	if b.begun {
		return nil
	}
	if err := b.w.sql.begin.run(); err != nil {
		return unwritable("begin", err)
	}
	b.begun = true
	return nil
}

// exec runs one statement that writes.
func (b *batch) exec(s *statement, args ...driver.Value) error {
	if err := b.begin(); err != nil {
		return err
	}
	if err := s.run(args...); err != nil {
		return err
	}
	b.wrote++
	return nil
}

func (b *batch) commit() error {
	if !b.begun {
		return nil
	}
	return b.w.sql.commit.run()
}

// lost reports that SQLite has rolled the transaction back by itself.
func (b *batch) lost() bool { return b.begun && b.w.conn.AutoCommit() }

func (b *batch) rollback() error {
	if !b.begun || b.lost() {
		return nil
	}
	return b.w.sql.rollback.run()
}

// fail records why nothing can be written any more.
func (s *Store) fail(err error) {
	s.mu.Lock()
	first := s.err == nil
	if first {
		s.err = err
	}
	s.mu.Unlock()
	if isDamaged(err) {
		// The next start checks before it uses the file, and replaces it.
		mark := os.WriteFile(filepath.Join(s.opt.Dir, suspectName), []byte(err.Error()), 0o600)
		err = errors.Join(err, mark)
	}
	if first {
		s.opt.Log.Error("the store takes no more writes until the agent is restarted", "comp", "store", "code", "store_down", "err", err)
	}
}

// Responds reports whether the writer still takes turns. It waits until ctx ends
// for a writer that is busy; one that failed or was closed answers at once.
func (s *Store) Responds(ctx context.Context) bool {
	s.mu.Lock()
	if s.look == nil {
		look := make(chan struct{})
		s.look = look
		go func() { // one at a time, so that a writer that hangs does not gather them
			_ = s.submit("look", request{alone: func(*writer) error { return nil }}) // any answer is a sign of life
			s.mu.Lock()
			defer s.mu.Unlock()
			s.look = nil
			close(look)
		}()
	}
	look := s.look
	s.mu.Unlock()
	select {
	case <-look:
		return true
	case <-ctx.Done():
		return false
	}
}

// Err says why the store cannot be written, or nil.
func (s *Store) Err() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.err
}

var _ interface {
	agent.Journal
	agent.Outbox
	agent.SettingsStore
} = (*Store)(nil)

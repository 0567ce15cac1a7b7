package offline

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"tillwire/agent"
)

// Reader reads a store without taking it: commands use one beside a running agent
// or after it has stopped.
type Reader struct {
	dir   string
	db    *sql.DB
	codec codec
}

// OpenReader opens the store in a data folder for reading. It takes no lock and
// writes nothing.
func OpenReader(ctx context.Context, dir string) (*Reader, error) {
	path := filepath.Join(dir, fileName)
	if _, err := os.Stat(path); err != nil {
		return nil, &agent.Error{Op: "open store", Class: agent.NotFound, Err: err,
			Say: agent.Sentence{ID: "error.no_store", Args: []string{dir},
				English: fmt.Sprintf("There is no store in %s, or you may not read it. Name the data folder of the agent, or run this as its user.", dir)}}
	}
	r, err := newReader(dir)
	if err != nil {
		return nil, err
	}
	if err := r.db.PingContext(ctx); err != nil {
		return nil, errors.Join(readError(err), r.Close())
	}
	return r, nil
}

func newReader(dir string) (*Reader, error) {
	c, err := newCodec()
	if err != nil {
		return nil, err
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	return &Reader{dir: abs, db: openReaders(filepath.Join(abs, fileName)), codec: c}, nil
}

// Close ends the reader's connections.
func (r *Reader) Close() error { return r.db.Close() }

// Incarnation identifies this life of the store. A restored copy gets a new one, so
// that nobody takes it for the store that went on.
func (r *Reader) Incarnation(ctx context.Context) (string, error) {
	var id string
	if err := r.db.QueryRowContext(ctx, "SELECT value FROM meta WHERE key = 'incarnation'").Scan(&id); err != nil {
		return "", readError(err)
	}
	return id, nil
}

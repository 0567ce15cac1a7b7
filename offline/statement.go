package offline

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"

	"github.com/mattn/go-sqlite3"
)

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// statement is a prepared statement of the writer's connection. The driver binds
// and steps in one crossing into C when a statement is run as a query, which is
// why writes go through run as well.
type statement struct {
	stmt *sqlite3.SQLiteStmt
	args []driver.NamedValue
}

func prepare(c *sqlite3.SQLiteConn, query string) (*statement, error) {
	s, err := c.Prepare(query)
	if err != nil {
		return nil, err
	}
	return &statement{stmt: s.(*sqlite3.SQLiteStmt)}, nil
}

func (s *statement) start(args []driver.Value) (driver.Rows, error) {
	s.args = s.args[:0]
	for i, a := range args {
		s.args = append(s.args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	// A background context on purpose: an interrupt could hit a neighbour's
	// statement on this connection.
	return s.stmt.QueryContext(context.Background(), s.args)
}

// run executes a statement that returns nothing.
func (s *statement) run(args ...driver.Value) error {
	rows, err := s.start(args)
	if err != nil {
		return err
	}
	return rows.Close()
}

// each calls visit for every row of n columns. The values are only valid during
// the call.
func (s *statement) each(n int, visit func([]driver.Value) error, args ...driver.Value) error {
	rows, err := s.start(args)
	if err != nil {
		return err
	}
	values := make([]driver.Value, n)
	for {
		if err = rows.Next(values); err != nil {
			break
		}
		if err = visit(values); err != nil {
			break
		}
	}
	return errors.Join(ignoreEOF(err), rows.Close())
}

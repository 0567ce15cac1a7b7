package offline

import (
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/mattn/go-sqlite3"

	"tillwire/agent"
)

//go:embed migrations/*/up.sql
var migrationFiles embed.FS

// migration is one step of the schema. Its number is the schema version that it
// leads to.
type migration struct {
	number int
	name   string
	up     string
}

func migrations(fsys fs.FS) ([]migration, error) {
	paths, err := fs.Glob(fsys, "migrations/*/up.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(paths)
	var list []migration
	for i, p := range paths {
		folder := path.Base(path.Dir(p))
		digits, name, _ := strings.Cut(folder, "_")
		number, err := strconv.Atoi(digits)
		if err != nil || number != i+1 {
			return nil, fmt.Errorf("migration %s: want number %04d", folder, i+1)
		}
		up, err := fs.ReadFile(fsys, p)
		if err != nil {
			return nil, err
		}
		list = append(list, migration{number, name, string(up)})
	}
	return list, nil
}

// ours looks at a file's header before anything opens it for writing, since even
// that changes it. A file whose first commit is still in the log has no name yet,
// and one whose first page a power cut tore during a checkpoint has that page in
// the log: SQLite looks there first.
func ours(path string, log bool) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	header := make([]byte, 100) // SQLite file format, "The Database Header"
	n, err := io.ReadFull(f, header)
	if n == 0 {
		return nil
	}
	if err != nil || string(header[:16]) != "SQLite format 3\x00" {
		if log {
			return nil
		}
		return fmt.Errorf("%w: its header is not a database's", errDamaged)
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	id := binary.BigEndian.Uint32(header[68:])
	if id == applicationID || id == 0 && (log || info.Size() <= pageSize) {
		return nil
	}
	return foreign(path, int(id))
}

func foreign(path string, id int) error {
	return &agent.Error{Op: "open store", Class: agent.Conflict, Err: fmt.Errorf("application id %#x", id),
		Say: agent.Sentence{ID: "error.foreign_store", Args: []string{path},
			English: fmt.Sprintf("The file %s belongs to another program. Move it away or name another data folder.", path)}}
}

// schemaOf reads whose file it is and how far its schema has come; a new file is 0.
func schemaOf(c *sqlite3.SQLiteConn) (int, error) {
	var id, version, tables int
	for query, into := range map[string]*int{
		"PRAGMA application_id": &id, "PRAGMA user_version": &version, "SELECT count(*) FROM sqlite_schema": &tables,
	} {
		got, err := ask(c, query)
		if err != nil {
			return 0, err
		}
		if *into, err = strconv.Atoi(got[0]); err != nil {
			return 0, fmt.Errorf("%s: %w", query, err)
		}
	}
	if id == 0 && version == 0 && tables == 0 {
		return 0, nil
	}
	if id != applicationID {
		return 0, foreign(c.GetFilename("main"), id)
	}
	return version, nil
}

// migrate brings the schema to the newest version, one transaction for each step.
// A file from a newer program is left alone: its facts may mean more than we know.
func migrate(c *sqlite3.SQLiteConn, list []migration) error {
	version, err := schemaOf(c)
	if err != nil {
		return err
	}
	if version > len(list) {
		return &agent.Error{Op: "open store", Class: agent.Conflict, Err: fmt.Errorf("schema %d, this program knows %d", version, len(list)),
			Say: agent.Sentence{ID: "error.schema", English: "The store was written by a newer version of this program. Install that version again, or restore a backup made before it."}}
	}
	for _, m := range list[version:] {
		if err := m.run(c); err != nil {
			_, undo := c.Exec("ROLLBACK", nil)
			return fmt.Errorf("migration %04d_%s: %w%s", m.number, m.name, err, closing(undo))
		}
	}
	return nil
}

// run does one step and looks at what refers to what before it commits.
func (m migration) run(c *sqlite3.SQLiteConn) error {
	stamp := fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d;", applicationID, m.number)
	for _, script := range []string{"BEGIN EXCLUSIVE", m.up, stamp} {
		if _, err := c.Exec(script, nil); err != nil {
			return err
		}
	}
	broken, err := ask(c, "PRAGMA foreign_key_check")
	if err != nil {
		return err
	}
	if len(broken) > 0 {
		return fmt.Errorf("%d rows of %v lost what they refer to", len(broken), slices.Compact(broken))
	}
	_, err = c.Exec("COMMIT", nil)
	return err
}

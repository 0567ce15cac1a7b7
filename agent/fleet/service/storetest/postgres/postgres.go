// Package postgres is a PostgreSQL of its own for one test, from Debian's programs.
// Tests import it, nothing else may; it imports nothing of ours.
package postgres

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// patience is how long a database may take to begin on a busy machine.
const patience = 2 * time.Minute

// Server is one that runs until the test ends.
type Server struct {
	testing.TB
	dir  string
	who  *syscall.Credential
	log  bytes.Buffer // read once the server has ended
	made int
}

// programs is the folder of Debian's PostgreSQL.
func programs(t testing.TB) string {
	t.Helper()
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path)
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		t.Fatal("PostgreSQL is not installed; run: .ci/needs postgresql")
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1])
}

// Start begins a server that listens on a socket in a folder of its own. It refuses
// to run as root, so then it runs as the user that Debian has made for it.
func Start(t testing.TB) *Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "tillwire-postgres")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &Server{TB: t, dir: dir}
	if os.Getuid() == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			t.Fatal(err)
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		s.who = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	bin, data := programs(t), filepath.Join(dir, "data")
	if out, err := s.command(filepath.Join(bin, "initdb"), "-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	cmd := s.command(filepath.Join(bin, "postgres"), "-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "fsync=off")
	cmd.Stdout, cmd.Stderr = &s.log, &s.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait() // its exit status says nothing that is asked here
		if t.Failed() {
			t.Logf("the database said:\n%s", s.log.String())
		}
	})
	s.await()
	return s
}

func (s *Server) await() {
	s.Helper()
	db := s.Open("public")
	defer db.Close()
	limit, look := time.After(patience), time.NewTicker(20*time.Millisecond)
	defer look.Stop()
	for db.PingContext(s.Context()) != nil {
		select {
		case <-look.C:
		case <-limit:
			s.Fatal("the database does not begin")
		}
	}
}

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = s.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.who, Pdeathsig: syscall.SIGKILL}
	return cmd
}

// DSN is the connection string of a schema.
func (s *Server) DSN(schema string) string {
	return fmt.Sprintf("host=%s user=tester dbname=postgres sslmode=disable search_path=%s", s.dir, schema)
}

// Open connects; what it makes stands in the schema, which costs less than a
// database.
func (s *Server) Open(schema string) *sql.DB {
	s.Helper()
	db, err := sql.Open("pgx", s.DSN(schema))
	if err != nil {
		s.Fatal(err)
	}
	return db
}

// Empty makes a schema and answers its name.
func (s *Server) Empty() string {
	s.Helper()
	s.made++
	name := fmt.Sprintf("fleet_%d", s.made)
	db := s.Open("public")
	defer db.Close()
	if _, err := db.ExecContext(s.Context(), "CREATE SCHEMA "+name); err != nil {
		s.Fatal(err)
	}
	return name
}

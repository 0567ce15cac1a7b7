package sqlstore_test

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

	_ "github.com/jackc/pgx/v5/stdlib"

	"tillwire/agent/fleet/service"
	"tillwire/agent/fleet/service/sqlstore"
	"tillwire/agent/fleet/service/storetest"
)

// patience is how long a database may take to begin on a busy machine.
const patience = 60 * time.Second

// programs is the folder of Debian's PostgreSQL.
func programs(t *testing.T) string {
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

// postgres is a database of its own for one test. It refuses to run as root, so
// then it runs as the user that Debian has made for it.
type postgres struct {
	*testing.T
	dir  string
	who  *syscall.Credential
	log  bytes.Buffer
	made int
}

func openPostgres(t *testing.T) *postgres {
	t.Helper()
	dir, err := os.MkdirTemp("", "tillwire-postgres")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	p := &postgres{T: t, dir: dir}
	if os.Getuid() == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			t.Fatal(err)
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		p.who = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	bin, data := programs(t), filepath.Join(dir, "data")
	if out, err := p.command(filepath.Join(bin, "initdb"), "-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	cmd := p.command(filepath.Join(bin, "postgres"), "-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "fsync=off")
	cmd.Stdout, cmd.Stderr = &p.log, &p.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait() // its exit status says nothing that is asked here
		if t.Failed() {
			t.Logf("the database said:\n%s", p.log.String())
		}
	})
	db := p.open("public")
	defer db.Close()
	limit, look := time.After(patience), time.NewTicker(20*time.Millisecond)
	defer look.Stop()
	for db.PingContext(t.Context()) != nil {
		select {
		case <-look.C:
		case <-limit:
			t.Fatal("the database does not begin")
		}
	}
	return p
}

func (p *postgres) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = p.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.who, Pdeathsig: syscall.SIGKILL}
	return cmd
}

// open connects; what it makes stands in a schema, which costs less than a database.
func (p *postgres) open(schema string) *sql.DB {
	p.Helper()
	db, err := sql.Open("pgx", fmt.Sprintf("host=%s user=tester dbname=postgres sslmode=disable search_path=%s", p.dir, schema))
	if err != nil {
		p.Fatal(err)
	}
	return db
}

// empty makes a schema and answers its name.
func (p *postgres) empty() string {
	p.Helper()
	p.made++
	name := fmt.Sprintf("fleet_%d", p.made)
	db := p.open("public")
	defer db.Close()
	if _, err := db.ExecContext(p.Context(), "CREATE SCHEMA "+name); err != nil {
		p.Fatal(err)
	}
	return name
}

// store opens a service's store on a schema.
func (p *postgres) store(t *testing.T, schema string) service.Store {
	t.Helper()
	db := p.open(schema)
	s, err := sqlstore.Open(t.Context(), sqlstore.PostgreSQL(), db, db)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestPostgreSQL(t *testing.T) {
	p := openPostgres(t)
	t.Run("keeps the contract", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) func() service.Store {
			schema := p.empty()
			return func() service.Store { return p.store(t, schema) }
		})
	})
	t.Run("carries two services of which one is killed", func(t *testing.T) { twoServices(t, p) })
}

package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/brokertest"
	"tillwire/agent/fleet/jetstream"
	"tillwire/agent/fleet/service"
	"tillwire/agent/fleet/service/storetest/postgres"
)

// cluster is a fleet whose broker is three NATS servers, and whose office is one
// service or several.
type cluster struct {
	*town
	daemon  string // NATS' program
	nats    *brokertest.NATS
	files   []string
	servers []*process
	configs []string // of the services
	offices []*process
}

const natsServers = 3

// foundCluster makes one. Several services share one PostgreSQL; a single one has its
// own file.
func foundCluster(t testing.TB, terminals, services int) (*cluster, error) {
	dir := t.TempDir()
	program, err := built(dir)
	if err != nil {
		return nil, err
	}
	c := &cluster{town: &town{dir: dir, program: program}}
	if c.daemon, err = brokertest.Program("nats-server"); err != nil {
		return nil, err
	}
	nats, err := brokertest.NewNATS(dir, natsServers)
	if err != nil {
		return nil, err
	}
	c.nats = nats
	nats.CA, nats.Cert, nats.Key = c.authority(), c.at("broker.pem"), c.at("broker.key")
	var names []fleet.TID
	for n := range terminals {
		names = append(names, fleet.TID(fmt.Sprintf("sim-%06d", n+1)))
	}
	users, err := jetstream.Users([]string{user}, "", names)
	if err != nil {
		return nil, err
	}
	if c.files, err = nats.Write("../../../packaging/fleet/nats.conf", users); err != nil {
		return nil, err
	}
	files, store := map[string]string{}, ""
	if services > 1 {
		database := postgres.Start(t)
		files["postgres"], store = database.DSN(database.Empty())+"\n", "[store]\npostgres = \"postgres\"\n"
	}
	data := "data" // the first one's holds the authority
	for n := range services {
		c.configs = append(c.configs, fmt.Sprintf("tillfleet-%d.toml", n+1))
		files[c.configs[n]] = c.configuration(data, nats.MQTT(), fmt.Sprintf("id = \"fleet-server-%d\"\nnats = %q\n", n+1, nats.Clients())) + store
		data = fmt.Sprintf("data-%d", n+2)
	}
	c.config = c.configs[0]
	return c, c.settle(files, "localhost", "127.0.0.1", "--cluster")
}

// begin starts every program but the terminals.
func (c *cluster) begin() error {
	for n := range natsServers {
		c.servers = append(c.servers, nil)
		if err := c.startServer(n); err != nil {
			return err
		}
	}
	for n, config := range c.configs {
		p, err := c.serve(fmt.Sprintf("service-%d", n+1), config)
		if err != nil {
			return err
		}
		c.offices = append(c.offices, p)
	}
	return until("the services answer", func() bool {
		for _, config := range c.configs {
			if _, err := (&town{dir: c.dir, program: c.program, config: config}).run("export", "--stream", "alert"); err != nil {
				return false
			}
		}
		return true
	})
}

func (c *cluster) startServer(n int) (err error) {
	c.servers[n], err = c.start(fmt.Sprintf("nats-%d", n+1), nil, c.daemon, "-c", c.files[n])
	if err != nil {
		return err
	}
	return until(fmt.Sprintf("server %d listens", n+1), func() bool { return c.nats.Listens(n) })
}

func (c *cluster) close() {
	for _, p := range append(c.offices, c.servers...) {
		if p != nil && p.cmd.ProcessState == nil {
			_ = p.kill()
		}
	}
}

// round has every terminal do something and answers how many said they did.
func (c *cluster) round() (ordered, done int, err error) {
	text, failed := c.run("cmd", "ping", "--text", "sim-", "--yes", "--json", "--wait", "8m")
	var list []struct {
		Command struct{ Status string }
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return 0, 0, errors.Join(failed, err)
	}
	for _, one := range list {
		if one.Command.Status == string(fleet.Succeeded) {
			done++
		}
	}
	return len(list), done, nil
}

// calm is a round in which nothing happens, so that every command must be done.
func (c *cluster) calm(terminals int) error {
	ordered, done, err := c.round()
	if err == nil && (ordered != terminals || done != ordered) {
		err = fmt.Errorf("%d of %d terminals were asked and %d did what they were asked for", ordered, terminals, done)
	}
	return err
}

// known is how many terminals the office has heard.
func (c *cluster) known() int {
	text, err := c.run("ls", "--json", "--text", "sim-")
	var rows service.Rows
	if err != nil || json.Unmarshal([]byte(text), &rows) != nil {
		return 0
	}
	return rows.Tally.Terminals
}

// figures are what a run came to.
type figures struct {
	made, stored, twice         int
	executed, told              uint64
	connected, without, settled time.Duration
}

// live loses a server while the terminals send and receive, and a service where there
// is another one.
func (c *cluster) live(terminals int, o trial) (f figures, err error) {
	s, err := c.simulate("--terminals", fmt.Sprint(terminals), "--start", o.start.String(), "--every", o.every.String(), "--spread", o.spread.String(), "--settle", "15m")
	if err != nil {
		return f, err
	}
	defer func() { _ = s.cmd.Process.Kill() }() // it has ended unless something failed
	began := time.Now()
	if err := until("all terminals are connected", func() bool { return s.last().Connected == terminals }); err != nil {
		return f, fmt.Errorf("%w: %+v", err, s.last())
	}
	f.connected = time.Since(began)
	if err := until("the office has heard all of them", func() bool { return c.known() == terminals }); err != nil {
		return f, err
	}
	if err := c.calm(terminals); err != nil {
		return f, fmt.Errorf("before: %w", err)
	}
	if f.without, err = c.loseServer(s, terminals); err != nil {
		return f, fmt.Errorf("%w: %+v", err, s.last())
	}
	if err := o.livesWith(s, terminals); err != nil {
		return f, err
	}
	if len(c.offices) > 1 {
		if err := c.offices[0].kill(); err != nil {
			return f, err
		}
		c.config = c.configs[1]
	}
	if err := c.calm(terminals); err != nil {
		return f, fmt.Errorf("afterwards: %w", err)
	}
	began = time.Now()
	if err := until("the terminals' answers are with the office", func() bool { return s.last().Other == 0 }); err != nil {
		return f, fmt.Errorf("%w: %+v", err, s.last())
	}
	if err := s.finish(); err != nil {
		return f, fmt.Errorf("the simulation's end: %w: %+v", err, s.last())
	}
	f.settled = time.Since(began)
	return c.count(s, f)
}

// loseServer kills one of the servers in the middle of a round of commands, waits
// until every terminal is with one of the others, and starts it again.
func (c *cluster) loseServer(s *simulation, terminals int) (time.Duration, error) {
	connects := s.last().Connects
	cut := time.Now()
	if err := c.servers[0].kill(); err != nil {
		return 0, err
	}
	round := make(chan error, 1)
	go func() { _, _, err := c.round(); round <- err }() // some may run out meanwhile; none may be done twice
	err := until("all terminals are with the two servers that are left", func() bool {
		now := s.last()
		return now.Connected == terminals && now.Connects > connects
	})
	without := time.Since(cut)
	if err == nil {
		err = c.startServer(0)
	}
	return without, errors.Join(err, <-round)
}

// livesWith waits for as long as the trial says, or until each has sold something.
func (c trial) livesWith(s *simulation, terminals int) error {
	c.terminals = terminals
	return c.lives(s)
}

// count compares what the terminals did with what the office has.
func (c *cluster) count(s *simulation, f figures) (figures, error) {
	last := s.last()
	f.made, f.executed = last.Made, last.Commands
	done := map[string]bool{}
	if err := c.export("cmd", func(e exported) {
		if e.Event.Data.Status == string(fleet.Succeeded) {
			done[e.TID+" "+e.Event.Data.Jti] = true
		}
	}); err != nil {
		return f, err
	}
	f.told = uint64(len(done))
	var err error
	f.stored, f.twice, err = c.stored()
	return f, err
}

// wrong says what must not be; empty: nothing.
func (f figures) wrong(terminals int) string {
	switch {
	case f.made < terminals:
		return "the terminals made next to no payments, so this run shows nothing"
	case f.stored != f.made || f.twice != 0:
		return fmt.Sprintf("%d payments were made, the office has %d, %d of them twice", f.made, f.stored, f.twice)
	case f.executed != f.told || f.told < uint64(2*terminals):
		return fmt.Sprintf("commands were executed %d times, the terminals say that they did %d of them, and at least %d were sure to be", f.executed, f.told, 2*terminals)
	}
	return ""
}

// TestAClusterLosesAServerAndNothingElse is small enough for every run of the tests.
// That a service is killed beside another one is told in agent/fleet/service/sqlstore.
func TestAClusterLosesAServerAndNothingElse(t *testing.T) {
	const terminals = 20
	c, err := foundCluster(t, terminals, 1)
	if c != nil {
		defer c.close()
	}
	if err == nil {
		err = c.begin()
	}
	if err != nil {
		t.Fatal(err)
	}
	f, err := c.live(terminals, trial{start: time.Second, every: time.Second, spread: 2 * time.Second})
	if err != nil {
		c.tell(t)
		t.Fatal(err)
	}
	if complaint := f.wrong(terminals); complaint != "" {
		c.tell(t)
		t.Error(complaint)
	}
}

// BenchmarkCluster prints the figures of a thousand terminals. Run it with
// -benchtime=1x.
func BenchmarkCluster(b *testing.B) {
	for range b.N {
		terminals := howMany(1000)
		c, err := foundCluster(b, terminals, 2)
		if c != nil {
			defer c.close()
		}
		if err == nil {
			err = c.begin()
		}
		if err != nil {
			b.Fatal(err)
		}
		f, err := c.live(terminals, trial{start: time.Duration(terminals) * 60 * time.Millisecond, every: 10 * time.Second, spread: time.Duration(terminals) * 30 * time.Millisecond, steady: time.Minute})
		if err != nil {
			c.tell(b)
			b.Fatal(err)
		}
		f.print(terminals)
		if complaint := f.wrong(terminals); complaint != "" {
			c.tell(b)
			b.Error(complaint)
		}
	}
}

func (f figures) print(terminals int) {
	fmt.Printf("%d terminals on three NATS servers with mutual TLS, two services on one PostgreSQL, everything on this machine\n", terminals)
	fmt.Printf("  connected within %.1f s; a server killed: all with the two others after %.1f s\n", f.connected.Seconds(), f.without.Seconds())
	fmt.Printf("  a service killed: everything was with the other %.1f s after its last round of commands\n", f.settled.Seconds())
	fmt.Printf("  payments: %d made, %d stored, %d twice\n", f.made, f.stored, f.twice)
	fmt.Printf("  commands: executed %d times, %d told as done\n", f.executed, f.told)
}

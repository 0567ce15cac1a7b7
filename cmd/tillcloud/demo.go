package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"tillwire/agent/sandbox"
)

// readyPatience is how long the ready file may wait for an agent that was
// started again to be open for business. After it the new process id is
// published anyway: whoever wants to look at or kill that agent needs it.
const readyPatience = 4 * time.Second

func demoCommand(s streams) *cobra.Command {
	var dataDir, readyFile, portMode string
	c := &cobra.Command{Use: "demo", Short: "Open a demo shop: cloud, phones, two registers", Args: noArgs,
		Long: "Opens a whole shop on this machine: the sandbox cloud, customers' phones, two lanes with\n" +
			"scanners on pseudo-terminals, and the tillwire program found beside this one.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			auto, err := parsePortMode(portMode)
			if err != nil {
				return err
			}
			if dataDir == "" {
				return fmt.Errorf("%w: --data-dir is missing", errUsage)
			}
			return demo(cmd.Context(), s, dataDir, readyFile, auto)
		}}
	c.Flags().StringVar(&dataDir, "data-dir", "", "folder of the shop; a second start goes on with the same shop (required)")
	c.Flags().StringVar(&readyFile, "ready-file", "", "file to write the addresses and secrets to, as JSON, once the shop is open")
	c.Flags().StringVar(&portMode, "ports", "fixed", "fixed (8480, 8490 to 8505) or auto")
	return c
}

// shop is a running demo.
type shop struct {
	streams
	layout
	log       *slog.Logger
	memory    *memory
	cloud     *cloud
	broker    *broker
	office    *office
	fleetRoot string // the fleet's root key, as the agent's configuration names it
	scanners  []*scanLine
	ready     shopReady
	readyFile string
	program   string
	lastEnd   string // why the agent ended last

	mu     sync.Mutex
	opened bool           // the shop was open once
	probes sync.WaitGroup // one per agent
}

// demo puts a shop together from the cloud outwards and takes it down in reverse:
// the agent first, then the cloud, then the scanners' terminals.
func demo(ctx context.Context, s streams, dataDir, readyFile string, auto bool) (err error) {
	sh := &shop{streams: s, readyFile: readyFile}
	if sh.root, err = filepath.Abs(dataDir); err != nil {
		return err
	}
	if sh.program, err = beside("tillwire"); err != nil {
		return err
	}
	// The lock is first: everything after it may overwrite.
	lock, err := lockShop(s.clock, sh.root)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := forget(readyFile); err != nil {
		return err
	}
	if err := os.MkdirAll(sh.logs(), 0o700); err != nil {
		return err
	}
	logFile, err := os.OpenFile(filepath.Join(sh.logs(), "tillcloud.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, logFile.Close()) }()
	sh.log = slog.New(slog.NewJSONHandler(logFile, nil))
	if sh.memory, err = recall(sh.root); err != nil {
		return err
	}
	claim, err := sh.memory.choosePorts(auto)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, claim.Close()) }()
	if sh.scanners, err = openScanners(s.clock, sh.lanes()); err != nil {
		return err
	}
	defer func() {
		for _, line := range sh.scanners {
			err = errors.Join(err, line.close())
		}
	}()
	if sh.cloud, err = openCloud(ctx, s, sh.log, cloudDir(sh.root), *sh.memory.Ports, sh.counters()); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sh.cloud.Close()) }()
	if err := sh.openFleet(); err != nil {
		return err
	}
	// The service ends after the agent, so that it hears its good-bye.
	served := make(chan error, 1)
	serving, end := context.WithCancel(context.WithoutCancel(ctx))
	go func() { served <- sh.office.run(serving) }()
	defer func() {
		end()
		err = errors.Join(err, <-served, sh.broker.Close())
	}()
	return sh.open(ctx)
}

// openFleet opens the broker, and prepares the service behind it.
func (sh *shop) openFleet() error {
	keys, err := loadOfficeKeys(sh.fleetKeys())
	if err != nil {
		return err
	}
	sh.fleetRoot = keys.rootText()
	sh.broker, err = openBroker(sh.memory.Ports.MQTT, sh.log, map[string]string{fleetUser: sh.memory.FleetPassword, string(demoTID): sh.memory.BrokerPassword})
	if err != nil {
		return err
	}
	sh.office, err = openOffice(sh.clock, sh.log, sh.broker, sh.layout, keys, sh.memory.Ports.Fleet, sh.memory.FleetPassword)
	if err != nil {
		return errors.Join(err, sh.broker.Close())
	}
	return nil
}

// beside finds a program in our own folder.
func beside(name string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	program := filepath.Join(filepath.Dir(self), name)
	if _, err := os.Stat(program); err != nil {
		return "", fmt.Errorf("there is no %s beside %s; build both with `make`: %w", name, self, err)
	}
	return program, nil
}

// counters let the phones be held to the lanes' scanners, and look at their displays.
func (sh *shop) counters() []sandbox.Counter {
	var list []sandbox.Counter
	for i, l := range sh.lanes() {
		list = append(list, sandbox.Counter{ID: l.id, Name: l.name, Present: sh.scanners[i].scan,
			Look: func(ctx context.Context) (string, error) { return sh.display(ctx, l.id) }})
	}
	return list
}

// open starts the agent and keeps it until ctx ends.
func (sh *shop) open(ctx context.Context) error {
	if err := sh.memory.save(sh.root); err != nil {
		return err
	}
	if err := sh.writeConfig(sh.cloud, sh.memory, sh.fleetRoot); err != nil {
		return err
	}
	// People before the first start, because they can only be set while no agent runs.
	if err := setPeople(sh.program, sh.layout, sh.memory); err != nil {
		return err
	}
	if err := setCodes(sh.program, sh.layout, sh.memory); err != nil {
		return err
	}
	if err := seedPhones(ctx, sh.cloud.ledger); err != nil {
		return err
	}
	sh.describe()
	fmt.Fprintln(sh.err, "tillcloud: opening the shop …")
	k := &keeper{clock: sh.clock, log: sh.log, name: "the agent", program: sh.program, args: []string{"run", "--config", sh.config()}, logFile: sh.agentLog(),
		before: sh.renewScanners, started: sh.started,
		ended: sh.ended}
	done := make(chan error, 1)
	go func() { done <- k.run(ctx) }()
	err := <-done
	sh.probes.Wait()
	return errors.Join(err, forget(sh.readyFile))
}

// ended tells a person that the agent died; one that dies for the same reason
// again and again is mentioned once.
func (sh *shop) ended(why string) {
	how, _, _ := strings.Cut(why, ";") // its last words differ every time
	if how != sh.lastEnd {
		fmt.Fprintf(sh.err, "tillcloud: the agent ended (%s) and is started again; its log is %s\n", why, sh.agentLog())
	}
	sh.lastEnd = how
}

// renewScanners gives the next agent terminals that no dead one has locked.
func (sh *shop) renewScanners() error {
	for _, line := range sh.scanners {
		if err := line.renew(); err != nil {
			return err
		}
	}
	return nil
}

// describe fills in everything but the agent's process id.
func (sh *shop) describe() {
	base := "http://" + local(sh.memory.Ports.Agent)
	sh.ready = shopReady{Register: base + "/register", Owner: base + "/owner", API: base + "/api/v1", Token: sh.memory.Token,
		CashierPIN: sh.memory.CashierPIN, ManagerPIN: sh.memory.ManagerPIN, OwnerPassword: sh.memory.OwnerPassword,
		Phone: sh.cloud.ControlURL() + "/phone", Sandbox: sh.cloud.ControlURL() + "/_sandbox", MQTT: sh.broker.url(fleetUser, sh.memory.FleetPassword), Fleet: sh.office.ready(), DataDir: sh.agentData(), Config: sh.config(), CloudPID: os.Getpid()}
	for _, l := range sh.lanes() {
		sh.ready.Lanes = append(sh.ready.Lanes, laneReady{ID: l.id, Scanner: l.scanPath, Display: base + "/display/" + l.id})
	}
}

// started watches a new agent until it is open for business, and publishes it.
func (sh *shop) started(life context.Context, pid int) {
	sh.probes.Go(func() {
		ready := sh.ready
		ready.AgentPID = pid
		sh.mu.Lock()
		again := sh.opened
		sh.mu.Unlock()
		wait := life
		if again {
			bounded, cancel := context.WithTimeout(life, readyPatience)
			defer cancel()
			wait = bounded
		}
		err := newProber(sh.clock, ready, sh.office.attend).wait(wait, func(missing error) { fmt.Fprintf(sh.err, "tillcloud: not open yet: %v\n", missing) })
		// Before the first opening nothing is published: an address that does not answer
		// yet helps nobody.
		if life.Err() != nil || err != nil && !again {
			return // it died, or the shop closes
		}
		sh.publish(ready, again)
	})
}

// publish tells the world: a program by the ready file, a newcomer on the screen.
func (sh *shop) publish(ready shopReady, again bool) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.opened = true
	if sh.readyFile == "" {
		if !again {
			fmt.Fprint(sh.out, welcome(ready, sh.root))
		}
		return
	}
	if err := writeReady(sh.readyFile, ready); err != nil {
		fmt.Fprintf(sh.err, "tillcloud: the ready file could not be written: %v\n", err)
	}
}

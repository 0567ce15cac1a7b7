package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"tillwire/agent"
)

const (
	// startPause separates two starts of an agent that dies at once, so that it
	// is back within a second and yet does not burn the processor.
	startPause = 500 * time.Millisecond
	// stopPatience is how long an agent may take to end before it is killed.
	stopPatience = 15 * time.Second
)

// keeper runs a program, the agent or the fleet's service: it starts it again
// whenever it dies, without limit, as the systemd unit of a real one does.
type keeper struct {
	clock   agent.Clock
	log     *slog.Logger
	name    string   // for people: "the agent"
	program string   // beside us
	args    []string // such as those of `tillwire run`
	logFile string   // where its output goes
	// before runs ahead of every start, started after it with the process id,
	// and ended when it has died. Each may be nil.
	before  func() error
	started func(ctx context.Context, pid int)
	ended   func(why string)
}

// run keeps a program until ctx ends, then ends it and waits. It must be called
// on a goroutine of its own: the kernel kills the agent when the thread that
// started it is gone (PR_SET_PDEATHSIG), so this thread belongs to it alone and
// lives as long as tillcloud keeps shop.
func (k *keeper) run(ctx context.Context) error {
	runtime.LockOSThread()
	for ctx.Err() == nil {
		began := k.clock.Mono()
		why, err := k.once(ctx)
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
		k.log.Warn(k.name+" ended and is started again", "why", why)
		if k.ended != nil {
			k.ended(why)
		}
		if k.clock.Mono()-began < startPause {
			select {
			case <-k.clock.After(startPause):
			case <-ctx.Done():
			}
		}
	}
	return nil
}

// once runs one agent to its end and says how it ended.
func (k *keeper) once(ctx context.Context) (why string, err error) {
	if k.before != nil {
		if err := k.before(); err != nil {
			return "", err
		}
	}
	out, err := os.OpenFile(k.logFile, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	from, err := out.Seek(0, io.SeekEnd)
	if err != nil {
		return "", err
	}
	// Its output goes straight into the file: no pipe of ours can fill up and block it.
	cmd := bound(k.program, k.args...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("start %s: %w", k.name, err)
	}
	// What watches this agent must stop watching when it dies.
	life, over := context.WithCancel(ctx)
	defer over()
	if k.started != nil {
		k.started(life, cmd.Process.Pid)
	}
	dead := make(chan struct{})
	go k.stop(ctx, cmd.Process, dead)
	err = cmd.Wait()
	close(dead)
	// Any exit is an end to recover from; only a wait that fails is our own trouble.
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return "", fmt.Errorf("wait for %s: %w", k.name, err)
	}
	return cmd.ProcessState.String() + lastWords(out, from), nil
}

// stop passes the end of tillcloud on to the agent.
func (k *keeper) stop(ctx context.Context, child *os.Process, dead <-chan struct{}) {
	select {
	case <-dead:
		return
	case <-ctx.Done():
	}
	_ = child.Signal(syscall.SIGTERM) // fails only when it is dead already
	select {
	case <-dead:
	case <-k.clock.After(stopPatience):
		k.log.Error(k.name + " did not end in time and is killed")
		_ = child.Kill()
	}
}

// bound is a command that dies with the thread that starts it. It has a process
// group of its own, so that Ctrl-C reaches tillcloud alone, which then ends it.
func bound(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	return cmd
}

// lastWords is the end of what an agent wrote, for a person.
func lastWords(log *os.File, from int64) string {
	end, err := log.Seek(0, io.SeekEnd)
	if err != nil || end <= from {
		return ""
	}
	b := make([]byte, min(end-from, 2000))
	if _, err := log.ReadAt(b, end-int64(len(b))); err != nil {
		return ""
	}
	lines := strings.Split(string(bytes.TrimSpace(b)), "\n")
	return "; its last words: " + lines[len(lines)-1]
}

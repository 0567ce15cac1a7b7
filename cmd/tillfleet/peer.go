package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// listenSocket opens the operators' door. Its folder decides who may come: the
// file is for the service's user and group.
func listenSocket(path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, fmt.Errorf("the operators' socket: %w", err)
	}
	// The folder is locked, so what lies there is left from a service that was killed.
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the operators' socket: %w", err)
	}
	l, err := reachable(path, func(name string) (net.Listener, error) { return net.Listen("unix", name) })
	if err != nil {
		return nil, fmt.Errorf("the operators' socket: %w", err)
	}
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false) // its name may be a short one that is gone by then
	}
	if err := os.Chmod(path, 0o660); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

type peerKey struct{}

// withPeer asks the kernel who is on the other end of a connection.
func withPeer(ctx context.Context, c net.Conn) context.Context {
	who := "unknown"
	if u, ok := c.(*net.UnixConn); ok {
		if raw, err := u.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) { // its error is that the connection is gone
				if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
					who = nameOf(cred.Uid)
				}
			})
		}
	}
	return context.WithValue(ctx, peerKey{}, who)
}

// nameOf is a user's name on this machine.
func nameOf(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return "uid " + id
}

// actorOf answers who asks, by the kernel's word.
func actorOf(r *http.Request) string {
	who, _ := r.Context().Value(peerKey{}).(string)
	return who
}

// longestName is what a socket's name may have, less the end of text.
const longestName = 107

// reachable does something with a socket whose name may be too long for the kernel:
// then its folder is opened first, and named by its number.
func reachable[T any](path string, do func(name string) (T, error)) (v T, err error) {
	if len(path) <= longestName {
		return do(path)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return v, err
	}
	defer dir.Close()
	return do(fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)))
}

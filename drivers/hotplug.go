package drivers

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"tillwire/agent"
)

// The groups of the kernel's uevent socket: raw messages, and the same again
// once udev has made links and set permissions.
const (
	groupKernel = 1
	groupUdev   = 2
)

// rescanEvery is how often something may have been plugged in without a
// message: in a container none arrives.
const rescanEvery = 2 * time.Second

// udevMagic marks a message of udev, big endian at offset 8; at offset 16 and
// 20 stand offset and length of its properties, in the machine's byte order.
const udevMagic = 0xfeedcafe

// Hotplug calls notify whenever a device may have come or gone, until ctx ends:
// at a message of the kernel or of udev, and every two seconds besides. It is
// a hint, never a truth: look for yourself.
func Hotplug(ctx context.Context, clock agent.Clock, notify func()) {
	hotplug(ctx, clock, listenUevents, notify)
}

// listener opens a source of uevents, one message a read.
type listener func() (io.ReadCloser, error)

func hotplug(ctx context.Context, clock agent.Clock, listen listener, notify func()) {
	events := make(chan struct{}, 1)
	done := make(chan struct{})
	source, err := listen()
	if err != nil {
		close(done) // the rescan is enough
	} else {
		go func() {
			defer close(done)
			readUevents(source, events)
		}()
	}
	defer func() {
		if err == nil {
			_ = source.Close() // ends the reader
		}
		<-done
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case <-events:
		case <-clock.After(rescanEvery):
		}
		notify()
	}
}

// readUevents passes on that something happened until the source is closed.
func readUevents(source io.Reader, events chan<- struct{}) {
	buf := make([]byte, 16<<10)
	for {
		n, err := source.Read(buf)
		lost := errors.Is(err, unix.ENOBUFS) // messages were dropped: look
		if err != nil && !lost {
			return
		}
		if lost || interesting(buf[:n]) {
			nudge(events)
		}
	}
}

// listenUevents opens the socket on the group of udev when it runs. The socket
// is in Go's poller, so closing it ends a read.
func listenUevents() (io.ReadCloser, error) {
	group := uint32(groupKernel)
	if _, err := os.Stat("/run/udev/control"); err == nil {
		group = groupUdev
	}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return nil, fmt.Errorf("listen for hot-plug messages: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: group}); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("listen for hot-plug messages: %w", err)
	}
	return os.NewFile(uintptr(fd), "uevent"), nil
}

// interesting reports whether a message is about a device a register may have.
func interesting(message []byte) bool {
	for _, property := range bytes.Split(properties(message), []byte{0}) {
		subsystem, ok := bytes.CutPrefix(property, []byte("SUBSYSTEM="))
		if !ok {
			continue
		}
		switch string(subsystem) {
		case "tty", "usb", "usbmisc", "hidraw", "input":
			return true
		}
	}
	return false
}

// properties returns the NUL-separated KEY=VALUE part of a message of either
// group. A header that points outside the message leaves nothing.
func properties(message []byte) []byte {
	if !bytes.HasPrefix(message, []byte("libudev\x00")) {
		return message
	}
	if len(message) < 24 || binary.BigEndian.Uint32(message[8:]) != udevMagic {
		return nil
	}
	offset, length := uint64(binary.NativeEndian.Uint32(message[16:])), uint64(binary.NativeEndian.Uint32(message[20:]))
	if offset+length > uint64(len(message)) {
		return nil
	}
	return message[offset : offset+length]
}

package scanner

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// kernel is what nodes ask of the kernel before they read. There are two: the
// ioctls of Linux, and a scripted one for tests, because a machine without the
// hardware has no such nodes.
type kernel interface {
	// grab takes a keyboard away from everybody else.
	grab(fd int) error
	// checkHIDPOS refuses a node that is no HID POS scanner.
	checkHIDPOS(fd int) error
}

// What is wrong with a node, beside the kernel's own errors.
var (
	errNotKeyboard = errors.New("no keyboard")
	errKeyHeld     = errors.New("a key is held down")
	errNotHIDPOS   = errors.New("no HID POS scanner")
)

// Requests of linux/input.h and linux/hidraw.h.
const (
	eviocgrab     = 0x40044590
	eviocgkey     = 0x80604518 // 96 bytes: which keys are down
	eviocgbitKey  = 0x80604521 // 96 bytes: which keys there are
	hidiocgrdsize = 0x80044801
	hidiocgrdesc  = 0x90044802

	keyBytes      = 96
	hidDescriptor = 4096 // HID_MAX_DESCRIPTOR_SIZE
)

// ioctls are the real kernel.
type ioctls struct{}

func (ioctls) call(fd int, request uintptr, argument unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(argument)); errno != 0 {
		return fmt.Errorf("ioctl %08X: %w", request, errno)
	}
	return nil
}

// grab looks for a held key first: once grabbed, its release would never reach
// the console, which would repeat it for ever.
func (k ioctls) grab(fd int) error {
	var keys, held [keyBytes]byte
	if err := k.call(fd, eviocgbitKey, unsafe.Pointer(&keys)); err != nil {
		return err
	}
	if err := k.call(fd, eviocgkey, unsafe.Pointer(&held)); err != nil {
		return err
	}
	if err := judgeKeyboard(keys[:], held[:]); err != nil {
		return err
	}
	return unix.IoctlSetInt(fd, eviocgrab, 1)
}

// judgeKeyboard looks at the bits of the keys there are and of those held down.
func judgeKeyboard(keys, held []byte) error {
	has := func(code int) bool { return keys[code/8]>>(code%8)&1 == 1 }
	switch {
	case !has(key1) || !has(keyEnter):
		return errNotKeyboard
	case !bytes.Equal(held, make([]byte, len(held))):
		return errKeyHeld
	}
	return nil
}

// hidPOSUsage begins the report descriptor of a scanner: usage page 8C (bar
// code scanner), usage 02.
var hidPOSUsage = []byte{0x05, 0x8c, 0x09, 0x02}

func (k ioctls) checkHIDPOS(fd int) error {
	var size uint32
	if err := k.call(fd, hidiocgrdsize, unsafe.Pointer(&size)); err != nil {
		return err
	}
	var descriptor [4 + hidDescriptor]byte
	binary.NativeEndian.PutUint32(descriptor[:], min(size, hidDescriptor))
	if err := k.call(fd, hidiocgrdesc, unsafe.Pointer(&descriptor)); err != nil {
		return err
	}
	return judgeDescriptor(descriptor[4:])
}

func judgeDescriptor(descriptor []byte) error {
	if !bytes.HasPrefix(descriptor, hidPOSUsage) {
		return errNotHIDPOS
	}
	return nil
}

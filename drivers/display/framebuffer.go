package display

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"tillwire/agent"
	"tillwire/drivers"
	"tillwire/drivers/serial"
)

// The requests of Linux framebuffers (linux/fb.h) and the major number of their nodes
// (Linux, devices.txt). Not tried on a board yet: a machine with a framebuffer tells its
// geometry by the first two, and where it does not, the keys of the driver say it.
const (
	fbMajor    = 29
	fbVariable = 0x4600 // FBIOGET_VSCREENINFO, 160 bytes
	fbFixed    = 0x4602 // FBIOGET_FSCREENINFO, 80 bytes on 64 bits, 68 on 32
	fbBlank    = 0x4611 // FBIOBLANK; 0 lights the screen
)

// framebufferSpec is the driver of a screen on the board itself, without a desktop. A
// text console on the same screen goes on writing to it: give the kernel another one
// (console=tty2) or use the kiosk page.
func framebufferSpec() drivers.Spec {
	return drivers.Spec{Name: "framebuffer", Kind: agent.KindDisplay, Help: "a screen of the board itself, /dev/fb0, without a desktop on it", NeedsPath: true,
		Keys: []drivers.Key{
			{Name: "width", Default: "0", Help: "pixels in a row; 0: as the kernel says"},
			{Name: "height", Default: "0", Help: "rows; 0: as the kernel says"},
			{Name: "stride", Default: "0", Help: "bytes from one row to the next; 0: as the kernel says, or without a gap"},
			{Name: "bits", Default: "32", Help: "of a pixel where width and height are given: 16, 24 or 32"},
		},
		New: func(c drivers.Config, v *drivers.Values, e drivers.Env) (drivers.Device, error) {
			g := geometry{v.Int("width", 0, mostSide), v.Int("height", 0, mostSide), v.Int("stride", 0, 8*mostSide), v.Int("bits", 16, 32)}
			picture := &canvas{}
			asks := g.width == 0 && g.height == 0
			if !asks {
				if g.stride == 0 {
					g.stride = g.width * g.bits / 8
				}
				if err := g.check(); err != nil {
					v.Fail("width", err.Error())
				}
				picture.set(g)
			}
			d := &device{config: c, env: e, codec: picture, kick: make(chan struct{}, 1), screen: agent.Screen{Kind: agent.ScreenIdle}}
			d.open = func(path string, _ serial.Settings) (serial.Port, error) { return openFramebuffer(path, picture, asks) }
			return d, v.Err()
		}}
}

// framebuffer is the memory of a screen as a port: what is written is a whole picture,
// and nothing ever comes from it.
type framebuffer struct {
	file  *os.File
	input chan serial.Chunk
	once  sync.Once
	err   error // written before input is closed
}

// openFramebuffer opens the screen; with asks the kernel is asked how it lies in memory.
func openFramebuffer(path string, picture *canvas, asks bool) (serial.Port, error) {
	f, err := drivers.OpenNode(path, os.O_RDWR)
	if err != nil {
		return nil, err
	}
	g, said := askGeometry(f)
	if said != nil && !isFramebuffer(f) {
		return nil, errors.Join(drivers.Fault(&agent.Error{Op: "open the screen", Class: agent.Invalid, Err: said, Say: agent.Sentence{ID: "device.no_screen", Args: []string{path},
			English: fmt.Sprintf("%s is no screen: write the framebuffer's path, usually /dev/fb0", path)}}), f.Close())
	}
	if asks {
		if err := picture.lay(path, g, said); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		_ = control(f, fbBlank, nil) // a screen that cannot be lit is lit
	}
	return newFramebuffer(f), nil
}

func newFramebuffer(f *os.File) *framebuffer {
	return &framebuffer{file: f, input: make(chan serial.Chunk)}
}

// isFramebuffer tells a screen that does not say how it lies in memory from any other
// device: what is written to one of those goes where nobody meant it to.
func isFramebuffer(f *os.File) bool {
	info, err := f.Stat()
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && unix.Major(uint64(stat.Rdev)) == fbMajor
}

// lay takes over the geometry that the kernel told, or says what to do without.
func (c *canvas) lay(path string, g geometry, said error) error {
	if said == nil {
		said = g.check()
	}
	if said != nil {
		return &agent.Error{Op: "open the screen", Class: agent.Invalid, Err: said, Say: agent.Sentence{ID: "device.trouble", Args: []string{path},
			English: fmt.Sprintf("%s does not say how its picture lies in memory (%v): give width, height, stride and bits", path, said)}}
	}
	c.set(g)
	return nil
}

// askGeometry reads what the kernel says: the size, the bits of a pixel, and the bytes of
// a row, which may be more than its pixels take.
func askGeometry(f *os.File) (geometry, error) {
	var variable [160]byte
	var fixed [80]byte
	if err := control(f, fbVariable, unsafe.Pointer(&variable)); err != nil {
		return geometry{}, err
	}
	if err := control(f, fbFixed, unsafe.Pointer(&fixed)); err != nil {
		return geometry{}, err
	}
	return readGeometry(variable[:], fixed[:], int(unsafe.Sizeof(uintptr(0)))), nil
}

// readGeometry takes the answers apart: xres and yres begin fb_var_screeninfo and
// bits_per_pixel is its seventh word; line_length of fb_fix_screeninfo stands behind the
// name (16), an address, four words and three half words.
func readGeometry(variable, fixed []byte, pointer int) geometry {
	word := func(b []byte) int { return int(binary.NativeEndian.Uint32(b)) }
	line := 16 + pointer + 4*4 + 3*2 + 2
	return geometry{width: word(variable), height: word(variable[4:]), bits: word(variable[24:]), stride: word(fixed[line:])}
}

func control(f *os.File, request uintptr, argument unsafe.Pointer) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var errno unix.Errno
	err = conn.Control(func(fd uintptr) { _, _, errno = unix.Syscall(unix.SYS_IOCTL, fd, request, uintptr(argument)) })
	if err == nil && errno != 0 {
		err = errno
	}
	return err
}

// Input implements serial.Port.
func (f *framebuffer) Input() <-chan serial.Chunk { return f.input }

// Write implements serial.Port: b is a whole picture.
func (f *framebuffer) Write(_ context.Context, b []byte) error {
	_, err := f.file.WriteAt(b, 0)
	if err != nil {
		err = fmt.Errorf("write to the screen: %w", err)
		f.end(err)
	}
	return err
}

func (f *framebuffer) end(cause error) {
	f.once.Do(func() {
		f.err = cause
		close(f.input)
	})
}

// Err implements serial.Port.
func (f *framebuffer) Err() error {
	select {
	case <-f.input:
		return f.err
	default:
		return nil
	}
}

// Close implements serial.Port.
func (f *framebuffer) Close() error {
	f.end(serial.ErrClosed)
	return f.file.Close()
}

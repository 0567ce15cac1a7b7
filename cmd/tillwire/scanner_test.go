package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tillwire/cmd/cli"
)

// decoder is an SSI scanner on the far end of a terminal: it acknowledges what
// it is told and remembers it, once for each message however often that came.
type decoder struct {
	t    *testing.T
	far  *os.File
	told chan byte // opcodes of the host, in order
}

func newDecoder(t *testing.T, far *os.File) *decoder {
	d := &decoder{t: t, far: far, told: make(chan byte, 64)}
	go d.listen()
	return d
}

func (d *decoder) listen() {
	var have []byte
	buf := make([]byte, 256)
	for {
		n, err := d.far.Read(buf)
		if err != nil {
			return
		}
		have = append(have, buf[:n]...)
		for len(have) > 0 && len(have) >= int(have[0])+2 {
			opcode, again := have[1], have[3]&1 != 0
			have = have[have[0]+2:]
			if opcode != 0xd0 && opcode != 0xd1 {
				_, _ = d.far.Write([]byte{0x04, 0xd0, 0x00, 0x00, 0xff, 0x2c})
			}
			if !again { // the acknowledgement came late, on a busy machine
				d.told <- opcode
			}
		}
	}
}

// hears waits until the scanner was told all of these, in any order.
func (d *decoder) hears(what string, opcodes ...byte) {
	d.t.Helper()
	for end := time.After(patience); len(opcodes) > 0; {
		select {
		case got := <-d.told:
			i := slices.Index(opcodes, got)
			if i < 0 {
				d.t.Fatalf("%s: told %02X, want % X", what, got, opcodes)
			}
			opcodes = slices.Delete(opcodes, i, i+1)
		case <-end:
			d.t.Fatalf("%s: never told % X", what, opcodes)
		}
	}
}

// reads sends a code as DECODE_DATA.
func (d *decoder) reads(kind byte, code string) {
	d.t.Helper()
	b := append([]byte{byte(5 + len(code)), 0xf3, 0, 0, kind}, code...)
	sum := 0
	for _, c := range b {
		sum -= int(c)
	}
	if _, err := d.far.Write(append(b, byte(sum>>8), byte(sum))); err != nil {
		d.t.Fatal(err)
	}
}

// A lane names a model, and at its register the scanner is set up, switched on
// for a payment, acknowledged, thanked for what was taken, and switched off.
func TestAPacketScannerAtARunningRegister(t *testing.T) {
	const (
		params, start, stop, ack, beep = 0xc6, 0xe4, 0xe5, 0xd0, 0xe6
		ean, qr                        = 0x0b, 0x1c
	)
	far, path := line(t)
	file := equipped(t, strings.Replace(sound, `driver = "virtual"`, "driver = \"zebra-ds-ssi\"\npath = \""+path+"\"", 1))
	owned(t, file)
	r := started(t, file)
	d := newDecoder(t, far)
	d.hears("set up", params)
	r.ready()
	if status, answer := r.call("POST", "/api/v1/payments", `{"request_id":"r1","lane":"1","amount":{"value":1280,"currency":"CNY"},"reference":"7","mode":"scan"}`); status != http.StatusCreated {
		t.Fatalf("a payment: %d %v", status, answer)
	}
	d.hears("a payment waits", start)
	d.reads(ean, "6901234567892")
	d.hears("goods, which end nothing", ack)
	d.reads(qr, "134567890123456789")
	d.hears("the phone", ack, beep, stop)
	r.waits("the payment was begun", func() bool {
		_, answer := r.call("GET", "/api/v1/payments?q=7", "")
		return !strings.Contains(fmt.Sprint(answer["text"]), `"status":"created"`)
	})
}

// Every capture of the drivers, the public vectors among them, gives on the
// command line what it says.
func TestDecodeReproducesEveryCapture(t *testing.T) {
	const drivers = "../../drivers/scanner/"
	files, err := filepath.Glob(drivers + "*/*/*.txt")
	if more, err := filepath.Glob(drivers + "*/*/*/*.txt"); err == nil {
		files = append(files, more...)
	}
	if err != nil || len(files) < 20 {
		t.Fatalf("only %d captures, %v", len(files), err)
	}
	for _, file := range files {
		profile := filepath.Base(filepath.Dir(file))
		if profile == "blueprint" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want := ""
		for _, l := range strings.Split(string(text), "\n") {
			if event, ok := strings.CutPrefix(l, "#> "); ok {
				want += event + "\n"
			}
		}
		if r := invoke(t, string(text), "devices", "decode", "--profile", profile); r.code != cli.Fine || r.stdout != want {
			t.Errorf("%s: %+v\nwant %s", file, r, want)
		}
	}
}

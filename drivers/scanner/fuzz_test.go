package scanner

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// fuzzCodec looks for input that breaks the promises of a codec: no panic, no
// unclean and no empty scan, no time that goes back, and nothing hoarded.
func fuzzCodec(f *testing.F, profile string, sets ...map[string]string) {
	for _, dir := range []string{filepath.Join("testdata/protocols", profile), filepath.Join("products", profile)} {
		files, _ := filepath.Glob(filepath.Join(dir, "*.txt")) // the pattern is sound
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			steps, err := ReadCapture(bytes.NewReader(text))
			if err != nil {
				f.Fatal(err)
			}
			var data []byte
			for _, s := range steps {
				data = append(data, s.Bytes...)
			}
			f.Add(data, uint16(0), uint8(len(data)))
			f.Add(data, uint16(7), uint8(0))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, step uint16, piece uint8) {
		for _, set := range append(sets, nil) {
			codec, err := decoder(profile, set)
			if err != nil {
				t.Fatal(err)
			}
			var now, last time.Duration
			check := func(events []Event) {
				for _, e := range events {
					if e.Kind != EventRetransmit { // which repeats what checkEvent saw as a scan
						checkEvent(t, e, false)
					}
					if e.At < last || e.At > now {
						t.Errorf("%s at %s, after %s, now %s", e.Kind, e.At, last, now)
					}
					last = e.At
				}
			}
			check(codec.Start(0))
			for rest := data; len(rest) > 0; {
				n := min(len(rest), int(piece)+1)
				check(codec.Tick(now))
				check(codec.Feed(now, rest[:n]))
				switch step % 11 {
				case 3:
					check(codec.Lost(now))
				case 5:
					check(codec.Command(now, Commands()[n%len(Commands())]))
				}
				rest = rest[n:]
				now += time.Duration(step) * time.Millisecond
			}
			now += time.Minute
			check(codec.Tick(now))
			now += time.Minute
			if more := codec.Tick(now); len(more) > 0 {
				t.Errorf("%d events after a minute of silence", len(more))
			}
		}
	})
}

func FuzzSSI(f *testing.F) {
	fuzzCodec(f, "ssi", map[string]string{"source": "any", "wake": "on", "max_len": "8"}, map[string]string{"cordless": "on"})
}

func FuzzDECHDR(f *testing.F) {
	fuzzCodec(f, "honeywell-dechdr", map[string]string{"max_len": "8"})
}

func FuzzNewland(f *testing.F) {
	fuzzCodec(f, "newland", map[string]string{"idle_gap": "on", "max_len": "16"})
}

func FuzzHoneywell(f *testing.F) { fuzzCodec(f, "honeywell", map[string]string{"stx": "on"}) }

func FuzzGrow(f *testing.F) { fuzzCodec(f, "grow", map[string]string{"code_id": "datalogic-us"}) }

func FuzzHIDPOS(f *testing.F) { fuzzCodec(f, "hid-pos", map[string]string{"max_len": "8"}) }

func FuzzEvdev(f *testing.F) { fuzzCodec(f, "evdev", map[string]string{"event_size": "16"}) }

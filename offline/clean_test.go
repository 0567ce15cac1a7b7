package offline_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"tillwire/offline"
)

// TestOnlyACrashIsCalledACrash: a start after a stop says nothing; a start over the
// log that a crash leaves says so.
func TestOnlyACrashIsCalledACrash(t *testing.T) {
	ts := openStore(t, nil)
	ts.sell(t, 1)
	dead := copyFolder(t, ts.dir)
	for _, tc := range []struct {
		name, dir string
		crash     bool
	}{{"after a stop", ts.dir, false}, {"after a crash", dead, true}} {
		var log bytes.Buffer
		ts.reopen(t, func(opt *offline.Options) {
			opt.Dir, opt.Log = tc.dir, slog.New(slog.NewTextHandler(&log, nil))
		})
		if strings.Contains(log.String(), "store_unclean") != tc.crash {
			t.Errorf("%s: %s", tc.name, log.String())
		}
	}
}

package offline

import (
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"tillwire/agent"
)

// The room that the store keeps for the outcome of what has begun.
const (
	ballastBytes = 8 << 20  // given up on the first "disk full"
	minFreeBytes = 64 << 20 // below it no new payment begins
	// DefaultMaxBytes bounds the database file: two years of a busy shop.
	DefaultMaxBytes = 4 << 30
)

// Options are what a store is opened with. Dir, Clock and Timers are required.
type Options struct {
	Dir    string // the data folder; made if missing
	Name   string // of this program, told to a second one that wants the folder
	Clock  agent.Clock
	Timers func(wallet string) agent.Timers
	// Notify hears of every commit of a payment, in commit order and before the
	// commit is answered. It runs on the writer: it must be quick and must not call
	// the store, whose readers wait for it. nil is allowed.
	Notify func(agent.Payment)
	Log    *slog.Logger
	// Observe hears how many requests each transaction carried and how long the
	// commit took with its sync. nil is allowed; it must be quick.
	Observe  func(requests int, took time.Duration)
	MaxBytes int64 // largest size of the database; 0 means DefaultMaxBytes
	// PerWallet bounds how many tasks of one wallet are leased at a time, so that one
	// whose answers hang leaves workers for the others; 0 sets no bound.
	PerWallet int
	// Keep is how long final payments stay, asked before each removal; nil means 90
	// days. It is not asked before Steady has said yes.
	Keep func() time.Duration
	// Steady reports that somebody trustworthy has confirmed the wall clock in this
	// run. Nothing is removed before: a clock that starts years ahead would make all
	// payments look old. nil means that nobody ever does.
	Steady func() bool
	// Free tells how many bytes the disk of a folder has left; nil asks the kernel.
	Free func(dir string) (uint64, error)
	// BackupEvery is the time between backups into Dir/backups; 0 means 6 h,
	// negative none.
	BackupEvery time.Duration
	// Witness is the file that says how far the journal had come, so that an older
	// database is found out; empty means one in Dir. One elsewhere also tells when the
	// whole folder was put back.
	Witness string
	// Machine names the parts that this machine shares with no other, such as addresses
	// of its network cards. Sharing none with the last start stops accepting offline;
	// empty: nothing is compared.
	Machine []string
}

func (o Options) withDefaults() Options {
	if o.Name == "" {
		o.Name = filepath.Base(os.Args[0])
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Notify == nil {
		o.Notify = func(agent.Payment) {}
	}
	if o.Observe == nil {
		o.Observe = func(int, time.Duration) {}
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.Keep == nil {
		o.Keep = func() time.Duration { return 90 * 24 * time.Hour }
	}
	if o.Steady == nil {
		o.Steady = func() bool { return false }
	}
	if o.Free == nil {
		o.Free = FreeBytes
	}
	if o.BackupEvery == 0 {
		o.BackupEvery = 6 * time.Hour
	}
	return o
}

// FreeBytes is what an ordinary user may still write to the disk of a folder; the error is
// the system's.
func FreeBytes(dir string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return s.Bavail * uint64(s.Bsize), nil
}

// The names in the data folder.
const (
	fileName    = "agent.db"
	lockName    = "lock"
	ballastName = "ballast"
	witnessName = "witness"
	suspectName = "suspect" // exists while the file must be checked before it is used
	backupsName = "backups"
)

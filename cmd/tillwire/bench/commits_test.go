package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	tw "tillwire/agent"
	"tillwire/offline"
)

// The sizes of one round.
const (
	rounds     = 5
	floorSyncs = 1500
)

// floor is the bare loop: one page written and synced, again and again. Appending
// is what a program that only keeps a log does; overwriting a file that has its
// size already spares the disk the file's metadata, and is the harder measure.
func floor(dir string, appending bool) (float64, error) {
	f, err := os.Create(filepath.Join(dir, "floor"))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	page := make([]byte, 4096)
	const pages = 1000
	for range pages {
		if appending {
			break
		}
		if _, err := f.Write(page); err != nil {
			return 0, err
		}
	}
	if err := f.Sync(); err != nil {
		return 0, err
	}
	began := time.Now()
	for i := range floorSyncs {
		page[0] = byte(i)
		at := int64(i)
		if !appending {
			at %= pages
		}
		if _, err := f.WriteAt(page, at*4096); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
	}
	return floorSyncs / time.Since(began).Seconds(), nil
}

// trade makes each lane open a payment and record its approval until n payments
// are done: two durable commits a payment, as at the counter.
func trade(s *offline.Store, lanes, n int) (float64, error) {
	var wg sync.WaitGroup
	errs := make(chan error, lanes)
	began := time.Now()
	for lane := range lanes {
		wg.Go(func() {
			for range n / lanes {
				if err := one(s, fmt.Sprint("L", lane), "", time.Now()); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		return 0, err
	default:
	}
	return float64(n/lanes*lanes*2) / time.Since(began).Seconds(), nil
}

// one is a payment that was opened at a time and approved.
func one(s *offline.Store, lane, cashier string, now time.Time) error {
	ctx := context.Background()
	id := ulid.Make().String()
	p := tw.Payment{ID: tw.PaymentID(id), OrderNo: "BENCH1" + id, Client: "till:1", RequestID: id, RequestHash: []byte("0123456789abcdef0123456789abcdef"), Lane: lane,
		Amount: tw.Money{Value: 1280, Currency: "CNY"}, Reference: "order 42", Mode: tw.ModeScan, Cashier: cashier, Created: now}
	p, err := s.Open(ctx, p, tw.Fact{Kind: tw.FactOpened, At: now},
		tw.Fact{Kind: tw.FactPayStarted, At: now, Op: tw.OpPay, Attempt: 1, Wallet: "wechat", CodePrint: []byte(id)[10:]})
	if err != nil {
		return err
	}
	_, err = s.Record(ctx, p.ID, p.Version, tw.Fact{Kind: tw.FactApproved, At: now, Op: tw.OpPay, Amount: 1280, Txn: "4200000000202601010000000001"})
	return err
}

func commits(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // as the agent has it
	dir := b.TempDir()
	s, err := offline.Open(b.Context(), offline.Options{Dir: dir, Clock: tw.NewSystemClock(),
		Timers: func(string) tw.Timers { return tw.DefaultTimers("wechat") }, BackupEvery: -1})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	lanes := []int{1, 4, 16, 64}
	var appended, overwritten figures
	rate, ratio, hard := map[int]*figures{}, map[int]*figures{}, map[int]*figures{}
	for _, n := range lanes {
		rate[n], ratio[n], hard[n] = &figures{}, &figures{}, &figures{}
	}
	for range rounds {
		for _, n := range lanes {
			log, err := floor(dir, true)
			if err != nil {
				b.Fatal(err)
			}
			ours, err := trade(s, n, 1000*min(n, 8))
			if err != nil {
				b.Fatal(err)
			}
			over, err := floor(dir, false)
			if err != nil {
				b.Fatal(err)
			}
			appended, overwritten = append(appended, log), append(overwritten, over)
			*rate[n], *ratio[n], *hard[n] = append(*rate[n], ours), append(*ratio[n], ours/log), append(*hard[n], ours/over)
		}
	}
	fmt.Printf("durable commits, median of %d rounds (lowest to highest)\n", rounds)
	fmt.Printf("  bare loop, append 4 KiB and fsync     %s a second\n", appended)
	fmt.Printf("  bare loop, overwrite 4 KiB and fsync  %s a second\n", overwritten)
	for _, n := range lanes {
		fmt.Printf("  %2d lanes  %s a second; %s of the appending loop, %s of the overwriting one\n", n, rate[n], ratio[n], hard[n])
	}
}

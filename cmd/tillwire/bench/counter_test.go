package bench

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"sync"
	"testing"
	"time"
)

// warmUp is how many scans come before those that are measured: they open the
// connections.
const warmUp = 20

// latency measures what the agent adds to a sale: from the last byte of the scan
// on the serial line to the verdict in the event stream, less the time the cloud
// had the request in its hands.
func latency(b *testing.B) {
	fmt.Printf("one RSA-2048 signature alone: %.2f ms\n", ms(signature()))
	for _, round := range []struct {
		delay time.Duration
		sales int // a p99 wants some sales beyond it
	}{{0, 1000}, {8 * time.Millisecond, 300}, {25 * time.Millisecond, 300}} {
		settle()
		r, err := scans(b.TempDir(), round.delay, round.sales, "")
		if err != nil {
			b.Fatal(err)
		}
		label := "this disk"
		if round.delay > 0 {
			label = fmt.Sprintf("every sync %s slower", round.delay)
		}
		fmt.Printf("added from last scanned byte to verdict event, %s: p50 %.2f ms, p99 %.2f ms (%d sales; the cloud's own %.2f ms left out)\n",
			label, r.added.median(), r.added.at(0.99), len(r.added), r.cloud.median())
		fmt.Printf("  of it, medians: %.2f ms until the attempt is begun, %.2f ms recording while signing, and asking, %.2f ms recording the outcome and telling\n",
			r.parts[0].median(), r.parts[1].median(), r.parts[2].median())
	}
}

func signature() time.Duration {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256([]byte("bench"))
	var all []time.Duration
	for range 200 {
		began := time.Now()
		if _, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:]); err != nil {
			panic(err)
		}
		all = append(all, time.Since(began))
	}
	f := figures{}
	for _, d := range all {
		f = append(f, float64(d))
	}
	return time.Duration(f.median())
}

// scanned is what a round of scans measured, in milliseconds.
type scanned struct {
	added figures    // by the agent, in all
	parts [3]figures // until the attempt is begun, until the outcome is known, until it is told
	cloud figures    // what the cloud took for itself
}

// scans runs a shop of its own; more is added to its configuration.
func scans(dir string, delay time.Duration, sales int, more string) (r scanned, err error) {
	c, err := openCloud(0)
	if err != nil {
		return r, err
	}
	defer c.close()
	a, err := prepare(dir, c, 1, true)
	if err != nil {
		return r, err
	}
	if err := a.configure(more); err != nil {
		return r, err
	}
	preload := ""
	if delay > 0 {
		if preload, err = slowSync(dir, delay); err != nil {
			return r, err
		}
	}
	if err := a.start(preload); err != nil {
		return r, err
	}
	defer a.stop()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := a.listen(ctx); err != nil {
		return r, err
	}
	<-time.After(time.Second) // the scanner's grace
	for i := range warmUp + sales {
		last, v, took, err := a.scan(c, i)
		if err != nil {
			return r, err
		}
		if i < warmUp {
			continue
		}
		r.cloud = append(r.cloud, ms(took))
		r.added = append(r.added, ms(v.at.Sub(last)-took))
		r.parts[0] = append(r.parts[0], ms(v.sent.Sub(last)))
		r.parts[1] = append(r.parts[1], ms(v.known.Sub(v.sent)-took))
		r.parts[2] = append(r.parts[2], ms(v.at.Sub(v.known)))
	}
	return r, nil
}

// scan makes one sale at the first lane's scanner. It returns when the last byte
// was written, the verdict, and the cloud's share of the time between.
func (a *agent) scan(c *cloud, i int) (last time.Time, v verdict, took time.Duration, err error) {
	id, orderNo, err := a.open(0, fmt.Sprint("latency-", i))
	if err != nil {
		return last, v, 0, err
	}
	if err := c.expect(orderNo, price); err != nil {
		return last, v, 0, err
	}
	if _, err := fmt.Fprintf(a.scanners[0], "13%016d", i); err != nil {
		return last, v, 0, err
	}
	<-time.After(2 * time.Millisecond) // the last byte alone is what counts
	last = time.Now()
	if _, err := a.scanners[0].WriteString("\r"); err != nil {
		return last, v, 0, err
	}
	select {
	case v = <-a.verdict(id):
		return last, v, c.worked(orderNo), nil
	case <-time.After(20 * time.Second):
		return last, v, 0, fmt.Errorf("no verdict for sale %d", i)
	}
}

// The open loop: sales arrive at a fixed rate whatever the counter does.
const (
	loopRate  = 250
	loopFor   = 20 * time.Second
	loopLanes = 128
	loopCloud = 300 * time.Millisecond
)

// openLoop offers 250 sales a second over 128 lanes to a cloud that takes 300 ms,
// and counts what was lost.
func openLoop(b *testing.B) {
	c, err := openCloud(loopCloud)
	if err != nil {
		b.Fatal(err)
	}
	defer c.close()
	a, err := prepare(b.TempDir(), c, loopLanes, false)
	if err != nil {
		b.Fatal(err)
	}
	if err := a.start(""); err != nil {
		b.Fatal(err)
	}
	defer a.stop()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := a.listen(ctx); err != nil {
		b.Fatal(err)
	}
	free := make(chan int, loopLanes)
	for lane := range loopLanes {
		free <- lane
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var added, waited figures
	lost := 0
	began := time.Now()
	n := int(loopRate * loopFor.Seconds())
	for i := range n {
		due := began.Add(time.Duration(i) * time.Second / loopRate)
		if left := time.Until(due); left > 0 {
			<-time.After(left)
		}
		wg.Go(func() {
			lane := <-free
			took, err := a.sale(c, lane, i)
			free <- lane
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				lost++
				return
			}
			added = append(added, took)
			waited = append(waited, ms(time.Since(due)))
		})
	}
	wg.Wait()
	fmt.Printf("open loop, %d sales at %d a second over %d lanes, cloud %s: added p50 %.1f ms, p99 %.1f ms; %d lost; the cloud has %d orders; last verdict %.1f s after the last arrival\n",
		n, loopRate, loopLanes, loopCloud, added.median(), added.at(0.99), lost, c.count(), max(0, time.Since(began).Seconds()-loopFor.Seconds()))
}

// sale opens a payment and hands in the code through the local API.
func (a *agent) sale(c *cloud, lane, i int) (float64, error) {
	id, orderNo, err := a.open(lane, fmt.Sprint("loop-", i))
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if status, out, err := a.do("POST", fmt.Sprintf("/lanes/%d/scan", lane+1), map[string]any{"text": fmt.Sprintf("13%016d", 1_000_000+i)}); err != nil || status >= 300 {
		return 0, fmt.Errorf("scan: %d %v %v", status, out, err)
	}
	select {
	case v := <-a.verdict(id):
		return ms(v.at.Sub(began) - c.worked(orderNo)), nil
	case <-time.After(20 * time.Second):
		return 0, fmt.Errorf("no verdict for sale %d", i)
	}
}

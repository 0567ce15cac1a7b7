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

// sales is how many scans one round measures.
const sales = 300

// latency measures what the agent adds to a sale: from the last byte of the scan
// on the serial line to the verdict in the event stream, less the time the cloud
// held the request.
func latency(b *testing.B) {
	fmt.Printf("one RSA-2048 signature alone: %.2f ms\n", ms(signature()))
	for _, delay := range []time.Duration{0, 8 * time.Millisecond, 25 * time.Millisecond} {
		added, parts, err := scans(b.TempDir(), delay)
		if err != nil {
			b.Fatal(err)
		}
		label := "this disk"
		if delay > 0 {
			label = fmt.Sprintf("every sync %s slower", delay)
		}
		fmt.Printf("added from last scanned byte to verdict event, %s: p50 %.2f ms, p99 %.2f ms (%d sales)\n",
			label, added.median(), added.at(0.99), len(added))
		fmt.Printf("  of it, medians: %.2f ms until the attempt is recorded, %.2f ms recording, signing and asking, %.2f ms recording the outcome and telling\n",
			parts[0].median(), parts[1].median(), parts[2].median())
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

func scans(dir string, delay time.Duration) (added figures, parts [3]figures, err error) {
	c, err := openCloud(0)
	if err != nil {
		return nil, parts, err
	}
	defer c.close()
	a, err := prepare(dir, c, 1, true)
	if err != nil {
		return nil, parts, err
	}
	preload := ""
	if delay > 0 {
		if preload, err = slowSync(dir, delay); err != nil {
			return nil, parts, err
		}
	}
	if err := a.start(preload); err != nil {
		return nil, parts, err
	}
	defer a.stop()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := a.listen(ctx); err != nil {
		return nil, parts, err
	}
	<-time.After(time.Second) // the scanner's grace
	for i := range sales + 20 {
		id, orderNo, err := a.open(0, fmt.Sprint("latency-", i))
		if err != nil {
			return nil, parts, err
		}
		code := fmt.Sprintf("13%016d\r", i)
		if _, err := a.scanners[0].WriteString(code[:len(code)-1]); err != nil {
			return nil, parts, err
		}
		<-time.After(2 * time.Millisecond) // the last byte alone is what counts
		last := time.Now()
		if _, err := a.scanners[0].WriteString("\r"); err != nil {
			return nil, parts, err
		}
		select {
		case v := <-a.verdict(id):
			if i >= 20 { // the first ones warm the connections
				added = append(added, ms(v.at.Sub(last)-c.worked(orderNo)))
				parts[0] = append(parts[0], ms(v.sent.Sub(last)))
				parts[1] = append(parts[1], ms(v.known.Sub(v.sent)-c.worked(orderNo)))
				parts[2] = append(parts[2], ms(v.at.Sub(v.known)))
			}
		case <-time.After(20 * time.Second):
			return nil, parts, fmt.Errorf("no verdict for sale %d", i)
		}
	}
	return added, parts, nil
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

package offline_test

import (
	"bytes"
	"fmt"
	"testing"

	"tillwire/agent"
)

// TestWhoFollowsTheActsReadsEachOnce: in the order of the journal, a few at a time,
// past the payments between them, each with the hash its row has there.
func TestWhoFollowsTheActsReadsEachOnce(t *testing.T) {
	ts := openStore(t, nil)
	const acts = 9
	for i := range acts {
		if err := ts.AppendAudit(t.Context(), agent.Audit{Actor: "person:1", Action: "act", Object: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
		if i%3 == 0 {
			ts.sell(t, i)
		}
	}
	db := byHand(t, ts.dir)
	row, read := int64(0), 0
	for {
		page, err := ts.AuditsBehind(t.Context(), row, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		if len(page) > 2 {
			t.Fatalf("%d acts where two were asked for", len(page))
		}
		for _, e := range page {
			if e.Seq <= row || e.Object != fmt.Sprint(read) {
				t.Fatalf("behind row %d, as number %d, comes row %d: %+v", row, read, e.Seq, e.Audit)
			}
			var hash []byte
			if err := db.QueryRow("SELECT hash FROM journal WHERE seq = ?", e.Seq).Scan(&hash); err != nil || !bytes.Equal(hash, e.Hash[:]) {
				t.Fatalf("row %d has the hash %x, read was %x (%v)", e.Seq, hash, e.Hash, err)
			}
			row, read = e.Seq, read+1
		}
	}
	if read != acts {
		t.Fatalf("%d acts of %d", read, acts)
	}
	newest, err := ts.Audits(t.Context(), 0, 1)
	if err != nil || len(newest) != 1 || newest[0].Seq != row {
		t.Fatalf("the newest is %+v (%v), the last one read was row %d", newest, err, row)
	}
}

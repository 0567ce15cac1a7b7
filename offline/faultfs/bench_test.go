//go:build faultfs

package faultfs_test

import "testing"

// BenchmarkImage measures the parts of a campaign: an image alone, and one that the
// real store opens, verifies and compares with what was promised.
func BenchmarkImage(b *testing.B) {
	tape := day(b, 60)
	for _, c := range []struct {
		name string
		open bool
	}{{"built", false}, {"judged", true}} {
		b.Run(c.name, func(b *testing.B) {
			dir, cursor := fastDir(b), tape.Cursor()
			for i, cut := range tape.Cuts(b.N, 1) {
				cursor.Seek(cut)
				acked, err := cursor.Image(uint64(i), dir, "lock")
				if err == nil && c.open {
					err = examine(b.Context(), dir, promises(acked))
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Package faultfs is the disk of the fault laboratory: a layer between SQLite and
// the operating system that records what is written, rebuilds what a power cut may
// leave of it, and fails on demand. It exists under the build tag faultfs only, so
// that nothing of it can be in a shipped program. It may import the standard
// library and the SQLite driver, whose C code it registers itself with.
//
// The order of things:
//
//	faultfs.Install()               // once, before the first connection
//	disk, _ := faultfs.Attach(dir)  // before the store in dir is opened
//	rec, _ := disk.Record()         // what lies in dir now counts as durable
//	rec.Mark(answer)                // after every answer that must survive
//	tape, _ := rec.Stop()
//	cursor := tape.Cursor()         // one for each goroutine
//	cursor.Seek(cut)                // 0 to tape.Len(); going forward is cheap
//	acked, _ := cursor.Image(seed, imageDir, "lock", "ballast")
//
//	fault, _ := disk.Inject(faultfs.Fault{Op: faultfs.Sync, Kind: faultfs.WAL, After: 3})
//	defer fault.Clear()
//
// The model of a disk: a sync makes the earlier writes of its file durable; of the
// later ones any part may be there, in pieces of 512 bytes, some of them garbage;
// names come and go only with a sync of the folder; a device that lies about syncs
// is not modelled. Files that are not written through SQLite are not seen.
package faultfs

//go:build faultfs

package faultfs

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// change is a write or a truncation that no sync has made durable on its own.
type change struct {
	write bool
	at    int64 // offset, or the new size
	data  []byte
	// doubtful: a sync failed after it, so later ones do not vouch for it. sure: a
	// sync made it durable while a doubtful one before it was still there.
	doubtful, sure bool
}

// inode is a file's content: what is durable and what came after.
type inode struct {
	durable []byte
	pending []change
}

// entry is what a name stands for: durably, and after each later change of the
// folder. nil means that there is no such file.
type entry struct {
	durable *inode
	pending []*inode
}

func (e *entry) now() *inode {
	if n := len(e.pending); n > 0 {
		return e.pending[n-1]
	}
	return e.durable
}

// Cursor walks along a tape and builds images of what a power cut at its place can
// leave. It belongs to one goroutine.
type Cursor struct {
	tape    *Tape
	at      int
	folder  map[string]*entry
	handles map[uint32]*inode
	scratch []byte
}

// Cursor returns a cursor at the tape's beginning.
func (t *Tape) Cursor() *Cursor {
	c := &Cursor{tape: t}
	c.rewind()
	return c
}

func (c *Cursor) rewind() {
	c.at, c.folder, c.handles = 0, map[string]*entry{}, map[uint32]*inode{}
	for name, content := range c.tape.base {
		c.folder[name] = &entry{durable: &inode{durable: slices.Clone(content)}}
	}
}

// Seek moves to a cut. Going back starts over.
func (c *Cursor) Seek(cut int) {
	if cut < c.at {
		c.rewind()
	}
	for ; c.at < cut; c.at++ {
		c.apply(&c.tape.ops[c.at])
	}
}

func (c *Cursor) apply(o *op) {
	switch o.op {
	case Open:
		e := c.name(string(o.data))
		if o.flag || e.now() == nil {
			e.pending = append(e.pending, &inode{})
		}
		c.handles[o.handle] = e.now()
	case Write:
		f := c.handles[o.handle]
		f.pending = append(f.pending, change{write: true, at: o.at, data: o.data})
	case Truncate:
		f := c.handles[o.handle]
		f.pending = append(f.pending, change{at: o.at})
	case Sync:
		c.handles[o.handle].sync()
	case opSyncFailed:
		c.handles[o.handle].doubt()
	case Delete:
		e := c.name(string(o.data))
		e.pending = append(e.pending, nil)
	}
	if o.flag && o.op != Open {
		for _, e := range c.folder {
			e.durable, e.pending = e.now(), nil
		}
	}
}

func (c *Cursor) name(name string) *entry {
	e := c.folder[name]
	if e == nil {
		e = &entry{}
		c.folder[name] = e
	}
	return e
}

// sync makes durable what no failed sync has put in doubt.
func (f *inode) sync() {
	sure := 0 // changes at the front of which nothing is in doubt
	for i := range f.pending {
		p := &f.pending[i]
		p.sure = !p.doubtful
		if p.sure && !p.write && p.at == 0 {
			// A durable empty file has no past.
			f.durable, sure = f.durable[:0], i+1
		} else if p.sure && sure == i {
			f.durable = p.on(f.durable)
			sure++
		}
	}
	f.pending = slices.Delete(f.pending, 0, sure)
}

func (f *inode) doubt() {
	for i := range f.pending {
		f.pending[i].doubtful = !f.pending[i].sure
	}
}

// on applies the whole change to a file's content.
func (p *change) on(content []byte) []byte {
	if !p.write {
		return resize(content, p.at)
	}
	return put(content, p.at, p.data)
}

// resize cuts a content, or fills it up with zeros as a hole in a file reads.
func resize(content []byte, size int64) []byte {
	if have := int64(len(content)); have < size {
		return append(content, make([]byte, size-have)...)
	}
	return content[:size]
}

func put(content []byte, at int64, data []byte) []byte {
	if end := at + int64(len(data)); int64(len(content)) < end {
		content = resize(content, end)
	}
	copy(content[at:], data)
	return content
}

// Image writes into a folder what the disk may hold after a cut at this place, and
// returns the marks before it. The same cut and seed give the same image, byte for
// byte. Whatever lies in the folder is removed before, but for the names to keep.
func (c *Cursor) Image(seed uint64, into string, keep ...string) (acked []any, err error) {
	if err := empty(into, keep); err != nil {
		return nil, fmt.Errorf("faultfs: image: %w", err)
	}
	random := rand.New(rand.NewPCG(seed, uint64(c.at)))
	d := newDice(random)
	for _, name := range c.tape.names {
		e := c.folder[name]
		if e == nil {
			continue
		}
		f := e.durable
		if n := d.names(len(e.pending)); n > 0 {
			f = e.pending[n-1]
		}
		if f == nil {
			continue
		}
		if err := os.WriteFile(filepath.Join(into, name), c.content(f, d), 0o600); err != nil {
			return nil, fmt.Errorf("faultfs: image: %w", err)
		}
	}
	return c.tape.Acked(c.at), nil
}

// content builds one file. What it returns lives until the next call.
func (c *Cursor) content(f *inode, d *dice) []byte {
	if len(f.pending) == 0 {
		return f.durable
	}
	content := append(c.scratch[:0], f.durable...)
	d.file(len(f.pending))
	for i := range f.pending {
		if p := &f.pending[i]; p.sure {
			content = p.on(content)
		} else {
			content = d.change(content, i, p)
		}
	}
	c.scratch = content
	return content
}

// empty leaves a folder with nothing but the names to keep. A folder is taken away
// with its content.
func empty(dir string, keep []string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if slices.Contains(keep, e.Name()) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func sortedNames(set map[string]bool) []string {
	return slices.SortedFunc(maps.Keys(set), strings.Compare)
}

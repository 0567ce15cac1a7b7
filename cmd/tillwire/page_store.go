package main

import (
	"context"

	"tillwire/agent"
	"tillwire/agent/web"
	"tillwire/offline"
)

// pageStore is the store in the words of the pages, which know no rows of the
// journal.
type pageStore struct {
	*offline.Store
	forward func(context.Context) (revived int, err error)
}

// ForwardNow begins with everything that waits for its next try.
func (s pageStore) ForwardNow(ctx context.Context) (revived int, err error) { return s.forward(ctx) }

// Audits lists the newest sensitive acts.
func (s pageStore) Audits(ctx context.Context, limit int) ([]agent.Audit, error) {
	entries, err := s.Store.Audits(ctx, 0, limit)
	list := make([]agent.Audit, 0, len(entries))
	for _, e := range entries {
		list = append(list, e.Audit)
	}
	return list, err
}

// Losses are the store's, in the words of the pages.
func (s pageStore) Losses(ctx context.Context) ([]web.Loss, error) {
	sums, err := s.Store.Losses(ctx)
	list := make([]web.Loss, 0, len(sums))
	for _, l := range sums {
		list = append(list, web.Loss(l))
	}
	return list, err
}

// pageBackups is the store's copies in the words of the pages.
type pageBackups struct{ store *offline.Store }

// Backups lists what there is.
func (b pageBackups) Backups() (web.Backups, error) {
	c, err := b.store.Copies()
	out := web.Backups{Making: c.Making, Failed: c.Failed}
	for _, one := range c.List {
		out.List = append(out.List, web.Backup(one))
	}
	return out, err
}

// BackupSoon has one made in the background.
func (b pageBackups) BackupSoon() { b.store.CopySoon() }

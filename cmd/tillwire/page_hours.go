package main

import (
	"context"
	"time"

	"tillwire/agent"
	"tillwire/agent/web"
	"tillwire/offline"
)

// TotalsByHour is one reading of the store for the whole day's chart, in the words
// of the pages.
func (s pageStore) TotalsByHour(ctx context.Context, from, to time.Time) ([]web.HourTotals, error) {
	sums, err := s.Store.TotalsByHour(ctx, from, to)
	list := make([]web.HourTotals, 0, len(sums))
	for _, t := range sums {
		list = append(list, web.HourTotals(t))
	}
	return list, err
}

// Rows are the store's, in the words of the pages.
func (s pageStore) Rows(ctx context.Context, f agent.Filter, each func(web.PaymentRow) error) error {
	return s.Store.Rows(ctx, f, func(r offline.Row) error { return each(web.PaymentRow(r)) })
}

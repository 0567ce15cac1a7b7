package sandbox

import (
	"context"
	"time"
)

// Seen is one request that reached a wallet. It holds neither a secret nor a
// payment code: only what names the order and says what became of the request.
type Seen struct {
	At        time.Time `json:"at"`
	Wallet    string    `json:"wallet"`
	Operation string    `json:"operation"`
	OrderNo   string    `json:"order_no"`
	Method    string    `json:"method"`
	Path      string    `json:"path"`
	Status    int       `json:"status"`          // 0: nothing was answered, or the cloud was killed soon after
	Fault     string    `json:"fault,omitempty"` // the kind that was applied
}

// arrived writes a request down as it comes in and returns its row's number.
// It is queued before the request is executed, so an executed one is never
// missing, even after a power cut.
func (l *Ledger) arrived(id int64, s Seen) {
	at := millis(l.clock.Now())
	l.later(func(t *tx) error {
		return t.exec("INSERT INTO request (id, at, wallet, operation, order_no, method, path, status, fault) VALUES (?,?,?,?,?,?,?,0,?)",
			id, at, s.Wallet, s.Operation, s.OrderNo, s.Method, s.Path, s.Fault)
	})
}

// answered completes the row of a request.
// It is queued before the answer is sent, so a client that has its answer finds
// it in the list.
func (l *Ledger) answered(id int64, orderNo string, status int) {
	l.later(func(t *tx) error {
		return t.exec("UPDATE request SET status = ?, order_no = CASE WHEN ? = '' THEN order_no ELSE ? END WHERE id = ?", status, orderNo, orderNo, id)
	})
}

// lastSeen is the highest row number used so far.
func (l *Ledger) lastSeen(ctx context.Context) (id int64, err error) {
	err = l.do(ctx, func(t *tx) error { return t.row("SELECT coalesce(max(id), 0) FROM request").Scan(&id) })
	return id, err
}

// Requests lists every request seen, in the order of arrival. A positive limit
// keeps the newest so many.
func (l *Ledger) Requests(ctx context.Context, limit int) ([]Seen, error) {
	if limit <= 0 {
		limit = -1
	}
	list := []Seen{}
	err := l.do(ctx, func(t *tx) error {
		rows, err := t.rows(`SELECT at, wallet, operation, order_no, method, path, status, fault FROM
			(SELECT * FROM request ORDER BY id DESC LIMIT ?) ORDER BY id`, limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var s Seen
			var at int64
			if err := rows.Scan(&at, &s.Wallet, &s.Operation, &s.OrderNo, &s.Method, &s.Path, &s.Status, &s.Fault); err != nil {
				return err
			}
			s.At = fromMillis(at).UTC()
			list = append(list, s)
		}
		return rows.Err()
	})
	return list, err
}

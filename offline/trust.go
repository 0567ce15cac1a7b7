package offline

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"tillwire/agent/wallet/voucher"
)

var _ voucher.Shelf = (*Store)(nil)

// LoadKeySet implements voucher.Shelf.
func (r *Reader) LoadKeySet() (raw []byte, highest uint64, err error) {
	var version string
	err = r.db.QueryRowContext(context.Background(), "SELECT version, raw FROM trust").Scan(&version, &raw)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, readError(err)
	}
	if highest, err = strconv.ParseUint(version, 10, 64); err != nil {
		return nil, 0, readError(fmt.Errorf("%w: the version of the list of issuers is %q", errDamaged, version))
	}
	return raw, highest, nil
}

// SaveKeySet implements voucher.Shelf. The highest version stays, whatever is saved.
func (s *Store) SaveKeySet(raw []byte, version uint64) error {
	return s.write("save the list of issuers", func(b *batch) error {
		var highest uint64
		texts, err := ask(b.w.conn, "SELECT version FROM trust")
		if err == nil && len(texts) > 0 {
			highest, err = strconv.ParseUint(texts[0], 10, 64)
		}
		if err != nil {
			return err
		}
		return b.do("INSERT INTO trust(one, version, raw) VALUES (1, ?1, ?2) ON CONFLICT(one) DO UPDATE SET version = excluded.version, raw = excluded.raw",
			strconv.FormatUint(max(version, highest), 10), raw)
	})
}

-- A cashier's time at a register, between two counts of its drawer. What it took is told by where
-- the journal stood at its beginning and at its end: no clock that is set meanwhile can lose a sale
-- between two shifts or count it twice.
CREATE TABLE shift(
  id        INTEGER PRIMARY KEY,
  lane      TEXT NOT NULL,
  currency  TEXT NOT NULL,
  opened    INTEGER NOT NULL,                        -- wall clock, Unix nanoseconds
  opened_by TEXT NOT NULL,
  drawer    INTEGER NOT NULL CHECK(drawer >= 0),     -- counted in it at the beginning
  since     INTEGER NOT NULL,                        -- the journal's last row then
  closed    INTEGER,
  closed_by TEXT,
  left_over INTEGER CHECK(left_over >= 0),           -- counted in it at the end
  upto      INTEGER,
  sums      TEXT,                                    -- JSON; written once, after the end
  CHECK((closed IS NULL) = (upto IS NULL) AND (closed IS NULL) = (closed_by IS NULL) AND (closed IS NULL) = (left_over IS NULL)),
  CHECK(sums IS NULL OR closed IS NOT NULL)
) STRICT;

CREATE UNIQUE INDEX shift_open ON shift(lane) WHERE closed IS NULL;

-- Amounts that a cashier has put aside to serve the next customer first. Nothing of them was sent
-- anywhere.
CREATE TABLE parked(
  id       TEXT PRIMARY KEY,
  lane     TEXT NOT NULL,
  amount   INTEGER NOT NULL CHECK(amount > 0),
  currency TEXT NOT NULL,
  note     TEXT NOT NULL,
  "by"     TEXT NOT NULL,
  at       INTEGER NOT NULL                          -- wall clock, Unix nanoseconds
) STRICT, WITHOUT ROWID;

CREATE TRIGGER shift_keys BEFORE UPDATE OF id, lane, currency, opened, opened_by, drawer, since ON shift
BEGIN SELECT RAISE(ABORT, 'how a shift began never changes'); END;

CREATE TRIGGER shift_end BEFORE UPDATE OF closed, closed_by, left_over, upto ON shift WHEN OLD.closed IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'how a shift ended never changes'); END;

CREATE TRIGGER shift_sums BEFORE UPDATE OF sums ON shift WHEN OLD.sums IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'what was counted never changes'); END;

CREATE TRIGGER shift_delete BEFORE DELETE ON shift
BEGIN SELECT RAISE(ABORT, 'shifts are kept'); END;

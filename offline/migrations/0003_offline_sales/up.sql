-- What was accepted without the wallet's word: one row per payment, written with the fact that
-- accepts it. Caps are sums over the rows that are open; what is forwarded is sealed and goes when
-- the payment has ended.
CREATE TABLE accepted(
  pay      TEXT PRIMARY KEY REFERENCES payment(id),
  way      TEXT NOT NULL,
  lane     TEXT NOT NULL,
  amount   INTEGER NOT NULL CHECK(amount > 0),
  currency TEXT NOT NULL,
  at       INTEGER NOT NULL,                         -- the latest time known then, Unix nanoseconds
  open     INTEGER NOT NULL CHECK(open IN (0, 1)),   -- neither collected, lost nor taken back
  sealed   BLOB,
  CHECK(open = 1 OR sealed IS NULL)
) STRICT, WITHOUT ROWID;

CREATE INDEX accepted_open ON accepted(at) WHERE open = 1;

-- Codes that may be accepted only once. A row outlives its payment's: it goes fourteen days after
-- the code itself refuses. The highest counter of a device is the last of its rows.
CREATE TABLE spent(
  issuer  INTEGER NOT NULL CHECK(issuer BETWEEN 0 AND 65535),
  id      BLOB NOT NULL CHECK(length(id) BETWEEN 8 AND 16),
  counter INTEGER NOT NULL CHECK(counter BETWEEN 0 AND 4294967295),
  pay     TEXT NOT NULL,
  at      INTEGER NOT NULL,                          -- as in accepted
  until   INTEGER NOT NULL,                          -- Unix nanoseconds
  PRIMARY KEY(issuer, id, counter)
) STRICT, WITHOUT ROWID;

CREATE INDEX spent_until ON spent(until);

-- The signed list of issuers. The version stays when the bytes are lost: a list from before is told by it.
CREATE TABLE trust(
  one     INTEGER PRIMARY KEY CHECK(one = 1),
  version TEXT NOT NULL,                             -- decimal: it may need all 64 bits
  raw     BLOB
) STRICT;

CREATE TRIGGER accepted_keys BEFORE UPDATE OF pay, way, lane, amount, currency, at ON accepted
BEGIN SELECT RAISE(ABORT, 'what was accepted never changes'); END;

CREATE TRIGGER accepted_open_again BEFORE UPDATE OF open ON accepted WHEN NEW.open > OLD.open
BEGIN SELECT RAISE(ABORT, 'what has ended is not accepted again'); END;

CREATE TRIGGER accepted_delete BEFORE DELETE ON accepted
WHEN OLD.open = 1 OR (SELECT first_seq FROM payment WHERE id = OLD.pay) > (SELECT value FROM meta WHERE key = 'anchor')
BEGIN SELECT RAISE(ABORT, 'an acceptance is kept as long as its payment'); END;

CREATE TRIGGER spent_keys BEFORE UPDATE ON spent
BEGIN SELECT RAISE(ABORT, 'what was spent never changes'); END;

-- A code shown or accepted without the wallet takes two facts, where the guard of payments (0002)
-- expects three. As there, only the text of the CHECK is changed.
PRAGMA writable_schema = on;

UPDATE sqlite_schema
SET sql = replace(sql, 'OR state = ''not_sent''', 'OR state = ''not_sent'' OR state = ''qr_shown'' OR state = ''offline_accepted''')
WHERE type = 'table' AND name = 'payment';

PRAGMA writable_schema = reset;

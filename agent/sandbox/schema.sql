-- The sandbox's own ledger. Times are Unix milliseconds, amounts minor units.
-- A row is never deleted: what a test or a till vendor compares with is all here.

CREATE TABLE IF NOT EXISTS secret (
  name  TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS customer (
  id        TEXT PRIMARY KEY,
  wallet    TEXT NOT NULL,
  name      TEXT NOT NULL,
  balance   INTEGER NOT NULL CHECK (balance >= 0),
  currency  TEXT NOT NULL DEFAULT 'CNY',
  behaviour TEXT NOT NULL,
  created   INTEGER NOT NULL
) STRICT;

-- A payment code is a bearer token, so only its keyed fingerprint is stored.
CREATE TABLE IF NOT EXISTS paycode (
  fingerprint BLOB PRIMARY KEY,
  wallet      TEXT NOT NULL,
  customer    TEXT NOT NULL REFERENCES customer (id),
  expires     INTEGER NOT NULL,
  order_id    INTEGER REFERENCES orders (id)
) STRICT, WITHOUT ROWID;

-- kind is 'code' (the shop scanned), 'shown' (the shop shows) or 'unseen' (a
-- tombstone: undone before it was ever asked for).
CREATE TABLE IF NOT EXISTS orders (
  id             INTEGER PRIMARY KEY,
  wallet         TEXT NOT NULL,
  merchant       TEXT NOT NULL,
  order_no       TEXT NOT NULL,
  kind           TEXT NOT NULL,
  amount         INTEGER NOT NULL,
  currency       TEXT NOT NULL,
  description    TEXT NOT NULL,
  details        TEXT NOT NULL,
  request        BLOB NOT NULL,
  state          TEXT NOT NULL,
  reason         TEXT NOT NULL,
  customer       TEXT NOT NULL,
  transaction_id TEXT NOT NULL,
  qr             TEXT NOT NULL,
  created        INTEGER NOT NULL,
  expires        INTEGER NOT NULL,
  answers        INTEGER NOT NULL,
  paid           INTEGER NOT NULL,
  captured       INTEGER NOT NULL,
  reversed       INTEGER NOT NULL,
  payer_amount   INTEGER NOT NULL DEFAULT 0, -- what the payer's phone gives, where the cloud converts
  payer_currency TEXT NOT NULL DEFAULT '',   -- empty: the order's own
  rate           INTEGER NOT NULL DEFAULT 0, -- payer's currency for one of the order's, times 10^8
  UNIQUE (wallet, merchant, order_no)
) STRICT;
CREATE INDEX IF NOT EXISTS orders_waiting ON orders (id) WHERE state IN ('created', 'awaiting');
CREATE INDEX IF NOT EXISTS orders_customer ON orders (customer, id);
CREATE INDEX IF NOT EXISTS orders_transaction ON orders (transaction_id) WHERE transaction_id <> '';
CREATE INDEX IF NOT EXISTS orders_qr ON orders (qr) WHERE qr <> '';

CREATE TABLE IF NOT EXISTS refund (
  id        INTEGER PRIMARY KEY,
  order_id  INTEGER NOT NULL REFERENCES orders (id),
  wallet    TEXT NOT NULL,
  merchant  TEXT NOT NULL,
  refund_no TEXT NOT NULL,
  refund_id TEXT NOT NULL,
  amount    INTEGER NOT NULL CHECK (amount > 0),
  reason    TEXT NOT NULL,
  state     TEXT NOT NULL,
  created   INTEGER NOT NULL,
  done      INTEGER NOT NULL,
  UNIQUE (wallet, merchant, refund_no)
) STRICT;
CREATE INDEX IF NOT EXISTS refund_order ON refund (order_id);

CREATE TABLE IF NOT EXISTS history (
  order_id INTEGER NOT NULL REFERENCES orders (id),
  at       INTEGER NOT NULL,
  event    TEXT NOT NULL,
  amount   INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS history_order ON history (order_id);

-- What a payer knows an order by that has no number yet, and the number once the
-- shop has told it.
CREATE TABLE IF NOT EXISTS alias (
  wallet   TEXT NOT NULL,
  merchant TEXT NOT NULL,
  alias    TEXT NOT NULL,
  order_no TEXT NOT NULL,
  UNIQUE (wallet, merchant, alias)
) STRICT;

-- Money that left a customer's balance in advance: what stands behind a bearer
-- voucher or a device's certificate. returned is what went back after its end.
CREATE TABLE IF NOT EXISTS prepaid (
  wallet   TEXT NOT NULL,
  id       TEXT NOT NULL,
  customer TEXT NOT NULL REFERENCES customer (id),
  kind     TEXT NOT NULL,
  currency TEXT NOT NULL,
  total    INTEGER NOT NULL CHECK (total > 0),
  most     INTEGER NOT NULL,
  drawn    INTEGER NOT NULL DEFAULT 0 CHECK (drawn + returned <= total),
  returned INTEGER NOT NULL DEFAULT 0,
  begins   INTEGER NOT NULL,
  ends     INTEGER NOT NULL,
  blocked  INTEGER NOT NULL DEFAULT 0,
  UNIQUE (wallet, id)
) STRICT;

-- Each code that was honoured, once: a counter of a device, or 0 for a bearer's.
CREATE TABLE IF NOT EXISTS spent (
  wallet   TEXT NOT NULL,
  id       TEXT NOT NULL,
  counter  INTEGER NOT NULL,
  order_id INTEGER NOT NULL REFERENCES orders (id),
  UNIQUE (wallet, id, counter)
) STRICT;

CREATE TABLE IF NOT EXISTS request (
  id        INTEGER PRIMARY KEY,
  at        INTEGER NOT NULL,
  wallet    TEXT NOT NULL,
  operation TEXT NOT NULL,
  order_no  TEXT NOT NULL,
  method    TEXT NOT NULL,
  path      TEXT NOT NULL,
  status    INTEGER NOT NULL,
  fault     TEXT NOT NULL
) STRICT;

-- Operations that were accepted, each once, for clouds that compare what is asked
-- twice and give a terminal its history back.
CREATE TABLE IF NOT EXISTS operation (
  id        INTEGER PRIMARY KEY,
  at        INTEGER NOT NULL,
  wallet    TEXT NOT NULL,
  merchant  TEXT NOT NULL,
  order_no  TEXT NOT NULL,
  refund_no TEXT NOT NULL,
  terminal  TEXT NOT NULL,
  operation TEXT NOT NULL,
  digest    BLOB NOT NULL,
  UNIQUE (wallet, merchant, order_no, operation, refund_no)
) STRICT;
CREATE INDEX IF NOT EXISTS operation_terminal ON operation (merchant, terminal, id);

-- How far terminals' own journals were. This alone is overwritten.
CREATE TABLE IF NOT EXISTS head (
  merchant    TEXT NOT NULL,
  terminal    TEXT NOT NULL,
  incarnation TEXT NOT NULL,
  seq         INTEGER NOT NULL,
  hash        BLOB NOT NULL,
  UNIQUE (merchant, terminal, incarnation)
) STRICT;

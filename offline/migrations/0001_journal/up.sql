-- What the terminal knows about itself: schema identity, incarnation, the place where the chain
-- begins after retention (anchor, anchor_hash) and the like.
CREATE TABLE meta(
  key   TEXT PRIMARY KEY,
  value ANY NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO meta(key, value) VALUES ('anchor', 0), ('anchor_hash', zeroblob(32));

-- The moves that the law of payments allows. The agent fills it from that law at every start.
CREATE TABLE edge(
  "from" TEXT NOT NULL,
  "to"   TEXT NOT NULL,
  PRIMARY KEY("from", "to")
) STRICT, WITHOUT ROWID;

-- One row per payment. The upper half is what the shop asked for and never changes; the lower half
-- is a copy of what the facts add up to, for lists and sums.
CREATE TABLE payment(
  id           TEXT PRIMARY KEY,
  order_no     TEXT NOT NULL UNIQUE CHECK(length(order_no) BETWEEN 1 AND 32),
  client       TEXT NOT NULL,
  request_id   TEXT NOT NULL,
  request_hash BLOB NOT NULL,
  lane         TEXT NOT NULL,
  amount       INTEGER NOT NULL CHECK(amount > 0),
  currency     TEXT NOT NULL,
  reference    TEXT NOT NULL,
  mode         TEXT NOT NULL,
  cashier      TEXT NOT NULL,
  test         INTEGER NOT NULL CHECK(test IN (0, 1)),
  created      INTEGER NOT NULL,                         -- wall clock, Unix nanoseconds
  first_seq    INTEGER NOT NULL,                         -- journal row of its first fact

  version      INTEGER NOT NULL,
  state        TEXT NOT NULL,
  final        INTEGER NOT NULL CHECK(final IN (0, 1)),
  held         INTEGER NOT NULL CHECK(held IN (0, 1)),   -- it holds its lane
  wallet       TEXT NOT NULL,
  txn          TEXT NOT NULL,
  captured     INTEGER NOT NULL,
  refunded     INTEGER NOT NULL CHECK(refunded BETWEEN 0 AND captured),
  last_seq     INTEGER NOT NULL,
  code_print   BLOB,                                     -- keyed fingerprint of its payment code
  code_at      INTEGER NOT NULL DEFAULT 0,
  CHECK(held = 0 OR final = 0),
  -- Two facts take a payment no further than this. (A trigger would cost a third of the insert.)
  CHECK(last_seq - first_seq > 1 OR state IN ('created', 'sending', 'not_sent'))
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX payment_request ON payment(client, request_id);
CREATE INDEX payment_created ON payment(created);
-- Both the list of open payments and the guard of lanes: two held payments of one lane collide.
CREATE UNIQUE INDEX payment_open ON payment(lane, CASE held WHEN 1 THEN '' ELSE id END) WHERE final = 0;

-- The chain. hash = SHA-256(hash of the row before, ev, pay). A payment's facts are found by walking
-- back from payment.last_seq along prev, which saves an index that every commit would have to write.
CREATE TABLE journal(
  seq  INTEGER PRIMARY KEY,
  pay  TEXT,                    -- NULL: an audit entry
  prev INTEGER NOT NULL,        -- the payment's row before this one; 0 for its first
  at   INTEGER NOT NULL,        -- wall clock, Unix nanoseconds; also in ev
  ev   BLOB NOT NULL,           -- deterministic CBOR
  hash BLOB NOT NULL CHECK(length(hash) = 32)
) STRICT;

CREATE INDEX journal_audit ON journal(seq) WHERE pay IS NULL;

-- What must still be done: at most one step for a payment and one for each refund under way. The key
-- is the number by which the wallet knows the step: the order number or the refund number. When a
-- step is due and who has leased it is known to the running agent alone, because after a restart
-- everything is due at once and no lease holds.
CREATE TABLE outbox(
  key       TEXT PRIMARY KEY,
  row       INTEGER NOT NULL,
  pay       TEXT NOT NULL REFERENCES payment(id) DEFERRABLE INITIALLY DEFERRED,
  op        TEXT NOT NULL,
  refund_no TEXT NOT NULL,
  tries     INTEGER NOT NULL,
  dead      INTEGER NOT NULL CHECK(dead IN (0, 1)),
  last      TEXT NOT NULL,      -- why it was given up
  created   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE refund(
  refund_no  TEXT PRIMARY KEY,
  pay        TEXT NOT NULL REFERENCES payment(id),
  request_id TEXT NOT NULL,
  amount     INTEGER NOT NULL CHECK(amount > 0),
  state      TEXT NOT NULL,
  UNIQUE(pay, request_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE setting(
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL,
  "by"  TEXT NOT NULL,
  at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE setting_log(
  n     INTEGER PRIMARY KEY,
  key   TEXT NOT NULL,
  value TEXT NOT NULL,
  "by"  TEXT NOT NULL,
  at    INTEGER NOT NULL
) STRICT;

CREATE TABLE person(
  id       TEXT PRIMARY KEY,
  name     TEXT NOT NULL,
  role     TEXT NOT NULL CHECK(role IN ('cashier', 'manager', 'owner')),
  secret   TEXT NOT NULL,
  disabled INTEGER NOT NULL CHECK(disabled IN (0, 1)),
  failures INTEGER NOT NULL,
  locked   INTEGER NOT NULL,    -- milliseconds of lock-out left when the row was written
  created  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE session(
  key     BLOB PRIMARY KEY,
  person  TEXT NOT NULL REFERENCES person(id) ON DELETE CASCADE,
  role    TEXT NOT NULL,
  created INTEGER NOT NULL,
  seen    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX session_person ON session(person);

-- The guards. The program decides by the law of payments; these refuse what no program may do. The
-- first stands on the road of every payment. It rolls the transaction back instead of the one
-- statement: that never happens while the program is right, and it spares SQLite from keeping a copy
-- of every page that a statement touches.

CREATE TRIGGER payment_move BEFORE UPDATE OF state, version, captured ON payment
WHEN NEW.version NOT IN (OLD.version, OLD.version + 1) OR NEW.captured < OLD.captured OR NEW.state <> OLD.state
  AND NOT EXISTS (SELECT 1 FROM edge WHERE "from" = OLD.state AND "to" = NEW.state)
BEGIN
  SELECT CASE
    WHEN NEW.version NOT IN (OLD.version, OLD.version + 1) THEN RAISE(ROLLBACK, 'a version grows by one')
    WHEN NEW.captured < OLD.captured THEN RAISE(ROLLBACK, 'what was captured is never reduced')
    ELSE RAISE(ROLLBACK, 'the law of payments has no such move')
  END;
END;

CREATE TRIGGER payment_keys BEFORE UPDATE OF id, order_no, client, request_id, request_hash, lane, amount, currency,
  reference, mode, cashier, test, created, first_seq ON payment
BEGIN SELECT RAISE(ABORT, 'what was asked for never changes'); END;

-- Retention moves the anchor first; only what lies before it may go.
CREATE TRIGGER payment_delete BEFORE DELETE ON payment
WHEN OLD.final = 0 OR OLD.first_seq > (SELECT value FROM meta WHERE key = 'anchor')
BEGIN SELECT RAISE(ABORT, 'a payment is kept until retention has passed it'); END;

CREATE TRIGGER journal_update BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is written once'); END;

CREATE TRIGGER journal_delete BEFORE DELETE ON journal WHEN OLD.seq > (SELECT value FROM meta WHERE key = 'anchor')
BEGIN SELECT RAISE(ABORT, 'the journal is kept until retention has passed it'); END;

CREATE TRIGGER meta_anchor BEFORE UPDATE ON meta WHEN OLD.key = 'anchor' AND NEW.value < OLD.value
BEGIN SELECT RAISE(ABORT, 'the anchor of the journal only moves on'); END;

CREATE TRIGGER meta_delete BEFORE DELETE ON meta WHEN OLD.key IN ('anchor', 'anchor_hash', 'incarnation')
BEGIN SELECT RAISE(ABORT, 'the journal needs its anchor'); END;

CREATE TRIGGER outbox_keys BEFORE UPDATE OF key, pay, refund_no ON outbox
BEGIN SELECT RAISE(ABORT, 'the number of a step never changes'); END;

CREATE TRIGGER refund_keys BEFORE UPDATE OF refund_no, pay, request_id, amount ON refund
BEGIN SELECT RAISE(ABORT, 'what was asked back never changes'); END;

CREATE TRIGGER refund_delete BEFORE DELETE ON refund
WHEN (SELECT first_seq FROM payment WHERE id = OLD.pay) > (SELECT value FROM meta WHERE key = 'anchor')
BEGIN SELECT RAISE(ABORT, 'a refund is kept as long as its payment'); END;

CREATE TRIGGER refund_sum_new AFTER INSERT ON refund
WHEN (SELECT sum(amount) FROM refund WHERE pay = NEW.pay AND state <> 'failed') >
     (SELECT captured FROM payment WHERE id = NEW.pay)
BEGIN SELECT RAISE(ABORT, 'more would be refunded than was captured'); END;

CREATE TRIGGER refund_sum_back AFTER UPDATE OF state ON refund
WHEN OLD.state = 'failed' AND (SELECT sum(amount) FROM refund WHERE pay = NEW.pay AND state <> 'failed') >
     (SELECT captured FROM payment WHERE id = NEW.pay)
BEGIN SELECT RAISE(ABORT, 'more would be refunded than was captured'); END;

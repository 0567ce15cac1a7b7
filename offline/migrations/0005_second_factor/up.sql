-- What an owner's phone counts beside the password (RFC 6238). A code counts once: the step of time
-- that was used last only grows.
CREATE TABLE second(
  person TEXT PRIMARY KEY REFERENCES person(id) ON DELETE CASCADE,
  secret BLOB NOT NULL,                              -- sealed by the terminal's keys
  step   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER second_step BEFORE UPDATE OF step ON second WHEN NEW.step <= OLD.step AND NEW.secret = OLD.secret
BEGIN SELECT RAISE(ABORT, 'a code counts once'); END;

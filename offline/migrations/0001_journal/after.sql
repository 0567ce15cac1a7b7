-- Every query returns what is wrong, so none may return a row.

SELECT 'the chain has no anchor' WHERE (SELECT count(*) FROM meta WHERE key IN ('anchor', 'anchor_hash')) <> 2;

SELECT 'the anchor''s hash is not of 32 bytes' FROM meta WHERE key = 'anchor_hash' AND length(value) <> 32;

SELECT 'not strict: ' || name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite%' AND strict = 0;

SELECT 'no guard ' || want.name
FROM (SELECT 'payment_move' AS name UNION ALL SELECT 'payment_keys' UNION ALL SELECT 'payment_delete' UNION ALL SELECT 'journal_update'
  UNION ALL SELECT 'journal_delete' UNION ALL SELECT 'outbox_keys' UNION ALL SELECT 'refund_keys' UNION ALL SELECT 'refund_sum_new') want
WHERE NOT EXISTS (SELECT 1 FROM sqlite_schema s WHERE s.type = 'trigger' AND s.name = want.name);

SELECT 'free pages cannot be given back' FROM pragma_auto_vacuum WHERE auto_vacuum <> 2;

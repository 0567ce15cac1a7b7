-- Every query returns what is wrong, so none may return a row.

SELECT 'payments were lost' WHERE (SELECT group_concat(id || state) FROM payment) <> 'asending,bpaid';

SELECT 'a shift began by itself' WHERE EXISTS (SELECT 1 FROM shift) OR EXISTS (SELECT 1 FROM parked);

SELECT 'not strict: ' || name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite%' AND strict = 0;

SELECT 'no guard ' || want.name
FROM (SELECT 'shift_keys' AS name UNION ALL SELECT 'shift_end' UNION ALL SELECT 'shift_sums' UNION ALL SELECT 'shift_delete') want
WHERE NOT EXISTS (SELECT 1 FROM sqlite_schema s WHERE s.type = 'trigger' AND s.name = want.name);

SELECT 'damaged: ' || integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok';

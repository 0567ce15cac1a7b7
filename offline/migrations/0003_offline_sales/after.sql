-- Every query returns what is wrong, so none may return a row.

SELECT 'the guard was not written anew' FROM sqlite_schema
WHERE name = 'payment' AND sql NOT LIKE '%OR state = ''not_sent'' OR state = ''qr_shown'' OR state = ''offline_accepted'')%';

SELECT 'payments were lost' WHERE (SELECT group_concat(id || state) FROM payment) <> 'asending,bpaid';

SELECT 'something was accepted' WHERE EXISTS (SELECT 1 FROM accepted) OR EXISTS (SELECT 1 FROM spent) OR EXISTS (SELECT 1 FROM trust);

SELECT 'not strict: ' || name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite%' AND strict = 0;

SELECT 'no guard ' || want.name
FROM (SELECT 'accepted_keys' AS name UNION ALL SELECT 'accepted_open_again' UNION ALL SELECT 'accepted_delete' UNION ALL SELECT 'spent_keys') want
WHERE NOT EXISTS (SELECT 1 FROM sqlite_schema s WHERE s.type = 'trigger' AND s.name = want.name);

SELECT 'damaged: ' || integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok';

SELECT 'the schema can still be written' FROM pragma_writable_schema WHERE writable_schema <> 0;

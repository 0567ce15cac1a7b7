-- Every query returns what is wrong, so none may return a row.

SELECT 'the guard was not written anew' FROM sqlite_schema
WHERE name = 'payment' AND (sql LIKE '%state IN (%' OR sql NOT LIKE '%OR state = ''created'' OR state = ''sending'' OR state = ''not_sent'')%');

SELECT 'payments were lost' WHERE (SELECT group_concat(id || state) FROM payment) <> 'asending,bpaid';

SELECT 'damaged: ' || integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok';

SELECT 'the schema can still be written' FROM pragma_writable_schema WHERE writable_schema <> 0;

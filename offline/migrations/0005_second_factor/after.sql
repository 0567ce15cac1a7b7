-- Every query returns what is wrong, so none may return a row.

SELECT 'people were lost' WHERE (SELECT group_concat(id || name || failures || locked) FROM person) <> '1Olive2500';

SELECT 'a second factor came by itself' WHERE EXISTS (SELECT 1 FROM second);

SELECT 'not strict' FROM pragma_table_list WHERE schema = 'main' AND name = 'second' AND strict = 0;

SELECT 'no guard' WHERE NOT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND name = 'second_step');

INSERT INTO person(id, name, role, secret, disabled, failures, locked, created) VALUES ('1', 'Olive', 'owner', 'x', 0, 2, 500, 7);

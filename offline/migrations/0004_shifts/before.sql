INSERT INTO edge("from", "to") VALUES ('created', 'sending'), ('sending', 'paid');

INSERT INTO payment(id, order_no, client, request_id, request_hash, lane, amount, currency, reference, mode, cashier, test,
  created, first_seq, version, state, final, held, wallet, txn, captured, refunded, last_seq)
VALUES ('a', 'T0TESTa', 'till:a', 'r1', x'00', '1', 1280, 'CNY', 'basket', 'any', 'Wei', 0, 1, 1, 1, 'sending', 0, 1, 'wechat', '', 0, 0, 2),
  ('b', 'T0TESTb', 'till:a', 'r2', x'00', '2', 1280, 'CNY', 'basket', 'any', 'Wei', 0, 2, 3, 2, 'paid', 1, 0, 'wechat', 'x', 1280, 0, 5);

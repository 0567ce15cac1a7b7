package sandbox

import "context"

// Know tells the ledger the number of an order that its payer knows by an alias
// alone. What was paid under the alias is that order from then on, and whoever
// presents the alias later means that number: an order that was closed before its
// payer came stays closed.
func (l *Ledger) Know(ctx context.Context, k Key, alias string) error {
	return l.do(ctx, func(t *tx) error {
		err := t.exec("INSERT INTO alias (wallet, merchant, alias, order_no) VALUES (?,?,?,?) ON CONFLICT DO NOTHING", k.Wallet, k.Merchant, alias, k.OrderNo)
		if err != nil {
			return err
		}
		// Nothing stands under the number yet: both names lead to one row from the
		// moment on in which the first of them was told.
		return t.exec("UPDATE orders SET order_no = ? WHERE wallet = ? AND merchant = ? AND order_no = ?", k.OrderNo, k.Wallet, k.Merchant, alias)
	})
}

// resolve sets the number of the order that an alias means: the alias itself, as
// long as no shop has told it.
func (t *tx) resolve(k *Key, alias string) error {
	err := t.row("SELECT order_no FROM alias WHERE wallet = ? AND merchant = ? AND alias = ?", k.Wallet, k.Merchant, alias).Scan(&k.OrderNo)
	if noRows(err) {
		k.OrderNo, err = alias, nil
	}
	return err
}

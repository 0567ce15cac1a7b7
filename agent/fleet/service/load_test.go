package service_test

import (
	"testing"
	"time"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/service"
)

// A terminal, or whoever has its certificate, must not fill the office's disk.
func TestWhatIsStoredOfOneTerminalHasABound(t *testing.T) {
	inBureau(t, func(b *bureau) {
		m, other := b.machine(1), b.machine(2)
		m.connect()
		other.connect()
		m.send(fleet.Payments, 1, 1)
		full := time.Now()
		err := b.store.Change(t.Context(), nil, func(tx service.Tx) error {
			row := must(tx.Terminal(t.Context(), m.tid))
			if row.Stored[fleet.Payments].Bytes == 0 {
				t.Error("what was stored is not counted")
			}
			row.Stored[fleet.Payments] = service.Load{Bytes: 32<<20 - 1, At: full}
			return tx.SaveTerminal(t.Context(), row)
		})
		if err != nil {
			t.Fatal(err)
		}
		m.send(fleet.Payments, 2, 3) // there is room for one byte, and so for a batch
		if upto := b.acked(m.tid, fleet.Payments); upto != 3 {
			t.Errorf("acknowledged up to %d while there was room", upto)
		}
		m.send(fleet.Payments, 4, 5)
		m.send(fleet.Payments, 4, 5)
		if upto := b.acked(m.tid, fleet.Payments); upto != 3 || m.stored(fleet.Payments) != 3 || b.found(m.tid) != "flood " {
			t.Errorf("acknowledged up to %d, stored %d, found %q", upto, m.stored(fleet.Payments), b.found(m.tid))
		}
		m.send(fleet.Audits, 1, 2)
		other.send(fleet.Payments, 1, 2)
		if m.stored(fleet.Audits) != 2 || other.stored(fleet.Payments) != 2 {
			t.Error("a flood of one stream stops another one, or another terminal")
		}
		b.pass(time.Minute) // twenty-two kilobytes drain
		m.send(fleet.Payments, 4, 5)
		if upto := b.acked(m.tid, fleet.Payments); upto != 5 || m.stored(fleet.Payments) != 5 {
			t.Errorf("later it is acknowledged up to %d and %d are stored", upto, m.stored(fleet.Payments))
		}
	})
}

// What comes again is not stored again, so it costs nothing.
func TestWhatIsSaidAgainIsNotCountedAgain(t *testing.T) {
	inBureau(t, func(b *bureau) {
		m := b.machine(1)
		m.connect()
		m.send(fleet.Payments, 1, 9)
		once := b.terminal(m.tid).Stored[fleet.Payments].Bytes
		for range 50 {
			m.send(fleet.Payments, 1, 9)
		}
		if now := b.terminal(m.tid).Stored[fleet.Payments].Bytes; once == 0 || now > once {
			t.Errorf("%d bytes after the first time, %d after fifty more", once, now)
		}
	})
}

package lab

import (
	"context"
	"database/sql"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
)

// stage is an honest shop, about to be tampered with.
type stage struct {
	*testing.T
	*Shop
	n   int
	cut atomic.Bool // its line
}

const price = 1280

// open asks for a payment of a sale on a lane.
func (s *stage) open(lane, sale string, mode agent.Mode) agent.Payment {
	s.Helper()
	s.n++
	p, _, err := s.Till().Open(s.Context(), agent.Request{Client: "till", RequestID: strconv.Itoa(s.n), Lane: lane, Mode: mode,
		Reference: sale, Amount: agent.Money{Value: price, Currency: "CNY"}})
	s.must(err)
	return p
}

// pay is a sale that a customer of that manner scans for.
func (s *stage) pay(sale string, b sandbox.Behaviour) agent.Payment {
	s.Helper()
	p := s.open("1", sale, agent.ModeScan)
	customer, err := s.Customer(s.Context(), b, 1_000_000)
	s.must(err)
	code, err := s.Code(s.Context(), customer)
	s.must(err)
	if r := s.Till().Scan(s.Context(), "1", code); !r.Accepted {
		s.Fatalf("the scan was not accepted: %s", r.Say.English)
	}
	synctest.Wait()
	return s.now(p)
}

func (s *stage) now(p agent.Payment) agent.Payment {
	s.Helper()
	p, err := s.Store().Payment(s.Context(), p.ID)
	s.must(err)
	return p
}

func (s *stage) cancel(p agent.Payment) {
	s.Helper()
	_, _, err := s.Till().Cancel(s.Context(), p.ID, "cashier")
	s.must(err)
}

func (s *stage) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// show puts an order into the ledger that nobody asked for.
func (s *stage) show(orderNo string) {
	s.Helper()
	account, err := s.Account()
	s.must(err)
	_, err = s.Cloud().Ledger.Present(s.Context(), sandbox.Showing{Key: sandbox.Key{Wallet: "wechat", Merchant: account.MerchantID, OrderNo: orderNo},
		Amount: price, Currency: "CNY", QR: "weixin://" + orderNo})
	s.must(err)
}

// on writes into a database behind the back of whoever works with it.
func (s *stage) on(path, statement string) {
	s.Helper()
	db, err := sql.Open("sqlite3", "file:"+path+"?_busy_timeout=5000")
	s.must(err)
	_, err = db.ExecContext(s.Context(), statement)
	s.must(err)
	s.must(db.Close())
}

// tampering is what makes a check speak. It returns what to do with the books before
// they are judged, or nil.
type tampering func(*stage) func(*Books)

// the is the payment as the books have it.
func the(b *Books, p agent.Payment) *agent.Payment {
	return &b.Payments[slices.IndexFunc(b.Payments, func(q agent.Payment) bool { return q.ID == p.ID })]
}

// demonstrations has one for each check. Every other check must stay silent about it.
func demonstrations() map[string]tampering {
	all := duringTrade()
	maps.Copy(all, inTheBooks())
	maps.Copy(all, inAnOutage())
	return all
}

// duringTrade are the checks of what is seen while the shop trades.
func duringTrade() map[string]tampering {
	return map[string]tampering{
		CheckIntent: func(s *stage) func(*Books) {
			p := s.pay("1", sandbox.Approve)
			s.arrived(s.Context(), Arrival{Op: sandbox.OpReverse, OrderNo: p.OrderNo})
			return nil
		},
		CheckGreen: func(s *stage) func(*Books) {
			p := s.pay("1", sandbox.Decline)
			s.seen.green[p.ID] = true
			return nil
		},
		CheckStep: func(s *stage) func(*Books) {
			p := s.pay("1", sandbox.Approve)
			for range 2 {
				s.leased(s.till, agent.Task{Row: 1, Payment: p.ID})
			}
			return nil
		},
		CheckTender: func(s *stage) func(*Books) {
			first := s.open("1", "sale", agent.ModeScan)
			s.cancel(s.open("2", "sale", agent.ModeScan))
			s.cancel(first)
			return nil
		},
		CheckAcked: func(s *stage) func(*Books) {
			p := s.pay("1", sandbox.Approve)
			s.Promised(p.ID, p.Version+1)
			return nil
		},
		CheckFinal: func(s *stage) func(*Books) {
			p := s.open("1", "1", agent.ModeScan)
			s.must(s.Settle(s.Context(), time.Second, func(d time.Duration) { <-time.After(d) }))
			s.cancel(p)
			return nil
		},
		CheckSecret: func(s *stage) func(*Books) {
			p := s.pay("1", sandbox.Approve)
			code, err := s.Code(s.Context(), s.order(p).Customer)
			s.must(err)
			s.must(os.WriteFile(filepath.Join(s.AgentDir(), "note"), []byte("9"+code.Reveal()), 0o600))
			return nil
		},
		CheckScreen: func(s *stage) func(*Books) {
			p := s.open("1", "1", agent.ModeShow)
			synctest.Wait()
			qr := s.now(p).Status.QR
			s.cancel(p)
			<-time.After(time.Minute)
			s.must(s.till.screens[0].Show(s.Context(), agent.Screen{Kind: agent.ScreenQR, QR: qr, TTL: time.Minute}))
			<-time.After(time.Minute)
			return nil
		},
	}
}

// inTheBooks are the checks of what journal and ledger say in the end.
func inTheBooks() map[string]tampering {
	return map[string]tampering{
		CheckCharge: func(s *stage) func(*Books) {
			s.pay("sale", sandbox.Approve)
			s.pay("sale", sandbox.Approve)
			return nil
		},
		CheckProof: func(s *stage) func(*Books) {
			p := s.open("1", "1", agent.ModeScan)
			s.cancel(p)
			s.show(p.OrderNo)
			return nil
		},
		CheckKeys: func(s *stage) func(*Books) {
			s.show("LAB00100000000000000000000000001")
			return nil
		},
		CheckLate: func(s *stage) func(*Books) {
			p := s.pay("1", sandbox.Approve)
			return func(b *Books) {
				the(b, p).Status.Refunds = []agent.Refund{{No: p.OrderNo + "P1", Amount: price, State: agent.RefundFailed, Auto: true}}
			}
		},
		CheckRefunds: func(s *stage) func(*Books) {
			p := s.pay("1", sandbox.Approve)
			return func(b *Books) {
				the(b, p).Status.Refunds = []agent.Refund{{No: p.OrderNo + "P1", Amount: price + 1, State: agent.RefundRequested}}
			}
		},
		CheckLaw: func(s *stage) func(*Books) {
			s.pay("1", sandbox.Approve)
			s.on(filepath.Join(s.AgentDir(), "agent.db"), "DROP TRIGGER journal_update; UPDATE journal SET hash = zeroblob(32) WHERE seq = 2")
			return nil
		},
		CheckBooks: func(s *stage) func(*Books) {
			p := s.pay("1", sandbox.Approve)
			return func(b *Books) { the(b, p).Status.Captured-- }
		},
		CheckReturn: func(s *stage) func(*Books) {
			p := s.pay("1", sandbox.Slow)
			<-time.After(time.Minute)
			begin := s.opt.Clock.Mono()
			_, r, _, err := s.Till().Refund(s.Context(), agent.RefundRequest{Payment: p.ID, RequestID: "1", Amount: agent.Money{Value: 1, Currency: "CNY"}})
			s.must(err)
			<-time.After(time.Minute)
			s.seen.back[r.No] = begin // the journal was told so while the wallet was still at it
			return nil
		},
	}
}

// order is the ledger's side of a payment.
func (s *stage) order(p agent.Payment) sandbox.OrderWithHistory {
	s.Helper()
	b, err := s.Books(s.Context())
	s.must(err)
	return b.byOrder[p.OrderNo]
}

// perform tampers with an honest shop and returns the names of the checks that speak.
func perform(t *testing.T, keys Keys, tamper tampering) (found []Violation) {
	dir := Scratch(t)
	synctest.Test(t, func(t *testing.T) {
		s := &stage{T: t}
		network := NewNetwork()
		dial := func(ctx context.Context, kind, address string) (net.Conn, error) {
			if s.cut.Load() {
				return nil, syscall.ENETUNREACH
			}
			return network.Dial(ctx, kind, address)
		}
		var err error
		s.Shop, err = Open(t.Context(), Options{Dir: dir, Clock: NewClock(), Keys: keys, Network: network, Dial: dial, Lanes: 2,
			Wallets: []string{"wechat", Corner, Card}, Outage: outagePolicy()})
		s.must(err)
		defer func() { s.must(s.Close()) }()
		change := tamper(s)
		s.must(s.Settle(t.Context(), 2*time.Minute, func(d time.Duration) { <-time.After(d) }))
		report, err := s.till.reader.Verify(t.Context(), s.opt.Timers)
		s.must(err)
		for _, f := range report.Findings {
			s.accuse(CheckLaw, "%s", f)
		}
		books, err := s.Books(t.Context())
		s.must(err)
		if change != nil {
			change(books)
		}
		found, err = s.weigh(t.Context(), books)
		s.must(err)
	})
	return found
}

func TestEveryCheckSpeaksAndNoOther(t *testing.T) {
	keys, err := NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	all := demonstrations()
	if names, want := slices.Sorted(maps.Keys(all)), slices.Sorted(slices.Values(Checks())); !slices.Equal(names, want) {
		t.Errorf("demonstrated are %v, and the oracle has %v", names, want)
	}
	for _, name := range Checks() {
		t.Run(name, func(t *testing.T) {
			found := perform(t, keys, all[name])
			if len(found) == 0 || slices.ContainsFunc(found, func(v Violation) bool { return v.Check != name }) {
				t.Errorf("found %v, want only %s", found, name)
			}
		})
	}
}

func TestACodeInTheLogIsFoundAndNotRepeated(t *testing.T) {
	keys, err := NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	var code string
	found := perform(t, keys, func(s *stage) func(*Books) {
		p := s.pay("1", sandbox.Approve)
		fresh, err := s.Code(s.Context(), s.order(p).Customer)
		s.must(err)
		code = fresh.Reveal()
		s.opt.Log.Debug("a scan", "text", code)
		return nil
	})
	if len(found) != 1 || found[0].Check != CheckSecret || strings.Contains(found[0].What, code) {
		t.Errorf("found %v", found)
	}
}

func TestADisplayMayShowACodeThatARunBeforeHasMade(t *testing.T) {
	keys, err := NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	found := perform(t, keys, func(s *stage) func(*Books) {
		s.open("1", "1", agent.ModeShow)
		synctest.Wait()
		s.PowerOff()
		s.must(s.Bury())
		s.seen = newEvidence() // as of a shop that was opened on a disk from elsewhere
		s.must(s.PowerOn(s.Context()))
		<-time.After(10 * time.Second)
		if s.till.screens[0].qr == "" {
			s.Error("the display does not show the code again")
		}
		return nil
	})
	if len(found) != 0 {
		t.Errorf("found %v", found)
	}
}

package lab_test

import (
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	"tillwire/cmd/tillcloud/lab"
)

var keys = sync.OnceValues(lab.NewKeys)

// inShop runs a test in virtual time with a whole shop.
func inShop(t *testing.T, test func(*testing.T, *lab.Shop)) {
	t.Helper()
	dir := lab.Scratch(t)
	pair, err := keys()
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s, err := lab.Open(t.Context(), lab.Options{Dir: dir, Clock: lab.NewClock(), Keys: pair, Network: lab.NewNetwork(), Lanes: 2})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}()
		test(t, s)
	})
}

func pay(t *testing.T, s *lab.Shop, n int, b sandbox.Behaviour) agent.Payment {
	t.Helper()
	customer, err := s.Customer(t.Context(), b, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	code, err := s.Code(t.Context(), customer)
	if err != nil {
		t.Fatal(err)
	}
	p, _, err := s.Till().Open(t.Context(), agent.Request{Client: "till", RequestID: strconv.Itoa(n), Lane: "1", Mode: agent.ModeScan,
		Reference: strconv.Itoa(n), Amount: agent.Money{Value: 1280, Currency: "CNY"}})
	if err != nil {
		t.Fatal(err)
	}
	if r := s.Till().Scan(t.Context(), "1", code); !r.Accepted {
		t.Fatalf("the scan was not accepted: %s", r.Say.English)
	}
	synctest.Wait()
	return p
}

func settled(t *testing.T, s *lab.Shop) []lab.Violation {
	t.Helper()
	if err := s.Settle(t.Context(), 2*time.Minute, func(d time.Duration) { <-time.After(d) }); err != nil {
		t.Fatal(err)
	}
	found, err := s.Judge(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestAShopThatTradesHonestlyIsFoundHonest(t *testing.T) {
	inShop(t, func(t *testing.T, s *lab.Shop) {
		p := pay(t, s, 1, sandbox.Approve)
		pay(t, s, 2, sandbox.Decline)
		if err := s.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		pay(t, s, 3, sandbox.Approve)
		if found := settled(t, s); len(found) > 0 {
			t.Errorf("found %v", found)
		}
		books, err := s.Books(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(books.Payments) != 3 || len(books.Orders) != 3 {
			t.Errorf("%d payments and %d orders, want three", len(books.Payments), len(books.Orders))
		}
		now, err := s.Store().Payment(t.Context(), p.ID)
		if err != nil || now.Status.State != agent.Paid {
			t.Errorf("the first sale is %s: %v", now.Status.State, err)
		}
	})
}

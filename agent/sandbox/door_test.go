package sandbox_test

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"tillwire/agent/sandbox"
	"tillwire/agent/sandbox/sandboxtest"
)

// named is a wallet that says its name and does nothing else.
type named struct{ name string }

func (n *named) Name() string                                       { return n.name }
func (n *named) Classify(*http.Request) (sandbox.Operation, string) { return sandbox.OpPay, "" }
func (n *named) OrderNo([]byte) string                              { return "" }
func (n *named) PayCode() (string, error)                           { return "", sandbox.ErrNoCodes }
func (n *named) OnlyReads() bool                                    { return true }
func (n *named) Currencies() []string                               { return []string{"KHR", "USD"} }
func (n *named) Answer(_ context.Context, c sandbox.Call) sandbox.Answer {
	return sandbox.Answer{Status: 200, Header: http.Header{}, Body: []byte(n.name + " " + string(c.Body))}
}

// hall is a door to two of them: a request begins with the name of one.
type hall struct {
	named
	rooms map[string]*named
}

var roomName = regexp.MustCompile(`^([a-z]+);`)

func (h *hall) Behind(_ *http.Request, head []byte) (sandbox.Wallet, bool) {
	m := roomName.FindSubmatch(head)
	if m == nil {
		return nil, len(head) < 4000
	}
	if room := h.rooms[string(m[1])]; room != nil {
		return room, false
	}
	return nil, false
}

func openHall(t *testing.T) *bench {
	t.Helper()
	b := newBench(t)
	h := &hall{named{"hall"}, map[string]*named{"east": {"east"}, "west": {"west"}}}
	b.start(sandbox.Options{Wallets: []sandbox.Open{{Wallet: h.rooms["east"], Hosts: []string{sandboxtest.Local}}, {Wallet: h.rooms["west"]}},
		Doors: []sandbox.OpenDoor{{Door: h, Hosts: []string{sandboxtest.Local}}}})
	return b
}

// answers asks through an address and returns what came back; "" is a cut line.
func (b *bench) answers(url, body string) string {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), "POST", url, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(r)
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	var text [200]byte
	n, _ := response.Body.Read(text[:])
	return cmp.Or(fmt.Sprint(response.StatusCode, " ", string(text[:n])), "?")
}

// Behind a door each wallet is told apart, with its whole request; what is for none
// is the door's own.
func TestADoorLeadsToItsWallets(t *testing.T) {
	b := openHall(t)
	door := b.cloud.HostURLs("hall")[0]
	for body, want := range map[string]string{"east;1": "200 east east;1", "west;2": "200 west west;2", "north;3": "200 hall north;3"} {
		if got := b.answers(door, body); got != want {
			t.Errorf("%q is answered %q, want %q", body, got, want)
		}
	}
	if len(b.cloud.HostURLs("west")) != 0 {
		t.Error("west has an address of its own")
	}
}

// A fault of one wallet strikes it wherever it is asked, and nobody beside it.
func TestAFaultBehindADoorStrikesOneWallet(t *testing.T) {
	b := openHall(t)
	door, own := b.cloud.HostURLs("hall")[0], b.cloud.HostURLs("east")[0]
	for _, c := range []struct {
		fault                   sandbox.Fault
		east, west, hall, alone string
	}{
		{sandbox.Fault{Wallet: "east", Kind: sandbox.StatusOnly, Count: 9, Status: 418}, "418", "200", "200", "418"},
		{sandbox.Fault{Wallet: "east", Kind: sandbox.DropRequest, Count: 9}, "", "200", "200", ""},
		{sandbox.Fault{Wallet: "east", Kind: sandbox.RefuseConnection, Count: 1}, "", "200", "200", ""},
		{sandbox.Fault{Wallet: "west", Kind: sandbox.RefuseConnection, Count: 1}, "200", "", "200", "200"},
		{sandbox.Fault{Wallet: "hall", Kind: sandbox.RefuseConnection, Count: 1}, "", "", "", "200"},
		{sandbox.Fault{Wallet: "*", Kind: sandbox.RefuseConnection, Count: 1}, "", "", "", ""},
	} {
		if err := b.cloud.SetFaults([]sandbox.Fault{c.fault}); err != nil {
			t.Fatal(err)
		}
		for _, ask := range []struct{ url, body, want string }{{door, "east;", c.east}, {door, "west;", c.west}, {door, "other;", c.hall}, {own, "east;", c.alone}} {
			if got, _, _ := strings.Cut(b.answers(ask.url, ask.body), " "); got != ask.want {
				t.Errorf("%v: %s is answered %q, want %q", c.fault.Kind, ask.body, got, ask.want)
			}
		}
	}
	if err := b.cloud.SetFaults([]sandbox.Fault{{Wallet: "north", Kind: sandbox.Delay, Count: 1}}); err == nil {
		t.Error("a fault of a wallet that there is not was taken")
	}
}

// A phone of a wallet without codes scans, says so when it is asked for a code, and
// may hold any of its wallet's currencies.
func TestAPhoneThatOnlyScans(t *testing.T) {
	b := openHall(t)
	_, body, _ := b.ask("POST", "/_sandbox/customers", `{"wallet":"west","currency":"USD"}`)
	if b.member(body, "currency") != "USD" {
		t.Errorf("the phone is %s", body)
	}
	id := b.member(body, "id")
	if status, body, _ := b.ask("POST", "/_sandbox/customers/"+id+"/paycode", ""); status != 422 || b.member(body, "code") != "no_codes" {
		t.Errorf("asked for a code it answers %d %s", status, body)
	}
	if _, page, _ := b.ask("GET", "/phone/"+id, ""); strings.Contains(page, `id="view-code"`) || !strings.Contains(page, "data-reads") {
		t.Error("the phone has a page for its codes")
	}
	if status, body, _ := b.ask("POST", "/_sandbox/customers", `{"wallet":"west","currency":"EUR"}`); status != 422 || b.member(body, "code") != "currency" {
		t.Errorf("a phone of another currency is answered %d %s", status, body)
	}
	if _, body, _ := b.ask("POST", "/_sandbox/customers", `{"wallet":"west"}`); b.member(body, "currency") != "KHR" {
		t.Errorf("the phone is %s", body)
	}
}

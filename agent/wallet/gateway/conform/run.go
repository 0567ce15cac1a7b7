package conform

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"tillwire/agent"
	"tillwire/agent/wallet/gateway"
)

// Options say whom to ask and with what.
type Options struct {
	Config gateway.Config // as a shop would configure it
	Brand  gateway.Brand  // the brand to ask about
	Amount agent.Money    // of every sale; must be within the brand's limits
	Codes  []string       // fresh codes of test customers who pay without confirming; two make it complete
}

// Outcome is what became of a check.
type Outcome string

// The outcomes. What is left out needs a code or a mode that there is not.
const (
	Pass    Outcome = "pass"
	Fail    Outcome = "fail"
	LeftOut Outcome = "left_out"
)

// Result is one check and its outcome.
type Result struct {
	Check   string  `json:"check"`
	Rule    string  `json:"rule"` // the part of the contract it is about
	Outcome Outcome `json:"outcome"`
	What    string  `json:"what,omitempty"` // with Fail and LeftOut
}

// check is one sentence of the contract as a test.
type check struct {
	name string
	rule string
	run  func(context.Context, *bench) error
}

// errLeftOut wraps why a check cannot be made here.
var errLeftOut = errors.New("left out")

// bench is one run: what is asked, and what the checks share.
type bench struct {
	Options
	connection *gateway.Connection
	wallet     agent.Wallet
	http       *http.Client
	terminal   string // of this run's order numbers
	used       []string
	codes      []string // not used yet
}

// Run makes every check, one after the other, and tells each result as it comes.
// The error is for a configuration that cannot work; results are no errors.
func Run(ctx context.Context, o Options, tell func(Result)) ([]Result, error) {
	if o.Config.Clock == nil {
		o.Config.Clock = agent.NewSystemClock()
	}
	connection, err := gateway.Connect(o.Config)
	if err != nil {
		return nil, err
	}
	defer connection.CloseIdle()
	w, err := connection.Wallet(o.Brand.Name, o.Brand)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{TLSClientConfig: o.Config.TLS, DialContext: o.Config.Dial, DisableCompression: true}
	defer transport.CloseIdleConnections()
	b := &bench{Options: o, connection: connection, wallet: w, terminal: "CF" + rand.Text()[:4], codes: slices.Clone(o.Codes),
		http: &http.Client{Transport: transport, Timeout: cmp.Or(o.Config.Timers.Pay, agent.DefaultTimers("gateway").Pay),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	var results []Result
	for _, c := range slices.Concat(signatureChecks, toldChecks, showChecks, codeChecks, listChecks) {
		r := Result{Check: c.name, Rule: c.rule, Outcome: Pass}
		if err := c.run(ctx, b); errors.Is(err, errLeftOut) {
			r.Outcome, r.What = LeftOut, strings.TrimPrefix(err.Error(), errLeftOut.Error()+": ")
		} else if err != nil {
			r.Outcome, r.What = Fail, err.Error()
		}
		results = append(results, r)
		tell(r)
		if err := ctx.Err(); err != nil {
			return results, err
		}
	}
	return results, nil
}

// number makes an order number of this run.
func (b *bench) number() string {
	no := b.terminal + rand.Text()
	b.used = append(b.used, no)
	return no
}

// code takes a customer's code that no check has used.
func (b *bench) code() (string, error) {
	if !b.Brand.Charges {
		return "", fmt.Errorf("%w: the brand takes no customers' codes", errLeftOut)
	}
	if len(b.codes) == 0 {
		return "", fmt.Errorf("%w: it needs a fresh code of a test customer", errLeftOut)
	}
	code := b.codes[0]
	b.codes = b.codes[1:]
	return code, nil
}

func (b *bench) charges() error {
	if !b.Brand.Charges {
		return fmt.Errorf("%w: the brand takes no customers' codes", errLeftOut)
	}
	return nil
}

func (b *bench) shows() error {
	if !b.Brand.Shows {
		return fmt.Errorf("%w: the brand shows no codes", errLeftOut)
	}
	return nil
}

// payment is a sale as the engine would hand it to the client.
func (b *bench) payment(no string) agent.Payment {
	p := agent.Payment{OrderNo: no, Lane: "1", Amount: b.Amount, Created: b.Config.Clock.Now()}
	p.Status.Attempt, p.Status.Started = 1, p.Created
	return p
}

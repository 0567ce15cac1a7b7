package wallet

import (
	"net/url"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
)

// A host that failed three times in a row rests for a minute; then one request
// probes it (WeChat Pay asks for a health state per host, Alipay for none).
const (
	failuresToRest = 3
	rest           = 60 * time.Second
)

type host struct {
	base    *url.URL
	breaker circuitbreaker.CircuitBreaker[any]
}

func newHost(base *url.URL) *host {
	breaker := circuitbreaker.NewBuilder[any]().
		WithFailureThreshold(failuresToRest).WithSuccessThreshold(1).WithDelay(rest).Build()
	return &host{base, breaker}
}

// outcome is what an exchange says about its host.
type outcome int

const (
	silent outcome = iota // the caller gave up first: says nothing
	good
	bad
)

// note remembers the outcome of an exchange. permitted is false for a try on a
// resting host that was made because there was no better one.
func (h *host) note(o outcome, permitted bool) {
	switch {
	case o == good && !permitted:
		h.breaker.Close()
	case o == good:
		h.breaker.RecordSuccess()
	case permitted && (o == bad || h.breaker.IsHalfOpen()):
		// A probe that was given up must hand its permit back, or the host
		// would rest for ever.
		h.breaker.RecordFailure()
	}
}

// route puts the hosts in the order to try them: the healthy ones as
// configured, then the resting ones, because a customer is better served by a
// doubtful host than by none.
func route(hosts []*host) []*host {
	order := make([]*host, 0, len(hosts))
	var resting []*host
	for _, h := range hosts {
		if h.resting() {
			resting = append(resting, h)
		} else {
			order = append(order, h)
		}
	}
	return append(order, resting...)
}

// resting holds while a host's minute lasts, and while its one probe is out.
func (h *host) resting() bool {
	return h.breaker.IsHalfOpen() || h.breaker.IsOpen() && h.breaker.RemainingDelay() > 0
}

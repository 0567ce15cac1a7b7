package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

// Capabilities are what the gateway says this merchant may do.
type Capabilities struct {
	Version  int          `json:"version"`
	Merchant string       `json:"merchant"`
	MaxAge   int64        `json:"max_age_s"`
	TimeZone string       `json:"time_zone"`
	Test     bool         `json:"test"`
	Brands   []Capability `json:"brands"`
}

// Capability is what it says of one brand.
type Capability struct {
	Brand         string           `json:"brand"`
	Title         string           `json:"title"`
	Currencies    []agent.Currency `json:"currencies"`
	Modes         []string         `json:"modes"` // "code", "show"
	CodePatterns  []string         `json:"code_patterns"`
	Payload       *Payload         `json:"payload"`
	Limits        []Limit          `json:"limits"`
	ReverseWindow int64            `json:"reverse_window_s"` // 0: no end is known
	Refund        *RefundRules     `json:"refund"`           // nil: no refunds
	Later         *Later           `json:"chargeable_later"` // nil: never
	Offline       *OfflineCodes    `json:"offline"`          // nil: the brand's customers need a line
}

// OfflineCodes says that a brand's customers can pay while the shop, or their phone,
// has no line.
type OfflineCodes struct {
	Issuer int      `json:"issuer"` // its number in codes and lists of keys
	Codes  []string `json:"codes"`  // "RC1", "OV1", "OV2"
}

// Limit bounds one payment, in minor units; 0 is no bound.
type Limit struct {
	Currency agent.Currency `json:"currency"`
	Min      int64          `json:"min"`
	Max      int64          `json:"max"`
}

// RefundRules say what refunds a brand makes; 0 is no bound.
type RefundRules struct {
	Partial  bool  `json:"partial"`
	Window   int64 `json:"window_s"`
	MaxCount int   `json:"max_count"`
}

// Later says that codes may be charged after the sale, and how much of that the
// brand answers for.
type Later struct {
	MaxAge int64         `json:"max_age_s"`
	Max    []agent.Money `json:"max"`
}

// Brand finds what is said of one brand.
func (c *Capabilities) Brand(name string) (Capability, bool) {
	if c == nil {
		return Capability{}, false
	}
	i := slices.IndexFunc(c.Brands, func(b Capability) bool { return b.Brand == name })
	if i < 0 {
		return Capability{}, false
	}
	return c.Brands[i], true
}

// check refuses capabilities that contradict themselves or the contract.
func (c *Capabilities) check(merchant string) error {
	switch {
	case c.Version != 1:
		return fmt.Errorf("version is %d: this program speaks 1", c.Version)
	case c.Merchant != merchant:
		return fmt.Errorf("%w: the merchant is %.64q", ErrOtherOrder, c.Merchant)
	}
	if _, err := time.LoadLocation(c.TimeZone); err != nil || c.TimeZone == "" {
		return fmt.Errorf("time_zone %.64q is not a time zone", c.TimeZone)
	}
	for _, b := range c.Brands {
		for _, pattern := range b.CodePatterns {
			if _, err := regexp.Compile(pattern); err != nil {
				return fmt.Errorf("code pattern of %s: %w", b.Brand, err)
			}
		}
		for _, m := range b.Modes {
			if m != "code" && m != "show" {
				return fmt.Errorf("mode %.20q of %s is not known", m, b.Brand)
			}
		}
	}
	return nil
}

// readCapabilities reads what a gateway said, or why it cannot be believed.
func readCapabilities(body []byte, merchant string) (*Capabilities, error) {
	var can Capabilities
	if err := json.Unmarshal(body, &can); err != nil {
		return nil, fmt.Errorf("the answer cannot be read: %w", err)
	}
	return &can, can.check(merchant)
}

// The bounds of what a gateway may ask us to remember its capabilities for.
const (
	leastAge = time.Minute
	mostAge  = 24 * time.Hour
	retryAge = time.Minute // after a fetch that failed
)

// Capabilities gives what the gateway says this merchant may do: from memory
// while that is fresh, else from the gateway.
func (c *Connection) Capabilities(ctx context.Context) (*Capabilities, error) {
	select {
	case c.asking <- struct{}{}:
		defer func() { <-c.asking }()
	case <-ctx.Done():
		return nil, c.untold(ctx.Err())
	}
	if can, left := c.fresh(); left > 0 {
		return can, nil
	}
	return c.fetch(ctx)
}

// fresh is what was last told and how long it still holds.
func (c *Connection) fresh() (*Capabilities, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.can == nil {
		return nil, 0
	}
	return c.can, c.until - c.c.Clock.Mono()
}

func (c *Connection) fetch(ctx context.Context) (*Capabilities, error) {
	var can *Capabilities
	var told []byte
	a := c.do(ctx, request{op: "capabilities", method: http.MethodGet, path: "/capabilities", query: url.Values{"merchant": {c.c.Merchant}},
		read: func(status int, body []byte) agent.Answer {
			if status != http.StatusOK {
				return refuse(status, body, nil, false, false)
			}
			var err error
			if can, err = readCapabilities(body, c.c.Merchant); err != nil {
				return wallet.Unverified(err)
			}
			told = body
			return agent.Answer{Verdict: agent.Accepted}
		}})
	if a.Verdict != agent.Accepted {
		return nil, c.untold(saidBy(a))
	}
	hold := min(max(time.Duration(can.MaxAge)*time.Second, leastAge), mostAge)
	c.mu.Lock()
	c.can, c.until = can, c.c.Clock.Mono()+hold
	c.mu.Unlock()
	if c.c.Keep != nil {
		c.c.Keep(told)
	}
	return can, nil
}

func (c *Connection) untold(err error) error {
	return &agent.Error{Op: "ask " + c.c.Name + " for its capabilities", Class: agent.Unavailable, Code: agent.CodeWallet, Err: err,
		Say: agent.Sentence{ID: "error.gateway_capabilities", English: "The gateway did not say what it can do. Check the line, the keys and the merchant number."}}
}

// Run asks for the capabilities now and again whenever they run out, until ctx
// ends. It may run once for each brand: they share what was told. Payments do not
// wait for it: without capabilities the table of brands holds, and the gateway
// refuses by itself what it does not do.
func (c *Connection) Run(ctx context.Context) error {
	for {
		if _, err := c.Capabilities(ctx); err != nil && ctx.Err() == nil {
			c.c.Log.Warn("gateway capabilities", "gateway", c.c.Name, "err", err)
		}
		_, wait := c.fresh()
		if wait <= 0 {
			wait = retryAge
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.c.Clock.After(wait):
		}
	}
}

// said is what was last told, however old, or nil.
func (c *Connection) said() *Capabilities {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.can
}

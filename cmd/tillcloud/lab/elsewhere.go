package lab

import (
	"context"
	"errors"
	"fmt"

	"tillwire/agent"
	cloudwechat "tillwire/agent/sandbox/wechat"
	"tillwire/offline"
)

// OpenElsewhere builds the cloud for an agent that runs in a process of its own,
// with AgentDir as its data folder. Such a shop has neither Till nor Store; its
// agent is judged by what stands on its disk, from Meet on.
func OpenElsewhere(ctx context.Context, o Options) (*Shop, error) {
	s := newShop(o)
	if err := s.StartCloud(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Meet lets the oracle read the agent's disk. There must be a store on it.
func (s *Shop) Meet(ctx context.Context) error {
	reader, err := offline.OpenReader(ctx, s.AgentDir())
	if err != nil {
		return fmt.Errorf("meet the agent: %w", err)
	}
	t := &till{reader: reader, leases: map[int64]int64{}}
	t.on.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.till = t
	return nil
}

// Heard takes in what the agent's own API answered about a payment: it is durable,
// and what was shown as paid stays paid.
func (s *Shop) Heard(id agent.PaymentID, state agent.State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen.acked[id] = max(s.seen.acked[id], 1)
	if state == agent.Paid {
		s.seen.green[id] = true
	}
}

// Account is what the shop's agent is configured with to reach its cloud.
type Account struct {
	Host                                string // base URL
	AppID, MerchantID, Serial, APIv3Key string
	PlatformKeyID                       string
	MerchantKey, PlatformKey            []byte // PEM
}

// Account returns the merchant's account at WeChat Pay of the running cloud.
func (s *Shop) Account() (Account, error) {
	c, ok := s.Cloud().Wallet("wechat").(*cloudwechat.Wallet)
	if !ok {
		return Account{}, errors.New("the shop takes no WeChat Pay")
	}
	merchant, err := c.Direct().PrivatePEM()
	platform, other := c.Platform().PublicPEM()
	return Account{Host: s.host("wechat"), AppID: c.Direct().AppID, MerchantID: c.Direct().MerchantID, Serial: c.Direct().Serial,
		APIv3Key: c.Direct().APIv3Key, PlatformKeyID: c.Platform().PublicKeyID, MerchantKey: merchant, PlatformKey: platform}, errors.Join(err, other)
}

// unsettledElsewhere describes what the disk says is still to be done.
func (s *Shop) unsettledElsewhere(ctx context.Context) ([]string, error) {
	books, err := s.Books(ctx)
	if err != nil {
		return nil, err
	}
	var list []string
	for _, p := range books.Payments {
		for _, step := range p.Steps(s.Timers(p.Status.Wallet)) {
			list = append(list, fmt.Sprintf("%s is %s and waits for %s %s: %v", p.OrderNo, p.Status.State, step.Op, step.RefundNo, kinds(p)))
		}
	}
	return list, nil
}

package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// ports are the addresses of a shop, all on the loopback interface.
type ports struct {
	Agent     int `json:"agent"`     // register, owner page, API
	Sandbox   int `json:"sandbox"`   // control API and phones
	WeChat    int `json:"wechat"`    // WeChat Pay's primary host
	WeChat2   int `json:"wechat2"`   // its disaster-recovery host
	Alipay    int `json:"alipay"`    // Alipay's gateway
	Gateway   int `json:"gateway"`   // the acquirer, with all its brands
	PromptPay int `json:"promptpay"` // and each brand of the demo shop alone
	Pix       int `json:"pix"`
	UPI       int `json:"upi"`
	UnionPay  int `json:"unionpay"`
	Plus      int `json:"alipayplus"`
	WeChatTLS int `json:"wechat_tls"`   // WeChat Pay's host that speaks TLS, for API v2
	Abroad    int `json:"wechatglobal"` // WeChat Pay's cross-border edition
	Corner    int `json:"cornerpay"`    // the brand whose customers can pay without a line
	ShopCard  int `json:"shopcard"`
	MQTT      int `json:"mqtt"`  // the fleet's broker
	Fleet     int `json:"fleet"` // the page of its service
}

// fixedPorts are what a newcomer's notes may say.
var fixedPorts = ports{Agent: 8480, Sandbox: 8490, WeChat: 8491, WeChat2: 8492, Alipay: 8493, Gateway: 8494, PromptPay: 8495, Pix: 8496, UPI: 8497,
	UnionPay: 8498, Plus: 8499, WeChatTLS: 8500, Abroad: 8501, Corner: 8502, ShopCard: 8503, MQTT: 8504, Fleet: 8505}

// portPatience is how long a port that was ours may still be held by a
// predecessor that is just dying.
const portPatience = 3 * time.Second

func (p ports) list() []int {
	return []int{p.Agent, p.Sandbox, p.WeChat, p.WeChat2, p.Alipay, p.Gateway, p.PromptPay, p.Pix, p.UPI, p.UnionPay, p.Plus, p.WeChatTLS, p.Abroad, p.Corner, p.ShopCard, p.MQTT, p.Fleet}
}

// complete gives ports to wallets that a shop of before them has none for yet:
// the next ones in its row.
func (p *ports) complete() {
	last := p.WeChat2
	for _, port := range []*int{&p.Alipay, &p.Gateway, &p.PromptPay, &p.Pix, &p.UPI, &p.UnionPay, &p.Plus, &p.WeChatTLS, &p.Abroad, &p.Corner, &p.ShopCard, &p.MQTT, &p.Fleet} {
		if *port == 0 {
			*port = last + 1
		}
		last = *port
	}
}

// local is the loopback address: a demo's secrets are printed on a screen, so it
// never listens to a network.
func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// busy names the first port that is taken.
func (p ports) busy() error {
	for _, port := range p.list() {
		l, err := net.Listen("tcp", local(port))
		if err != nil {
			return fmt.Errorf("port %d: %w", port, err)
		}
		if err := l.Close(); err != nil {
			return err
		}
	}
	return nil
}

// free waits a while for a predecessor's ports.
func (p ports) free() error {
	var err error
	for range int(portPatience / (100 * time.Millisecond)) {
		if err = p.busy(); err == nil {
			return nil
		}
		<-time.After(100 * time.Millisecond)
	}
	return err
}

// claim is a shop's hold on its ports towards other shops on the machine: between
// finding a port free and listening on it another one would take it, too. The
// socket has no file and goes with the process, however that ends.
func (p ports) claim() (io.Closer, error) {
	return net.Listen("unix", fmt.Sprintf("@tillcloud-ports-%d", p.Agent))
}

// choosePorts takes the remembered ports when they are free, else new ones. The
// claim is kept as long as the ports are used.
func choosePorts(remembered *ports, auto bool) (p ports, claim io.Closer, err error) {
	if remembered != nil {
		remembered.complete()
		if claim, err = remembered.claim(); err == nil {
			if err = remembered.free(); err == nil {
				return *remembered, claim, nil
			}
			err = errors.Join(err, claim.Close())
		}
		if !auto {
			return ports{}, nil, fmt.Errorf("the shop's port is taken: %w; end what uses it, or start with --ports auto", err)
		}
	}
	if auto {
		return randomPorts()
	}
	if claim, err = fixedPorts.claim(); err == nil {
		if err = fixedPorts.busy(); err == nil {
			return fixedPorts, claim, nil
		}
		err = errors.Join(err, claim.Close())
	}
	return ports{}, nil, fmt.Errorf("%w; end what uses it, or start with --ports auto", err)
}

// row is how far the first ports of two shops are apart at least.
const row = 32

// randomPorts stays below the range from which the kernel takes ports for
// outgoing connections: a fault closes listeners for a while, and a port of
// that range could be gone when they open again.
func randomPorts() (ports, io.Closer, error) {
	top := 32768
	if b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		if fields := strings.Fields(string(b)); len(fields) == 2 {
			if low, err := strconv.Atoi(fields[0]); err == nil && low > 12000 && low < 65000 {
				top = low
			}
		}
	}
	for range 50 {
		base := 10000 + row*rand.IntN((top-10000)/row)
		p := ports{Agent: base, Sandbox: base + 1, WeChat: base + 2, WeChat2: base + 3, Alipay: base + 4,
			Gateway: base + 5, PromptPay: base + 6, Pix: base + 7, UPI: base + 8, UnionPay: base + 9, Plus: base + 10, WeChatTLS: base + 11, Abroad: base + 12,
			Corner: base + 13, ShopCard: base + 14, MQTT: base + 15, Fleet: base + 16}
		claim, err := p.claim()
		if err != nil {
			continue
		}
		if p.busy() == nil {
			return p, claim, nil
		}
		if err := claim.Close(); err != nil {
			return ports{}, nil, err
		}
	}
	return ports{}, nil, errors.New("no free ports in a row after fifty tries")
}

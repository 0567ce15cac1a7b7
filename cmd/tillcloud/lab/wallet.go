package lab

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	cloudalipay "tillwire/agent/sandbox/alipay"
	cloudgateway "tillwire/agent/sandbox/gateway"
	cloudwechat "tillwire/agent/sandbox/wechat"
	"tillwire/agent/wallet/alipay"
	"tillwire/agent/wallet/emvqr"
	nationalqr "tillwire/agent/wallet/emvqr/national"
	"tillwire/agent/wallet/gateway"
	"tillwire/agent/wallet/wechat"
)

// Wallet is a wallet that a lab shop can take: its cloud, the client that speaks to
// it, and what roads differ by.
type Wallet struct {
	Name     string // the brand, in the shop and in the cloud
	Protocol string
	Currency agent.Currency // of its customers' phones
	Scans    bool           // customers show codes
	Shows    bool           // the shop shows codes
	Takes    []string       // schemes of codes, as wallet.Rule names them; none: its own name
	asks     bool           // its client asks what the gateway can do, and remembers it

	// cloud makes the fake on a ledger, connect the client of a shop that reaches the
	// fake at a base URL.
	cloud   func(context.Context, Options, *sandbox.Ledger) (sandbox.Wallet, error)
	connect func(s *Shop, cloud sandbox.Wallet, host string) (client, error)
	// filed is the number under which the cloud's ledger keeps a refund.
	filed func(orderNo, refundNo string) string
}

// client is a wallet as the shop uses it.
type client interface {
	agent.Wallet
	CloseIdle()
}

// Wallets lists the wallets that every campaign can take, the first of them first.
func Wallets() []Wallet {
	asItIs := func(_, refundNo string) string { return refundNo }
	list := []Wallet{
		{Name: "wechat", Protocol: "wechat", Currency: "CNY", Scans: true, Shows: true, cloud: wechatCloud, connect: wechatClient, filed: asItIs},
		{Name: "alipay", Protocol: "alipay", Currency: "CNY", Scans: true, Shows: true, cloud: alipayCloud, connect: alipayClient,
			filed: func(orderNo, refundNo string) string { return orderNo + "/" + refundNo }}, // numbers of refunds are unique per trade only
	}
	// One brand stands for all behind an acquirer: it has both kinds of codes, and a
	// currency without minor units.
	if b, ok := gateway.Known("jpqr"); ok {
		list = append(list, Wallet{Name: b.Name, Protocol: "gateway", Currency: b.Currencies[0], Scans: b.Charges, Shows: b.Shows, Takes: b.Takes,
			cloud: gatewayCloud(b.Name), connect: gatewayClient(b), filed: asItIs})
	}
	return list
}

// WalletNamed is the wallet of that name, also one that is sold by without a line.
func WalletNamed(name string) (Wallet, bool) {
	all := append(Wallets(), Apart()...)
	i := slices.IndexFunc(all, func(w Wallet) bool { return w.Name == name })
	if i < 0 {
		return Wallet{}, false
	}
	return all[i], true
}

// chosen are the wallets of the options.
func (o Options) chosen() (list []Wallet, err error) {
	for _, name := range o.Wallets {
		w, ok := WalletNamed(name)
		if !ok {
			return nil, fmt.Errorf("the laboratory has no wallet %q", name)
		}
		list = append(list, w)
	}
	return list, nil
}

func wechatCloud(ctx context.Context, o Options, l *sandbox.Ledger) (sandbox.Wallet, error) {
	return cloudwechat.New(ctx, cloudwechat.Options{Ledger: l, Clock: o.Clock.SystemClock, Keys: o.Keys.source()})
}

func wechatClient(s *Shop, _ sandbox.Wallet, _ string) (client, error) {
	a, err := s.Account()
	if err != nil {
		return nil, err
	}
	return wechat.New(wechat.Config{Hosts: []string{a.Host}, AppID: a.AppID, MerchantID: a.MerchantID, MerchantSerial: a.Serial, MerchantKey: a.MerchantKey,
		PlatformKeys: []wechat.PlatformKey{{ID: a.PlatformKeyID, PEM: a.PlatformKey}},
		NotifyURL:    "https://shop.example/notify", Description: "A laboratory", StoreID: "lab", Timers: s.Timers("wechat"), Clock: s.opt.Clock, Log: s.opt.Log,
		Dial: s.dial, Observe: s.observed})
}

func alipayCloud(ctx context.Context, o Options, l *sandbox.Ledger) (sandbox.Wallet, error) {
	return cloudalipay.New(ctx, cloudalipay.Options{Ledger: l, Clock: o.Clock.SystemClock, Keys: o.Keys.source()})
}

func alipayClient(s *Shop, cloud sandbox.Wallet, host string) (client, error) {
	c := cloud.(*cloudalipay.Wallet)
	app, err := c.App().PrivatePEM()
	platform, other := c.Platform().PublicPEM()
	if err := errors.Join(err, other); err != nil {
		return nil, err
	}
	return alipay.New(alipay.Config{Hosts: []string{host}, AppID: c.App().AppID, AppKey: app, AlipayKey: platform,
		NotifyURL: "https://shop.example/notify", Description: "A laboratory", StoreID: "lab", Timers: s.Timers("alipay"), Clock: s.opt.Clock, Log: s.opt.Log,
		Dial: s.dial, Observe: s.observed})
}

// gatewayCloud is an acquirer with one brand. Its keys are kept with its ledger.
func gatewayCloud(brand string) func(context.Context, Options, *sandbox.Ledger) (sandbox.Wallet, error) {
	return func(ctx context.Context, o Options, l *sandbox.Ledger) (sandbox.Wallet, error) {
		acquirer, err := cloudgateway.New(ctx, cloudgateway.Options{Ledger: l, Clock: o.Clock.SystemClock})
		if err != nil {
			return nil, err
		}
		return acquirer.Wallet(brand), nil
	}
}

func gatewayClient(b gateway.Brand) func(*Shop, sandbox.Wallet, string) (client, error) {
	return func(s *Shop, cloud sandbox.Wallet, host string) (client, error) {
		acquirer := cloud.(*cloudgateway.Wallet).Acquirer
		terminal := acquirer.Terminal()
		connection, err := gateway.Connect(gateway.Config{Hosts: []string{host}, Merchant: terminal.Merchant, Signer: gateway.Signer{KeyID: terminal.KeyID, Key: terminal.Key},
			Acquirer:    map[string]ed25519.PublicKey{acquirer.KeyID(): acquirer.Key().Public().(ed25519.PublicKey)},
			Description: "A laboratory", StoreID: "lab", Schemes: national, Timers: s.Timers(b.Name), Clock: s.opt.Clock, Log: s.opt.Log,
			Dial: s.dial, Observe: s.observed, Kept: s.kept(b.Name), Keep: s.keep(b.Name)})
		if err != nil {
			return nil, err
		}
		made, err := connection.Wallet(b.Name, b)
		if err != nil {
			return nil, err
		}
		return made.(client), nil // whatever stands on a connection closes it
	}
}

// national names the scheme of a code that a shop shows.
func national(code string) []string {
	p, err := emvqr.ReadMerchant(code)
	if err != nil {
		return nil
	}
	profile, _ := nationalqr.Identify(p)
	return []string{profile.Name}
}

// refundKind is what a refund's number has behind that of its order.
var refundKind = regexp.MustCompile(`^(?:P[0-9]+|R0)`)

// refundNumber finds the number of an order's refund in a request, however the
// request is written.
func refundNumber(orderNo string, request []byte) string {
	if orderNo == "" {
		return ""
	}
	for {
		_, rest, ok := bytes.Cut(request, []byte(orderNo))
		if !ok {
			return ""
		}
		if kind := refundKind.Find(rest); kind != nil {
			return orderNo + string(kind)
		}
		request = rest
	}
}

// OperationOf reads what a request asks for from its first bytes as they go over the
// wire, whichever wallet it is for.
func OperationOf(request []byte) sandbox.Operation {
	head, body, _ := bytes.Cut(request, []byte("\r\n\r\n"))
	line, _, _ := bytes.Cut(head, []byte("\r\n"))
	method, rest, _ := strings.Cut(string(line), " ")
	target, _, _ := strings.Cut(rest, " ")
	path, _, _ := strings.Cut(target, "?")
	switch {
	case strings.HasPrefix(path, "/v3/"):
		return wechatOperation(method, path)
	case path == "/gateway.do":
		return alipayOperation(body)
	case strings.HasPrefix(path, gateway.Root+"/payments/"):
		return gatewayOperation(method, path)
	}
	return sandbox.OpOther
}

// gatewayOperation reads a request of the open gateway protocol about an order.
func gatewayOperation(method, path string) sandbox.Operation {
	refund := strings.Contains(path, "/refunds/")
	switch _, last, _ := strings.Cut(strings.TrimPrefix(path, gateway.Root+"/payments/"), "/"); {
	case method == http.MethodGet && refund:
		return sandbox.OpRefundQuery
	case method == http.MethodGet:
		return sandbox.OpQuery
	case refund:
		return sandbox.OpRefund
	case last == "charge":
		return sandbox.OpPay
	case last == "present", last == "reverse", last == "close", last == "redeem":
		return sandbox.Operation(last)
	}
	return sandbox.OpOther
}

// wechatEnds are how the paths of API v3 end.
var wechatEnds = map[string]sandbox.Operation{"codepay": sandbox.OpPay, "native": sandbox.OpPresent, "reverse": sandbox.OpReverse, "close": sandbox.OpClose,
	"refunds": sandbox.OpRefund}

// wechatOperation reads a request of API v3.
func wechatOperation(method, path string) sandbox.Operation {
	op, known := wechatEnds[path[strings.LastIndexByte(path, '/')+1:]]
	switch {
	case known:
		return op
	case strings.Contains(path, "/refunds/"):
		return sandbox.OpRefundQuery
	case method == http.MethodGet && strings.Contains(path, "/out-trade-no/"):
		return sandbox.OpQuery
	}
	return sandbox.OpOther
}

// alipayMethods are the classic gateway's, behind "alipay.trade.".
var alipayMethods = map[string]sandbox.Operation{"pay": sandbox.OpPay, "precreate": sandbox.OpPresent, "query": sandbox.OpQuery, "cancel": sandbox.OpReverse,
	"close": sandbox.OpClose, "refund": sandbox.OpRefund, "fastpay.refund.query": sandbox.OpRefundQuery}

// alipayOperation reads a form of the classic gateway.
func alipayOperation(form []byte) sandbox.Operation {
	for pair := range bytes.SplitSeq(form, []byte("&")) {
		name, ok := bytes.CutPrefix(pair, []byte("method=alipay.trade."))
		if !ok {
			continue
		}
		if op, ok := alipayMethods[string(name)]; ok {
			return op
		}
	}
	return sandbox.OpOther
}

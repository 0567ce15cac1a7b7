package bench

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// cloud answers WeChat Pay's codepay and query at once or after a fixed time, with
// real signatures. It keeps how long it worked on each order, so that a
// measurement can leave that out.
type cloud struct {
	url      string
	wait     time.Duration
	platform *rsa.PrivateKey
	server   *http.Server

	mu     sync.Mutex
	took   map[string]time.Duration
	orders map[string]int64
}

const (
	appID      = "wxd678efh567hg6787"
	merchantID = "1230000109"
	platformID = "PUB_KEY_ID_0112300001092026112200000000000000"
)

func openCloud(wait time.Duration) (*cloud, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &cloud{url: "http://" + l.Addr().String(), wait: wait, platform: key, took: map[string]time.Duration{}, orders: map[string]int64{}}
	c.server = &http.Server{Handler: http.HandlerFunc(c.serve)}
	go func() { _ = c.server.Serve(l) }()
	return c, nil
}

func (c *cloud) close() { _ = c.server.Close() }

func (c *cloud) serve(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	body, _ := io.ReadAll(r.Body)
	var ask struct {
		OutTradeNo string `json:"out_trade_no"`
		Amount     struct {
			Total int64 `json:"total"`
		} `json:"amount"`
	}
	_ = json.Unmarshal(body, &ask)
	if ask.OutTradeNo == "" {
		ask.OutTradeNo = r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	}
	c.mu.Lock()
	if ask.Amount.Total > 0 {
		c.orders[ask.OutTradeNo] = ask.Amount.Total
	}
	total := c.orders[ask.OutTradeNo]
	c.mu.Unlock()
	answer := fmt.Sprintf(`{"appid":%q,"mchid":%q,"out_trade_no":%q,"transaction_id":%q,"trade_type":"MICROPAY","trade_state":"SUCCESS",`+
		`"trade_state_desc":"ok","bank_type":"OTHERS","success_time":"2026-01-01T10:34:56+08:00","payer":{"openid":"o"},`+
		`"amount":{"total":%d,"payer_total":%d,"currency":"CNY","payer_currency":"CNY"}}`,
		appID, merchantID, ask.OutTradeNo, "42"+ask.OutTradeNo[6:], total, total)
	if c.wait > 0 {
		<-time.After(c.wait)
	}
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	sum := sha256.Sum256([]byte(stamp + "\n" + "NONCE" + "\n" + answer + "\n"))
	sig, _ := rsa.SignPKCS1v15(nil, c.platform, crypto.SHA256, sum[:])
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Wechatpay-Timestamp", stamp)
	h.Set("Wechatpay-Nonce", "NONCE")
	h.Set("Wechatpay-Serial", platformID)
	h.Set("Wechatpay-Signature", base64.StdEncoding.EncodeToString(sig))
	h.Set("Request-ID", "bench-0")
	c.mu.Lock()
	c.took[ask.OutTradeNo] += time.Since(began)
	c.mu.Unlock()
	_, _ = io.WriteString(w, answer)
}

// worked is how long the cloud held the order's requests.
func (c *cloud) worked(orderNo string) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.took[orderNo]
}

func (c *cloud) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.orders)
}

func publicPEM(key *rsa.PrivateKey) []byte {
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func privatePEM(key *rsa.PrivateKey) []byte {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

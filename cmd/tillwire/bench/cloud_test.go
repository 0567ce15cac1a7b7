package bench

import (
	"bufio"
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
// real signatures. Its own time is none of the agent's: it can sign an answer before
// it is asked, and it keeps how long each order's requests were in its hands, from
// the first byte read to the answer about to be written. It speaks HTTP on plain
// connections because net/http's server would do half of its work outside of that.
type cloud struct {
	url      string
	wait     time.Duration
	platform *rsa.PrivateKey
	listener net.Listener

	mu     sync.Mutex
	took   map[string]time.Duration
	orders map[string]int64
	signed map[string][]byte // answers made beforehand, by order number
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
	c := &cloud{url: "http://" + l.Addr().String(), wait: wait, platform: key, listener: l,
		took: map[string]time.Duration{}, orders: map[string]int64{}, signed: map[string][]byte{}}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go c.talk(conn)
		}
	}()
	return c, nil
}

// close takes no more connections; those that stand end with the agent.
func (c *cloud) close() { _ = c.listener.Close() }

// talk serves one connection until the agent hangs up.
func (c *cloud) talk(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		if _, err := in.Peek(1); err != nil {
			return
		}
		began := time.Now()
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		no, total := c.take(r.URL.Path, body)
		answer, err := c.answer(no, total)
		if err != nil {
			panic(err)
		}
		if c.wait > 0 {
			<-time.After(c.wait)
		}
		c.mu.Lock()
		c.took[no] += time.Since(began)
		c.mu.Unlock()
		if _, err := conn.Write(answer); err != nil {
			return
		}
	}
}

// take books a payment, or finds the one that a query names.
func (c *cloud) take(path string, body []byte) (orderNo string, total int64) {
	var ask struct {
		OutTradeNo string `json:"out_trade_no"`
		Amount     struct {
			Total int64 `json:"total"`
		} `json:"amount"`
	}
	_ = json.Unmarshal(body, &ask)
	if ask.OutTradeNo == "" {
		ask.OutTradeNo = path[strings.LastIndexByte(path, '/')+1:]
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if ask.Amount.Total > 0 {
		c.orders[ask.OutTradeNo] = ask.Amount.Total
	}
	return ask.OutTradeNo, c.orders[ask.OutTradeNo]
}

// expect signs the answer to an order that will be asked for, so that the cloud
// answers at once and its signature does not compete for the machine.
func (c *cloud) expect(orderNo string, total int64) error {
	answer, err := c.answer(orderNo, total)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.signed[orderNo] = answer
	return err
}

// answer is a whole signed HTTP answer.
func (c *cloud) answer(orderNo string, total int64) ([]byte, error) {
	c.mu.Lock()
	ready := c.signed[orderNo]
	c.mu.Unlock()
	if ready != nil {
		return ready, nil
	}
	body := fmt.Sprintf(`{"appid":%q,"mchid":%q,"out_trade_no":%q,"transaction_id":%q,"trade_type":"MICROPAY","trade_state":"SUCCESS",`+
		`"trade_state_desc":"ok","bank_type":"OTHERS","success_time":"2026-01-01T10:34:56+08:00","payer":{"openid":"o"},`+
		`"amount":{"total":%d,"payer_total":%d,"currency":"CNY","payer_currency":"CNY"}}`,
		appID, merchantID, orderNo, "42"+orderNo[6:], total, total)
	now := time.Now()
	stamp := strconv.FormatInt(now.Unix(), 10)
	sum := sha256.Sum256([]byte(stamp + "\n" + "NONCE" + "\n" + body + "\n"))
	sig, err := rsa.SignPKCS1v15(nil, c.platform, crypto.SHA256, sum[:])
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nDate: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nRequest-ID: bench-0\r\n"+
		"Wechatpay-Timestamp: %s\r\nWechatpay-Nonce: NONCE\r\nWechatpay-Serial: %s\r\nWechatpay-Signature: %s\r\n\r\n%s",
		now.UTC().Format(http.TimeFormat), len(body), stamp, platformID, base64.StdEncoding.EncodeToString(sig), body), err
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

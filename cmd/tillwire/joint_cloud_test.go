package main

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"tillwire/agent"
)

// jointCloud answers WeChat Pay's codepay and query with the platform key of these
// tests, and remembers which customer's code paid for which order.
type jointCloud struct {
	server *http.Server
	base   string

	mu    sync.Mutex
	codes map[string]string // order number to the code that came with it
	taken map[string]int64  // order number to what was taken
	sums  map[string]bool   // decimal amounts that were taken
}

// declines tells whether a customer has no money: every tenth, by the code's last digit.
func declines(code string) bool { return strings.HasSuffix(code, "7") }

func openJointCloud() (*jointCloud, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &jointCloud{base: "http://" + l.Addr().String(), codes: map[string]string{}, taken: map[string]int64{}, sums: map[string]bool{}}
	c.server = &http.Server{Handler: c, ReadHeaderTimeout: time.Minute}
	go func() { _ = c.server.Serve(l) }() // ends with close
	return c, nil
}

func (c *jointCloud) close() error { return c.server.Close() }

func (c *jointCloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	no, total := c.take(r, body)
	if total == 0 {
		status, code := http.StatusForbidden, "NOTENOUGH"
		if r.Method == http.MethodGet {
			status, code = http.StatusNotFound, "ORDER_NOT_EXIST"
		}
		signed(w, status, fmt.Sprintf(`{"code":%q,"message":"no"}`, code))
		return
	}
	signed(w, http.StatusOK, fmt.Sprintf(`{"appid":"wx0000000000000000","mchid":"1230000109","out_trade_no":%q,"transaction_id":%q,"trade_type":"MICROPAY","trade_state":"SUCCESS",`+
		`"trade_state_desc":"ok","bank_type":"OTHERS","success_time":"2026-01-01T10:34:56+08:00","payer":{"openid":"o"},`+
		`"amount":{"total":%d,"payer_total":%d,"currency":"CNY","payer_currency":"CNY"}}`, no, "42"+no[6:], total, total))
}

// take books a payment, or finds the one that a query names; 0 is a refusal.
func (c *jointCloud) take(r *http.Request, body []byte) (orderNo string, total int64) {
	var ask struct {
		OutTradeNo string `json:"out_trade_no"`
		Payer      struct {
			AuthCode string `json:"auth_code"`
		} `json:"payer"`
		Amount struct {
			Total int64 `json:"total"`
		} `json:"amount"`
	}
	_ = json.Unmarshal(body, &ask) // a query has none
	c.mu.Lock()
	defer c.mu.Unlock()
	if ask.OutTradeNo == "" {
		no := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
		return no, c.taken[no]
	}
	c.codes[ask.OutTradeNo] = ask.Payer.AuthCode
	if declines(ask.Payer.AuthCode) {
		return ask.OutTradeNo, 0
	}
	c.taken[ask.OutTradeNo] = ask.Amount.Total
	c.sums[agent.Money{Value: ask.Amount.Total, Currency: "CNY"}.Decimal()] = true
	return ask.OutTradeNo, ask.Amount.Total
}

// took reports whether a sum was taken from anybody: every sale has a sum of its own.
func (c *jointCloud) took(sum string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sums[sum]
}

// books are the codes that orders came with, and how many orders were paid.
func (c *jointCloud) books() (codes map[string]string, paid int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.codes), len(c.taken)
}

func signed(w http.ResponseWriter, status int, body string) {
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	sum := sha256.Sum256([]byte(stamp + "\nNONCE\n" + body + "\n"))
	sig, err := rsa.SignPKCS1v15(rand.Reader, otherPair(), crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Request-ID", "joint-0")
	h.Set("Wechatpay-Timestamp", stamp)
	h.Set("Wechatpay-Nonce", "NONCE")
	h.Set("Wechatpay-Serial", "PUB_KEY_ID_1")
	h.Set("Wechatpay-Signature", base64.StdEncoding.EncodeToString(sig))
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // the agent went away
}

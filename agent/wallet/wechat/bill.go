package wechat

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

// billRefusals are the answers about a bill that is not there. NO_STATEMENT_EXIST
// says both: nothing happened, or it is too early to say.
var billRefusals = map[string]refusal{
	"NOSTATEMENTEXIST":  {"NO_STATEMENT_EXIST", agent.Absent, agent.ReasonNone, false, false},
	"STATEMENTCREATING": {"STATEMENT_CREATING", agent.Processing, agent.ReasonNone, false, false},
	"PARAMERROR":        {"PARAM_ERROR", agent.Refused, agent.ReasonSetup, false, false},
	"INVALIDREQUEST":    {"INVALID_REQUEST", agent.Refused, agent.ReasonSetup, false, false},
}

// Bill implements agent.Biller for days of Beijing. WeChat makes the bill of a
// day until ten the next morning. At home the address of the file is asked for
// and used at once, because it lives for 30 seconds to five minutes; abroad the
// file is the answer.
func (w *Wallet) Bill(ctx context.Context, day string) ([]agent.BillLine, error) {
	bill := wallet.BillOf{Wallet: w.c.Name, Day: day}
	at, err := bill.Begins(beijing)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, wallet.BillLimit)
	defer cancel()
	ask := w.tradeBill
	if w.c.global() {
		ask = w.statement
	}
	file, a := ask(ctx, at)
	if a.Verdict != agent.Accepted {
		return nil, bill.Without(a, !w.c.Clock.Now().Before(at.Add(34*time.Hour)))
	}
	lines, err := file.lines(w.c.Name, w.c.Region)
	if err != nil {
		return nil, bill.Unreadable(err)
	}
	return lines, nil
}

// billFile is a bill as it came, with the hash of what it must unpack to.
type billFile struct {
	raw    []byte
	packed bool
	sha1   string // hexadecimal
}

// lines unpacks the file, holds it against its hash and reads it.
func (f billFile) lines(name, region string) ([]agent.BillLine, error) {
	text := f.raw
	if f.packed {
		z, err := gzip.NewReader(bytes.NewReader(f.raw))
		if err != nil {
			return nil, fmt.Errorf("it is no gzip file: %w", err)
		}
		if text, err = io.ReadAll(io.LimitReader(z, wallet.MaxUnpackedBill+1)); err != nil {
			return nil, fmt.Errorf("it cannot be unpacked: %w", err)
		}
		if len(text) > wallet.MaxUnpackedBill {
			return nil, fmt.Errorf("it is longer than %d bytes", wallet.MaxUnpackedBill)
		}
	}
	sum := sha1.Sum(text)
	if got := hex.EncodeToString(sum[:]); !strings.EqualFold(got, f.sha1) {
		return nil, fmt.Errorf("its SHA-1 is %s and should be %.40q", got, f.sha1)
	}
	return readBill(text, name, region)
}

// tradeBill asks for the address of the file and gets it. The answer with address
// and hash is signed, the file is not.
func (w *Wallet) tradeBill(ctx context.Context, day time.Time) (file billFile, a agent.Answer) {
	query := url.Values{"bill_date": {day.Format(time.DateOnly)}, "bill_type": {"ALL"}, "tar_type": {"GZIP"}}
	if w.c.SubMerchantID != "" {
		query.Set("sub_mchid", w.c.SubMerchantID)
	}
	var address struct {
		Kind string `json:"hash_type"`
		Hash string `json:"hash_value"`
		URL  string `json:"download_url"`
	}
	a = w.do(ctx, request{op: wallet.OpBill, method: http.MethodGet, target: "/v3/bill/tradebill?" + query.Encode(),
		read: func(status int, body []byte) agent.Answer {
			if status/100 != 2 {
				return refuse(body, billRefusals, true, false)
			}
			if err := json.Unmarshal(body, &address); err != nil || address.Kind != "SHA1" {
				return wallet.Unverified(fmt.Errorf("the answer has no SHA1 of the bill: %w", cmp.Or(err, errors.New(address.Kind))))
			}
			return agent.Answer{Verdict: agent.Accepted}
		}})
	if a.Verdict != agent.Accepted {
		return file, a
	}
	got, err := w.download(ctx, address.URL)
	if err == nil && got.Status != http.StatusOK {
		err = fmt.Errorf("%s answers HTTP %d", got.Host, got.Status)
	}
	if err != nil {
		return file, wallet.Unverified(err)
	}
	return billFile{raw: got.Body, packed: true, sha1: address.Hash}, a
}

// statement gets the bill of the global edition, whose hash is in a header. What
// an error says is believed only with a signature.
func (w *Wallet) statement(ctx context.Context, day time.Time) (file billFile, a agent.Answer) {
	got, err := w.download(ctx, w.c.Hosts[0]+"/v3/global/statements?date="+day.Format("20060102"))
	if err != nil {
		return file, wallet.Unverified(err)
	}
	if got.Status/100 != 2 {
		if a := w.ready(ctx); a.Verdict != agent.Accepted {
			return file, a
		}
		if err := w.verify(ctx, got); err != nil {
			return file, wallet.Unverified(fmt.Errorf("%s answers HTTP %d: %w", got.Host, got.Status, err))
		}
		return file, refuse(got.Body, billRefusals, true, false)
	}
	return billFile{raw: got.Body, sha1: got.Header.Get("Wechatpay-Statement-Sha1")}, agent.Answer{Verdict: agent.Accepted}
}

// download gets a file with a signed request. It goes to no other place than
// WeChat or, with a test cloud, one of its hosts: the address is somebody else's
// text, and the request proves who we are.
func (w *Wallet) download(ctx context.Context, address string) (got wallet.Reply, err error) {
	u, err := url.Parse(address)
	if err != nil || !w.billHost(u) {
		return got, errors.New("the address of the bill is not WeChat's")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return got, err
	}
	r.Header.Set("User-Agent", cmp.Or(w.c.UserAgent, "tillwire"))
	r.Header.Set("Accept", "*/*")
	if err := w.sign.sign(r, nil); err != nil {
		return got, err
	}
	return wallet.Download{Wallet: w.c.Name, Clock: w.c.Clock, TLS: w.c.TLS, Dial: w.c.Dial, Observe: w.c.Observe}.Get(r)
}

// billHost says where a bill may come from.
func (w *Wallet) billHost(u *url.URL) bool {
	if !w.c.test() {
		return u.Scheme == "https" && strings.HasSuffix(u.Host, ".mch.weixin.qq.com")
	}
	return slices.ContainsFunc(w.c.Hosts, func(h string) bool {
		own, err := url.Parse(h)
		return err == nil && own.Host == u.Host && own.Scheme == u.Scheme
	})
}

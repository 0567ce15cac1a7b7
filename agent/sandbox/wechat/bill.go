package wechat

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"tillwire/agent/sandbox"
)

const (
	// billFilePath is where a bill's file is fetched.
	billFilePath = "/v3/billdownload/file"
	// billLife is how long the file's address may be used. Pages of the documentation
	// say five minutes and thirty seconds; the shorter one keeps clients quick.
	billLife = 30 * time.Second
	// billHour is when the bill of a day is ready, on the day after.
	billHour = 10 * time.Hour
	// billMonths is how far back bills go.
	billMonths = 3
)

// The answers for a bill that is not there.
var (
	errNoBill      = &problem{http.StatusBadRequest, "NO_STATEMENT_EXIST", "There is no bill of this day.", "268435461", nil}
	errBillNotMade = &problem{http.StatusBadRequest, "STATEMENT_CREATING", "The bill is being made; ask again after ten o'clock.", "268435461", nil}
)

// oneOf is the value of a query parameter that is one of few, by default the first.
func (t *task) oneOf(name string, allowed ...string) (string, *problem) {
	value := cmp.Or(t.params.Get(name), allowed[0])
	if !slices.Contains(allowed, value) {
		return "", paramError(name, "has a value that is not allowed")
	}
	return value, nil
}

// tradeBill gives the address of a day's list of trades.
func (t *task) tradeBill() (result, error) {
	kind, p := t.oneOf("bill_type", "ALL", "SUCCESS", "REFUND")
	if p != nil {
		return result{}, p
	}
	return t.bill(kind)
}

// fundBill gives the address of a day's list of what moved on the account. Only
// the basic account has any money in the sandbox.
func (t *task) fundBill() (result, error) {
	kind, p := t.oneOf("account_type", "BASIC", "OPERATION", "FEES")
	if p != nil {
		return result{}, p
	}
	if kind != "BASIC" {
		return result{}, errNoBill
	}
	return t.bill("FUND")
}

// bill answers hash and address. The hash is of the plain file, packed or not.
func (t *task) bill(kind string) (result, error) {
	if p := t.subMerchant(t.params.Get("sub_mchid"), ""); p != nil && t.params.Has("sub_mchid") {
		return result{}, p
	}
	day, err := time.ParseInLocation(time.DateOnly, t.params.Get("bill_date"), beijing)
	if err != nil {
		return result{}, paramError("bill_date", "is not a day")
	}
	pack := t.params.Get("tar_type")
	if pack != "" && pack != "GZIP" {
		return result{}, paramError("tar_type", "can only be GZIP")
	}
	if err := t.billable(day); err != nil {
		return result{}, err
	}
	now := t.clock.Now()
	file, empty, err := t.file(t.ctx, kind, t.key("").Merchant, day)
	if err != nil {
		return result{}, err
	}
	if empty {
		return result{}, errNoBill
	}
	sum := sha1.Sum(file)
	v := url.Values{"kind": {kind}, "day": {day.Format(time.DateOnly)}, "merchant": {t.key("").Merchant}, "tartype": {pack}, "at": {strconv.FormatInt(now.UnixMilli(), 10)}}
	v.Set("token", t.billToken(v))
	scheme := "http://"
	if t.call.Request.TLS != nil {
		scheme = "https://"
	}
	return result{http.StatusOK, map[string]any{"hash_type": "SHA1", "hash_value": hex.EncodeToString(sum[:]),
		"download_url": scheme + t.call.Request.Host + billFilePath + "?" + v.Encode()}}, nil
}

// billable says whether the bill of a day can be there.
func (w *Wallet) billable(day time.Time) error {
	now, next := w.clock.Now(), day.AddDate(0, 0, 1)
	switch {
	case day.AddDate(0, billMonths, 1).Before(now):
		return paramError("bill_date", "is more than three months ago")
	case w.early: // whatever has happened so far
	case now.Before(next):
		return errNoBill
	case now.Before(next.Add(billHour)):
		return errBillNotMade
	}
	return nil
}

// lied is a file with one amount wrong: that is for the hash to find out.
func lied(file []byte, lie sandbox.Lie) []byte {
	if lie == sandbox.LieAmount {
		return bytes.Replace(file, []byte("0,`"), []byte("1,`"), 1)
	}
	return file
}

// billToken proves that an address was given out by this ledger, so that none
// needs to be remembered.
func (w *Wallet) billToken(v url.Values) string {
	return hex.EncodeToString(w.ledger.Fingerprint("wechat bill", v.Get("kind"), v.Get("day"), v.Get("merchant"), v.Get("tartype"), v.Get("at")))
}

// plain is a body that goes out as it is, without a signature: a bill's file, and
// the hash that stands in a header where there is one.
type plain struct {
	body []byte
	sha1 string
}

// billFile answers the address to the merchant it was given to.
func (t *task) billFile() (result, error) {
	at, err := strconv.ParseInt(t.params.Get("at"), 10, 64)
	day, errDay := time.ParseInLocation(time.DateOnly, t.params.Get("day"), beijing)
	switch {
	case err != nil || errDay != nil || !hmac.Equal([]byte(t.params.Get("token")), []byte(t.billToken(t.params))) || t.params.Get("merchant") != t.key("").Merchant:
		return result{}, &problem{http.StatusForbidden, "NO_AUTH", "This address was not given out to the merchant.", "268445527", nil}
	case t.clock.Now().Sub(time.UnixMilli(at)) > billLife:
		return result{}, badRequest("This address is too old; ask for a fresh one.")
	}
	file, _, err := t.file(t.ctx, t.params.Get("kind"), t.params.Get("merchant"), day)
	if err != nil {
		return result{}, err
	}
	file = lied(file, t.call.Lie)
	if t.params.Get("tartype") == "GZIP" {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, err = z.Write(file)
		if err == nil {
			err = z.Close()
		}
		file = b.Bytes()
	}
	return result{http.StatusOK, plain{body: file}}, err
}

// file writes one of the lists of a day, and says whether nothing is on it.
func (w *Wallet) file(ctx context.Context, kind, merchant string, day time.Time) (file []byte, empty bool, err error) {
	moved, err := w.ledger.Movements(ctx, w.name, merchant, day, day.AddDate(0, 0, 1))
	if err != nil {
		return nil, false, err
	}
	var kept []sandbox.Movement
	for _, m := range moved {
		back := m.Refund != nil || m.Reversal
		if kind == "SUCCESS" && back || kind == "REFUND" && !back {
			continue
		}
		kept = append(kept, m)
	}
	if kind == "FUND" {
		return fundFile(kept), len(kept) == 0, nil
	}
	return tradeFile(kind, kept), len(kept) == 0, nil
}

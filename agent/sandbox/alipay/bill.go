package alipay

import (
	"context"
	"crypto/hmac"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"tillwire/agent/sandbox"
)

const (
	// billLife is how long a bill's address may be used (Alipay: 30 s).
	billLife = 30 * time.Second
	// billHour is when the bill of a day is ready, on the day after.
	billHour = 9 * time.Hour
)

// errNoBill is the answer for a period without any movement, and for one whose
// bill is not made yet.
var errNoBill = failed("BILL_NOT_EXIST", "There is no bill of this period.")

// period is the time from the beginning of a day or a month to its end, and how
// bills write it.
type period struct {
	from, to time.Time
	text     string
}

// parsePeriod reads bill_date: a day or a month.
func parsePeriod(s string) (period, bool) {
	if day, err := time.ParseInLocation("2006-01-02", s, china); err == nil {
		return period{day, day.AddDate(0, 0, 1), day.Format("20060102")}, true
	}
	month, err := time.ParseInLocation("2006-01", s, china)
	return period{month, month.AddDate(0, 1, 0), month.Format("200601")}, err == nil
}

// billURL gives the address of a bill for as long as it takes to fetch it.
func (t *task) billURL() (map[string]any, error) {
	p, ok := parsePeriod(t.in.text("bill_date"))
	if !ok {
		return nil, badContent("bill_date", "is neither a day nor a month")
	}
	if !t.early && t.clock.Now().Before(p.to.Add(billHour)) {
		return nil, errNoBill
	}
	moved, err := t.ledger.Movements(t.ctx, Name, t.app.SellerID, p.from, p.to)
	if err != nil {
		return nil, err
	}
	if len(moved) == 0 {
		return nil, errNoBill
	}
	v := url.Values{"bizType": {t.in.text("bill_type")}, "userId": {t.app.SellerID}, "fileType": {"csv.zip"}, "bizDates": {p.text},
		"billDate": {t.in.text("bill_date")}, "timestamp": {strconv.FormatInt(t.clock.Now().UnixMilli(), 10)}}
	v.Set("token", t.billToken(v))
	return map[string]any{"bill_download_url": "http://" + t.call.Request.Host + billPath + "?" + v.Encode()}, nil
}

// billToken proves that an address was given out by this ledger, so that none
// needs to be remembered.
func (w *Wallet) billToken(v url.Values) string {
	return hex.EncodeToString(w.ledger.Fingerprint("alipay bill", v.Get("bizType"), v.Get("userId"), v.Get("billDate"), v.Get("timestamp")))
}

// billFile answers the address: a file, without any signature.
func (w *Wallet) billFile(ctx context.Context, r *http.Request) sandbox.Answer {
	v := r.URL.Query()
	given, err := strconv.ParseInt(v.Get("timestamp"), 10, 64)
	p, known := parsePeriod(v.Get("billDate"))
	switch {
	case r.Method != http.MethodGet:
		return page(http.StatusMethodNotAllowed, "The file is fetched by GET.\n")
	case err != nil || !known || !hmac.Equal([]byte(v.Get("token")), []byte(w.billToken(v))):
		return page(http.StatusForbidden, "This address was not given out.\n")
	case w.clock.Now().Sub(time.UnixMilli(given)) > billLife:
		return page(http.StatusForbidden, "This address is too old; ask for a fresh one.\n")
	}
	moved, err := w.ledger.Movements(ctx, Name, v.Get("userId"), p.from, p.to)
	if err != nil {
		return page(http.StatusInternalServerError, "The file could not be made.\n")
	}
	file, err := archive(bill{seller: v.Get("userId"), period: p, moved: moved, made: w.clock.Now(), trade: v.Get("bizType") == "trade"})
	if err != nil {
		return page(http.StatusInternalServerError, "The file could not be made.\n")
	}
	a := page(http.StatusOK, "")
	a.Body = file
	a.Header.Set("Content-Type", "application/octet-stream;charset=GBK")
	a.Header.Set("Content-Disposition", "attachment; filename="+v.Get("userId")+"_"+p.text+".csv.zip")
	return a
}

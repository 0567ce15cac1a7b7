package wechat_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// bill asks for a bill of a day.
func (s *shop) bill(what string) reply {
	s.Helper()
	return s.call("GET", "/v3/bill/"+what, "")
}

// fetch signs the address of a file as the API's own requests are signed, and
// holds what came against the hash that was promised.
func (s *shop) fetch(promised reply) (text string, status int) {
	s.Helper()
	at, err := url.Parse(promised.text("download_url"))
	if err != nil {
		s.Fatal(err)
	}
	status, header, body, err := s.Raw(s.request("GET", at.RequestURI(), ""))
	if err != nil {
		s.Fatal(err)
	}
	if status != 200 {
		return "", status
	}
	if header.Get("Wechatpay-Signature") != "" {
		s.Error("a file is signed")
	}
	if at.Query().Get("tartype") == "GZIP" {
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			s.Fatal(err)
		}
		if body, err = io.ReadAll(z); err != nil {
			s.Fatal(err)
		}
	}
	sum := sha1.Sum(body)
	if holds := hex.EncodeToString(sum[:]) == promised.text("hash_value"); !holds || promised.text("hash_type") != "SHA1" {
		return string(body), -1
	}
	return string(body), status
}

// table is a file's lines by heading; the last two lines are its sums.
func table(s *shop, text string) (lines []map[string]string, sums map[string]string) {
	s.Helper()
	rows := strings.Split(strings.TrimSuffix(text, "\r\n"), "\r\n")
	read := func(heads, row string) map[string]string {
		values, names := strings.Split(row, ","), strings.Split(heads, ",")
		if len(values) != len(names) {
			s.Fatalf("%d values for %d headings: %s", len(values), len(names), row)
		}
		m := map[string]string{}
		for i, name := range names {
			value, ticked := strings.CutPrefix(values[i], "`")
			if !ticked {
				s.Errorf("no back-tick before %q", values[i])
			}
			m[name] = value
		}
		return m
	}
	for _, row := range rows[1 : len(rows)-2] {
		lines = append(lines, read(rows[0], row))
	}
	return lines, read(rows[len(rows)-2], rows[len(rows)-1])
}

// The bill of a day has a line for every movement of money of that day in China,
// and none for what was never paid.
func TestBills(t *testing.T) {
	s := open(t) // it is 10:34 in China
	rich := s.Phone("approve", 100000)
	s.pay("PAID_1", s.Code(rich), 1280)
	s.pay("DECLINED", s.Code(s.Phone("decline", 5000)), 700)
	s.Clock.Move(time.Second)
	s.refund("PAID_1", "PAID_1P1", 500, 1280)
	s.Clock.Move(time.Second)
	s.pay("UNDONE", s.Code(rich), 300)
	s.Clock.Move(time.Second)
	s.reverse("UNDONE")
	s.reverse("NEVER_SEEN")
	s.want(s.bill("tradebill?bill_date=2026-01-01"), 400, "NO_STATEMENT_EXIST")
	s.Clock.Move(14 * time.Hour) // half past midnight
	s.pay("LATE_1", s.Code(rich), 900)
	s.want(s.bill("tradebill?bill_date=2026-01-01"), 400, "STATEMENT_CREATING")
	s.Clock.Move(10 * time.Hour)

	text, _ := s.fetch(s.bill("tradebill?bill_date=2026-01-01&bill_type=ALL"))
	lines, sums := table(s, text)
	var got []string
	for _, l := range lines {
		got = append(got, strings.Join([]string{l["交易时间"], l["商户订单号"], l["交易状态"], l["订单金额"], l["商户退款单号"], l["退款金额"], l["交易类型"], l["货币种类"]}, " "))
	}
	if want := []string{"2026-01-01 10:34:56 PAID_1 SUCCESS 12.80  0.00 MICROPAY CNY", "2026-01-01 10:34:57 PAID_1 REFUND 0.00 PAID_1P1 5.00 MICROPAY CNY",
		"2026-01-01 10:34:58 UNDONE SUCCESS 3.00  0.00 MICROPAY CNY", "2026-01-01 10:34:59 UNDONE REVOKED 0.00  3.00 MICROPAY CNY"}; !slices.Equal(got, want) {
		t.Errorf("the bill has %q, want %q", got, want)
	}
	if sums["总交易单数"] != "4" || sums["订单总金额"] != "15.80" || sums["退款总金额"] != "8.00" {
		t.Errorf("it sums up %v", sums)
	}
	for what, want := range map[string]int{"tradebill?bill_date=2026-01-01": 4, "tradebill?bill_date=2026-01-01&bill_type=SUCCESS": 2,
		"tradebill?bill_date=2026-01-01&bill_type=REFUND&tar_type=GZIP": 2, "fundflowbill?bill_date=2026-01-01": 4} {
		text, status := s.fetch(s.bill(what))
		if lines, _ := table(s, text); status != 200 || len(lines) != want {
			t.Errorf("%s: %d, %d lines: %s", what, status, len(lines), text)
		}
	}
	s.want(s.bill("tradebill?bill_date=2025-12-31"), 400, "NO_STATEMENT_EXIST")
	s.want(s.bill("fundflowbill?bill_date=2026-01-01&account_type=FEES"), 400, "NO_STATEMENT_EXIST")
	for _, what := range []string{"tradebill?bill_date=20260101", "tradebill", "tradebill?bill_date=2026-01-01&bill_type=X", "tradebill?bill_date=2026-01-01&tar_type=ZIP",
		"tradebill?bill_date=2025-09-01", "fundflowbill?bill_date=2026-01-01&account_type=X"} {
		s.want(s.bill(what), 400, "PARAM_ERROR")
	}
}

func TestTheBillOfAPartner(t *testing.T) {
	s := open(t)
	s.as = s.wallet.Partner()
	body := fmt.Sprintf(`{"sp_appid":%q,"sp_mchid":%q,"sub_mchid":%q,"description":"a, b","out_trade_no":"PARTNER_1","payer":{"auth_code":%q},"amount":{"total":100,"currency":"CNY"},"scene_info":{"store_info":{"out_id":"SH0001"}}}`,
		s.as.AppID, s.as.MerchantID, s.as.SubMerchantID, s.Code(s.Phone("approve", 5000)))
	if got := s.call("POST", "/v3/pay/partner/transactions/codepay", body); got.status != 200 {
		t.Fatalf("pay: %v", got.body)
	}
	s.Clock.Move(24 * time.Hour)
	s.want(s.bill("tradebill?bill_date=2026-01-01&sub_mchid=1"), 403, "NO_AUTH")
	text, status := s.fetch(s.bill("tradebill?bill_date=2026-01-01&sub_mchid=" + s.as.SubMerchantID))
	lines, _ := table(s, text)
	if status != 200 || len(lines) != 1 || lines[0]["特约商户号"] != s.as.SubMerchantID || lines[0]["商户号"] != s.as.MerchantID {
		t.Errorf("%d: %q", status, lines)
	}
}

// An address is good for thirty seconds, for the merchant it was given to, and
// its hash finds out a file that lies.
func TestBillAddresses(t *testing.T) {
	s := open(t)
	s.pay("PAID_1", s.Code(s.Phone("approve", 5000)), 1280)
	s.Clock.Move(24 * time.Hour)
	promised := s.bill("tradebill?bill_date=2026-01-01")
	s.Clock.Move(30 * time.Second)
	if text, status := s.fetch(promised); status != 200 || !strings.Contains(text, "PAID_1") {
		t.Errorf("%d: %s", status, text)
	}
	s.Faults(`[{"wallet":"wechat","operation":"bill","kind":"wrong_amount"}]`)
	if _, status := s.fetch(promised); status != -1 {
		t.Errorf("the hash holds: %d", status)
	}
	s.as = s.wallet.Partner()
	if _, status := s.fetch(promised); status != 403 {
		t.Errorf("another merchant gets %d", status)
	}
	s.as = s.wallet.Direct()
	s.Clock.Move(time.Second)
	if _, status := s.fetch(promised); status != 400 {
		t.Errorf("after thirty-one seconds it answers %d", status)
	}
}

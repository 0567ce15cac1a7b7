package alipay_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// billURL asks for the address of a bill.
func (s *shop) billURL(kind, date string) reply {
	s.Helper()
	return s.call("alipay.data.dataservice.bill.downloadurl.query", fmt.Sprintf(`{"bill_type":%q,"bill_date":%q}`, kind, date))
}

// download fetches an address and unpacks the file: name and text of each part.
func (s *shop) download(address string) map[string]string {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), "GET", address, nil)
	if err != nil {
		s.Fatal(err)
	}
	status, _, body, err := s.Raw(r)
	if err != nil || status != 200 {
		s.Fatalf("download: %d %s %v", status, body, err)
	}
	z, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		s.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range z.File {
		part, err := f.Open()
		if err != nil {
			s.Fatal(err)
		}
		raw, err := io.ReadAll(part)
		text, errText := simplifiedchinese.GBK.NewDecoder().Bytes(raw)
		name, errName := simplifiedchinese.GBK.NewDecoder().String(f.Name)
		if err != nil || errText != nil || errName != nil {
			s.Fatal(err, errText, errName)
		}
		files[name] = string(text)
	}
	return files
}

// rows are the lines of a list, cell by cell.
func rows(text string) (list [][]string) {
	for line := range strings.SplitSeq(text, "\r\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		cells := strings.Split(line, ",")
		for i := range cells {
			cells[i] = strings.TrimSuffix(cells[i], "\t")
		}
		list = append(list, cells)
	}
	return list[1:] // without the headings
}

// The bill of a day has a line for every movement of money of that day in China,
// and none for what was never paid.
func TestBill(t *testing.T) {
	s := open(t) // it is 10:34 in China
	rich := s.Phone("approve", 100000)
	paid, undone, late := "PAID", "UNDONE", "LATE"
	s.pay(paid, s.Code(rich), "12.80")
	s.pay("DECLINED", s.Code(s.Phone("decline", 5000)), "7.00")
	s.Clock.Move(time.Second)
	s.refund(paid, "PAIDP1", "5.00")
	s.Clock.Move(time.Second)
	s.pay(undone, s.Code(rich), "3.00")
	s.Clock.Move(time.Second)
	s.named("cancel", undone)
	s.named("cancel", "NEVER")
	s.as = s.wallet.CertApp()
	s.pay("OTHER", s.Code(rich), "1.00")
	s.as = s.wallet.App()
	s.want(s.billURL("trade", "2026-01-01"), "40004", "BILL_NOT_EXIST") // the day is not over
	s.Clock.Move(14 * time.Hour)                                        // half past midnight
	s.pay(late, s.Code(rich), "9.00")
	s.want(s.billURL("trade", "2026-01-01"), "40004", "BILL_NOT_EXIST") // nor is the bill made
	s.Clock.Move(9 * time.Hour)

	files := s.download(s.billURL("trade", "2026-01-01").text("bill_download_url"))
	prefix := s.as.SellerID + "0156_20260101_业务明细"
	list := rows(files[prefix+".csv"])
	var got []string
	for _, r := range list {
		if len(r) != 25 {
			t.Fatalf("a line has %d cells: %q", len(r), r)
		}
		got = append(got, strings.Join([]string{r[1], r[2], r[5], r[11], r[21]}, " "))
	}
	want := []string{"PAID 交易 2026-01-01 10:34:56 12.80 ", "PAID 退款 2026-01-01 10:34:57 -5.00 PAIDP1",
		"UNDONE 交易 2026-01-01 10:34:58 3.00 ", "UNDONE 退款 2026-01-01 10:34:59 -3.00 UNDONE"}
	if !slices.Equal(got, want) {
		t.Errorf("the bill has %q, want %q", got, want)
	}
	for _, name := range []string{prefix + ".csv", prefix + "(汇总).csv"} {
		if !strings.Contains(files[name], "#交易合计：2笔，商家实收共15.80元") || !strings.Contains(files[name], "#退款合计：2笔，商家实收退款共-8.00元") {
			t.Errorf("%s sums up: %s", name, files[name])
		}
	}
	funds := s.download(s.billURL("signcustomer", "2026-01-01").text("bill_download_url"))
	if list := rows(funds[s.as.SellerID+"0156_20260101_账务明细.csv"]); len(list) != 4 || list[3][8] != "7.80" || list[3][7] != "-3.00" {
		t.Errorf("the account has %q", list)
	}
	s.want(s.billURL("trade", "2025-12-31"), "40004", "BILL_NOT_EXIST")
	s.want(s.billURL("trade", "2026-02-30"), "40004", "ACQ.INVALID_PARAMETER")
	s.want(s.billURL("all", "2026-01-01"), "40004", "ACQ.INVALID_PARAMETER")
	s.Clock.Move(40 * 24 * time.Hour)
	if list := rows(s.download(s.billURL("trade", "2026-01").text("bill_download_url"))[s.as.SellerID+"0156_202601_业务明细.csv"]); len(list) != 5 || list[4][1] != late {
		t.Errorf("the month has %q", list)
	}
}

// An address is good for thirty seconds, and only as it was given out.
func TestBillAddresses(t *testing.T) {
	s := open(t)
	s.Stop()
	s.early = true
	s.start()
	s.pay("PAID", s.Code(s.Phone("approve", 5000)), "12.80")
	address := s.billURL("trade", "2026-01-01").text("bill_download_url")
	s.Clock.Move(30 * time.Second)
	if len(s.download(address)) != 2 {
		t.Error("a file is missing")
	}
	get := func(address string) int {
		r, err := http.NewRequestWithContext(t.Context(), "GET", address, nil)
		if err != nil {
			t.Fatal(err)
		}
		status, _, body, err := s.Raw(r)
		if err != nil || bytes.Contains(body, []byte("PAID")) {
			t.Errorf("got %s %v", body, err)
		}
		return status
	}
	if status := get(strings.Replace(address, s.as.SellerID, s.wallet.CertApp().SellerID, 1)); status != 403 {
		t.Errorf("somebody else's file answers %d", status)
	}
	s.Faults(`[{"operation":"bill","kind":"status","status":502}]`)
	if status := get(address); status != 502 {
		t.Errorf("a fault of bills does not meet the file: %d", status)
	}
	s.Clock.Move(time.Second)
	if status := get(address); status != 403 {
		t.Errorf("after thirty-one seconds it answers %d", status)
	}
}

package wechat

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"tillwire/agent"
)

const billHead = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"

// billRow writes a line as the platform does, with the cells that matter set.
func billRow(no, state, settled, total, refundNo, back, asked, refundState, goods string) string {
	cells := []string{"2026-01-01 10:34:56", "wx", "1230000109", "", "", "42", no, "o", "MICROPAY", state, "OTHERS", "CNY", settled, "0.00", "0", refundNo, back, "0.00",
		"ORIGINAL", refundState, goods, "", "0.01000", "0.54%", total, asked, ""}
	return "`" + strings.Join(cells, ",`")
}

const billSums = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额\r\n`4,`12.80,`5.00,`0.00,`0.07000,`12.80,`5.00\r\n"

func TestABillIsReadByItsHeadings(t *testing.T) {
	text := "\ufeff" + billHead + "\r\n" + strings.Join([]string{
		billRow("DEMO01A", "SUCCESS", "11.80", "12.80", "0", "0.00", "0.00", "", "咖啡"),
		billRow("DEMO01B", "SUCCESS", "0.01", "0.01", "0", "0.00", "0.00", "", "tea, green,`hot`"),
		billRow("DEMO01A", "REFUND", "0.00", "0.00", "DEMO01AP1", "4.90", "5.00", "SUCCESS", "咖啡"),
		billRow("DEMO01A", "REFUND", "0.00", "0.00", "DEMO01AP2", "1.00", "1.00", "FAIL", "咖啡"),
		billRow("DEMO01A", "REFUND", "0.00", "0.00", "DEMO01AP4", "1.00", "1.00", "CLOSED", "咖啡"),
		billRow("DEMO01A", "REFUND", "0.00", "0.00", "DEMO01AP5", "1.00", "1.00", "REFUNDCLOSE", "咖啡"),
		billRow("DEMO01A", "REFUND", "0.00", "0.00", "DEMO01AP3", "1.00", "1.00", "PROCESSING", "咖啡"),
		"",
		billRow("DEMO01B", "REVOKED", "0.00", "0.00", "0", "0.01", "0.01", "SUCCESS", "tea"),
	}, "\r\n") + "\r\n" + billSums
	lines, err := readBill([]byte(text), "wechat", RegionChina)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range lines {
		if l.Wallet != "wechat" || l.Txn != "42" || l.At != "2026-01-01 10:34:56" || l.Text == "" {
			t.Errorf("%+v", l)
		}
		got = append(got, strings.Join([]string{string(l.Kind), l.OrderNo, l.RefundNo, l.Amount.String()}, " "))
	}
	want := []string{"payment DEMO01A  12.80 CNY", "payment DEMO01B  0.01 CNY", "refund DEMO01A DEMO01AP1 5.00 CNY", "refund DEMO01A DEMO01AP3 1.00 CNY", "reversal DEMO01B  0.01 CNY"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestABillThatIsNoneIsNotReadAsEmpty(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "a web page": "<html>\n</html>", "another list": "记账时间,业务名称\n`a,`b\n",
		"a state nobody knows": billHead + "\n" + billRow("A", "MAYBE", "1.00", "1.00", "", "", "", "", ""),
		"no amount":            billHead + "\n" + billRow("A", "SUCCESS", "", "", "", "", "", "", ""),
		"half a fen":           billHead + "\n" + billRow("A", "SUCCESS", "1.005", "1.005", "", "", "", "", ""),
		"a line cut short":     billHead + "\n`2026-01-01 10:34:56,`wx",
	} {
		if lines, err := readBill([]byte(text), "wechat", RegionChina); err == nil {
			t.Errorf("%s: %d lines", name, len(lines))
		}
	}
}

func TestAmountsInMajorUnits(t *testing.T) {
	for _, row := range []struct {
		text     string
		currency agent.Currency
		want     int64 // -1: refused
	}{
		{"12.80", "CNY", 1280}, {"12.8", "CNY", 1280}, {"12", "CNY", 1200}, {"0.01", "HKD", 1}, {"-5.00", "CNY", 500}, {"1280", "JPY", 1280}, {"1280.00", "JPY", 1280},
		{"1.250", "KWD", 1250}, {"", "CNY", -1}, {".5", "CNY", -1}, {"1,280.00", "CNY", -1}, {"1.005", "CNY", -1}, {"12.80", "XXX", -1}, {"1e3", "CNY", -1},
		{"99999999999999999999", "CNY", -1},
	} {
		m, err := parseMajor(row.text, row.currency)
		if row.want < 0 && err == nil || row.want >= 0 && (err != nil || m != agent.Money{Value: row.want, Currency: row.currency}) {
			t.Errorf("%q %s: %v (%v)", row.text, row.currency, m, err)
		}
	}
}

// TestRates: what the wallet says times 10^8, written as people write it.
func TestRates(t *testing.T) {
	for text, want := range map[string]string{"92050000": "0.9205", "720000000": "7.2", "100000000": "1", "1": "0.00000001", "0": "0", "": "", "1.5": "", "-1": "", "12345678901234567890": ""} {
		if got := rate(json.Number(text)); got != want {
			t.Errorf("%q is written %q, want %q", text, got, want)
		}
	}
}

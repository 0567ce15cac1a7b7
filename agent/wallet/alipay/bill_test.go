package alipay

import (
	"archive/zip"
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"tillwire/agent"
)

const billHead = "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注\n"

// detail is a list of trades as Alipay writes it: comments around it, values
// padded with tabs, what goes back with a minus.
const detail = "#支付宝业务明细查询\n#账号：[20881021000000010156]\n#-----业务明细列表-----\n" + billHead +
	"2026010122001400000001\t,DEMO01A\t,交易\t,咖啡\t,2026-01-01 10:34:50,2026-01-01 10:34:56,SH0001,,,LANE-03,张**(158****1562)\t,12.80,12.80,0.00,0.00,0.00,0.00,0.00,,0.00,0.00,\t,-0.08,0.00,\t\n" +
	"2026010122001400000001\t,DEMO01A\t,退款\t,咖啡\t,2026-01-01 11:00:00,2026-01-01 11:00:01,SH0001,,,LANE-03,张**\t,-5.00,-5.00,0.00,0.00,0.00,0.00,0.00,,0.00,0.00,DEMO01AP1\t,0.03,0.00,\t\n" +
	"2026010122001400000002\t,DEMO01B\t,交易\t,\"茶, 绿\"\t,2026-01-01 12:00:00,,SH0001,,,LANE-03,李**\t,0.01,0.01,0.00,0.00,0.00,0.00,0.00,,0.00,0.00,\t,0.00,0.00,\t\n" +
	"2026010122001400000002\t,DEMO01B\t,退款\t,茶\t,2026-01-01 12:00:09,2026-01-01 12:00:09,SH0001,,,LANE-03,李**\t,-0.01,-0.01,0.00,0.00,0.00,0.00,0.00,,0.00,0.00,\t,0.00,0.00,\t\n" +
	"#-----业务明细列表结束-----\n#交易合计：2笔，商家实收共12.81元\n"

const summary = "#支付宝业务汇总查询\n门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）\nSH0001,,2,2,7.80\n"

func gbk(t testing.TB, text string) string {
	t.Helper()
	raw, err := simplifiedchinese.GBK.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func packed(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range files {
		raw := gbk(t, text)
		f, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(raw)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func billed(c *cloud) string {
	return said(members{"bill_download_url": c.url + "/bill.zip?token=x", "out_trade_no": nil, "trade_no": nil})
}

func TestABillIsListed(t *testing.T) {
	c := newCloud(t)
	c.answers = []answer{{content: billed(c)}}
	c.files["/bill.zip"] = packed(t, map[string]string{"a_业务明细.csv": detail, "a_业务明细(汇总).csv": summary, "folder/": ""})
	var seen exchanges
	lines, err := c.wallet(func(k *Config) { k.Observe = seen.observe }).Bill(t.Context(), "2025-12-31")
	if err != nil {
		t.Fatal(err)
	}
	for i := range lines {
		if lines[i].Text == "" || strings.Contains(lines[i].Text, "\t") {
			t.Errorf("text %q", lines[i].Text)
		}
		lines[i].Text = ""
	}
	money := func(n int64) agent.Money { return agent.Money{Value: n, Currency: "CNY"} }
	want := []agent.BillLine{
		{Kind: agent.BillPayment, Wallet: "alipay", OrderNo: "DEMO01A", Txn: "2026010122001400000001", Amount: money(1280), At: "2026-01-01 10:34:56"},
		{Kind: agent.BillRefund, Wallet: "alipay", OrderNo: "DEMO01A", RefundNo: "DEMO01AP1", Txn: "2026010122001400000001", Amount: money(500), At: "2026-01-01 11:00:01"},
		{Kind: agent.BillPayment, Wallet: "alipay", OrderNo: "DEMO01B", Txn: "2026010122001400000002", Amount: money(1), At: "2026-01-01 12:00:00"},
		{Kind: agent.BillReversal, Wallet: "alipay", OrderNo: "DEMO01B", Txn: "2026010122001400000002", Amount: money(1), At: "2026-01-01 12:00:09"},
	}
	if !reflect.DeepEqual(lines, want) {
		t.Errorf("%+v", lines)
	}
	if biz := c.requests()[0].biz; biz != `{"bill_type":"trade","bill_date":"2025-12-31"}` {
		t.Error(biz)
	}
	if len(seen.list) != 2 || seen.list[1].Op != "bill" || seen.list[1].Status != 200 {
		t.Errorf("%+v", seen.list)
	}
}

// TestASloppyLineStaysALine: what people type as goods and remarks must not take
// the lines behind it, or the amounts, with it.
func TestASloppyLineStaysALine(t *testing.T) {
	const rest = ",2026-01-01 10:34:50,2026-01-01 10:34:56,SH0001,,,LANE-03,x,12.80,12.80,0,0,0,0,0,,0,0,,-0.08,0.00,"
	for name, goods := range map[string]string{"a comma": "tea, green", "two": "a,b,c", "a quote": `12" disc`, "it begins with one": `"tea`, "tabs": "\ttea\t", "quoted": `"tea, ""green"""` + "\t"} {
		text := billHead + "1,A,交易," + goods + rest + "note\n2,B,交易,plain" + rest + `half a "quote` + "\n"
		lines, listed, err := readBill(strings.NewReader(gbk(t, text)), "alipay")
		if err != nil || !listed || len(lines) != 2 || lines[0].Amount.Value != 1280 || lines[1].OrderNo != "B" || lines[1].Amount.Value != 1280 {
			t.Errorf("%s: %+v (%v)", name, lines, err)
		}
	}
}

func TestADayWithoutABill(t *testing.T) {
	none := answer{content: `{"code":"40004","msg":"Business Failed","sub_code":"BILL_NOT_EXIST","sub_msg":"账单不存在"}`}
	for _, row := range []struct {
		name  string
		day   string
		a     answer
		class agent.Class // "" is no error
	}{
		{"long ago: nobody paid", "2025-12-30", none, ""},
		{"yesterday, it is past ten", "2025-12-31", none, ""},
		{"today", "2026-01-01", none, agent.Unavailable},
		{"not a day", "2025-12", none, agent.Invalid},
		{"doubt", "2025-12-31", answer{content: "{}", unsigned: true}, agent.Unavailable},
		{"busy", "2025-12-31", answer{content: `{"code":"20000","sub_code":"isp.unknow-error"}`}, agent.Unavailable},
		{"not allowed", "2025-12-31", answer{content: `{"code":"40006","sub_code":"isv.insufficient-isv-permissions"}`}, agent.Invalid},
	} {
		lines, err := newCloud(t, row.a).wallet().Bill(t.Context(), row.day)
		if len(lines) != 0 || row.class == "" != (err == nil) || err != nil && agent.ClassOf(err) != row.class {
			t.Errorf("%s: %v %v", row.name, lines, err)
		}
	}
	early := newCloud(t, none).wallet(func(k *Config) { k.Clock = &clock{at: now.Add(-time.Hour)} })
	if _, err := early.Bill(t.Context(), "2025-12-31"); agent.ClassOf(err) != agent.Unavailable {
		t.Errorf("before ten: %v", err)
	}
}

func TestABillThatCannotBeFetchedOrRead(t *testing.T) {
	for _, row := range []struct {
		name  string
		url   string
		body  []byte
		class agent.Class
	}{
		{"another machine", "https://evil.example/bill.zip", nil, agent.Unavailable},
		{"Alipay without TLS", "http://dwbillcenter.alipay.com/bill.zip", nil, agent.Unavailable},
		{"a redirect", "/elsewhere", nil, agent.Unavailable},
		{"no ZIP", "/bill.zip", []byte("<html>"), agent.Corrupt},
		{"no list of trades", "/bill.zip", packed(t, map[string]string{"a.csv": summary}), agent.Corrupt},
		{"an amount in words", "/bill.zip", packed(t, map[string]string{"a.csv": billHead + "1,A,交易,,,,,,,,,twelve\n"}), agent.Corrupt},
		{"a cut line", "/bill.zip", packed(t, map[string]string{"a.csv": billHead + "1,A,交易\n"}), agent.Corrupt},
	} {
		c := newCloud(t)
		address := row.url
		if strings.HasPrefix(address, "/") {
			address = c.url + address
		}
		c.answers = []answer{{content: said(members{"bill_download_url": address})}}
		c.files["/bill.zip"] = row.body
		_, err := c.wallet().Bill(t.Context(), "2025-12-31")
		var e *agent.Error
		if !errors.As(err, &e) || e.Class != row.class {
			t.Errorf("%s: %v", row.name, err)
		}
	}
	c := newCloud(t)
	c.answers = []answer{{content: billed(c)}}
	c.files["/bill.zip"] = packed(t, map[string]string{"a.csv": billHead})
	if lines, err := c.wallet().Bill(t.Context(), "2025-12-31"); err != nil || len(lines) != 0 {
		t.Errorf("a list without trades: %v %v", lines, err)
	}
}

func TestWhereABillMayComeFrom(t *testing.T) {
	own := newCloud(t, answer{}).wallet(func(k *Config) { k.Hosts = nil })
	for address, want := range map[string]bool{
		"https://dwbillcenter.alipay.com/x": true, "https://dwbillcenter.alipay.com.evil.example/x": false,
		"https://openapi.alipay.com:8443/x": true, "http://openapi.alipay.com/x": false, "https://127.0.0.1/x": false, "file:///etc/passwd": false,
	} {
		if err := own.fetchable(address); (err == nil) != want {
			t.Errorf("%s: %v", address, err)
		}
	}
}

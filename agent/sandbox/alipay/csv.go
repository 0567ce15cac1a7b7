package alipay

import (
	"archive/zip"
	"bytes"
	"fmt"
	"net/url"
	"strings"
	"time"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"

	"tillwire/agent/sandbox"
)

// bill is what a file is made of.
type bill struct {
	seller string
	period period
	moved  []sandbox.Movement
	made   time.Time
	trade  bool // the list of trades; else the account's
}

// The headings of the two lists, as merchants know them from the platform.
const (
	tradeHead = "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
	fundHead  = "账务流水号,业务流水号,商户订单号,商品名称,发生时间,对方账号,收入金额（+元）,支出金额（-元）,账户余额（元）,交易渠道,业务类型,备注"
)

// archive is the ZIP as it is downloaded: the list and its summary, both in GBK,
// their names too.
func archive(b bill) ([]byte, error) {
	kind, head, row := "业务明细", tradeHead, b.tradeRow
	if !b.trade {
		kind, head, row = "账务明细", fundHead, b.fundRow
	}
	sums := b.sums()
	lines := []string{"#支付宝" + kind[:6] + "明细查询", "#账号：[" + b.seller + "0156]",
		"#起始日期：[" + longDay(b.period.from) + "]   终止日期：[" + longDay(b.period.to) + "]",
		"#-----------------------------------------" + kind + "列表----------------------------------------", head}
	for i, m := range b.moved {
		lines = append(lines, row(i, m))
	}
	lines = append(lines, "#-----------------------------------------"+kind+"列表结束------------------------------------")
	lines = append(lines, sums...)
	lines = append(lines, "#导出时间：["+b.made.In(china).Format("2006年01月02日 15:04:05")+"]")
	name := b.seller + "0156_" + b.period.text + "_" + kind
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, f := range []struct{ name, text string }{{name + ".csv", crlf(lines)}, {name + "(汇总).csv", crlf(append([]string{lines[0], lines[1], lines[2]}, sums...))}} {
		if err := addGBK(z, f.name, f.text); err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return out.Bytes(), err
}

// addGBK writes one file. What GBK cannot say becomes a question mark, as it does
// on the platform.
func addGBK(z *zip.Writer, name, text string) error {
	encoder := encoding.ReplaceUnsupported(simplifiedchinese.GBK.NewEncoder())
	raw, err := encoder.String(name)
	if err != nil {
		return err
	}
	w, err := z.CreateHeader(&zip.FileHeader{Name: raw, NonUTF8: true, Method: zip.Deflate})
	if err != nil {
		return err
	}
	raw, err = encoder.String(text)
	if err == nil {
		_, err = w.Write([]byte(raw))
	}
	return err
}

func crlf(lines []string) string { return strings.Join(lines, "\r\n") + "\r\n" }

func longDay(t time.Time) string { return t.In(china).Format("2006年01月02日 15:04:05") }

// cells joins values as the platform does: each with a tab behind it, which keeps
// spreadsheets from turning numbers into amounts. A comma inside one would move
// every column after it.
func cells(values ...string) string {
	for i, v := range values {
		values[i] = strings.NewReplacer(",", "，", "\r", " ", "\n", " ", "\t", " ").Replace(v) + "\t"
	}
	return strings.Join(values, ",")
}

// requestOf is the number under which money went back: a refund's request
// number, or the trade's own for one that was cancelled.
func requestOf(m sandbox.Movement) string {
	switch {
	case m.Refund != nil:
		return strings.TrimPrefix(m.Refund.RefundNo, m.Order.OrderNo+"/")
	case m.Reversal:
		return m.Order.OrderNo
	}
	return ""
}

// tradeRow is a line of the list of trades. Money that went back is negative.
func (b bill) tradeRow(_ int, m sandbox.Movement) string {
	kind, sum, note := "交易", yuan(m.Amount), ""
	if m.Refund != nil || m.Reversal {
		kind, sum = "退款", yuan(-m.Amount)
	}
	if m.Refund != nil {
		note = m.Refund.Reason
	}
	details, err := url.ParseQuery(m.Order.Details)
	if err != nil {
		details = url.Values{}
	}
	return cells(m.Order.TransactionID, m.Order.OrderNo, kind, m.Order.Description, stamp(m.Order.Created), stamp(m.At),
		details.Get("store_id"), "", details.Get("operator_id"), details.Get("terminal_id"), logon(m.Order), sum, sum,
		"0.00", "0.00", "0.00", "0.00", "0.00", "", "0.00", "0.00", requestOf(m), "0.00", "0.00", note)
}

// fundRow is a line of the account's list. The balance begins with the period:
// the sandbox knows no older money.
func (b bill) fundRow(i int, m sandbox.Movement) string {
	balance := int64(0)
	for _, earlier := range b.moved[:i+1] {
		balance += signed(earlier)
	}
	in, out, kind := yuan(m.Amount), "0.00", "在线支付"
	if signed(m) < 0 {
		in, out, kind = "0.00", yuan(-m.Amount), "交易退款"
	}
	return cells(fmt.Sprintf("%s%08d", b.period.text, i+1), m.Order.TransactionID, m.Order.OrderNo, m.Order.Description, stamp(m.At),
		logon(m.Order), in, out, yuan(balance), "支付宝", kind, requestOf(m))
}

// signed is a movement as the merchant's account sees it.
func signed(m sandbox.Movement) int64 {
	if m.Refund != nil || m.Reversal {
		return -m.Amount
	}
	return m.Amount
}

// sums are the two lines at the end.
func (b bill) sums() []string {
	var paid, back, paidSum, backSum int64
	for _, m := range b.moved {
		if v := signed(m); v < 0 {
			back, backSum = back+1, backSum+v
		} else {
			paid, paidSum = paid+1, paidSum+v
		}
	}
	return []string{fmt.Sprintf("#交易合计：%d笔，商家实收共%s元，商家优惠共0.00元", paid, yuan(paidSum)),
		fmt.Sprintf("#退款合计：%d笔，商家实收退款共%s元，商家优惠退款共0.00元", back, yuan(backSum))}
}

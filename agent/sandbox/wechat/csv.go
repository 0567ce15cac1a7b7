package wechat

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"tillwire/agent/sandbox"
)

// column is one of a bill: its heading, what stands in it, and in which of the
// three lists of trades it is left out.
type column struct {
	head   string
	cell   func(tradeLine) string
	absent string // kinds of bill
}

// tradeLine is a movement with what the shop sent.
type tradeLine struct {
	sandbox.Movement
	details url.Values
}

// back is 0.00 for a payment: one column counts what came, another what went.
func (l tradeLine) back() string {
	if l.Refund != nil || l.Reversal {
		return major(l.Amount, l.Order.Currency)
	}
	return major(0, l.Order.Currency)
}

func (l tradeLine) came() string {
	if l.Refund != nil || l.Reversal {
		return major(0, l.Order.Currency)
	}
	return major(l.Amount, l.Order.Currency)
}

// ifRefund is what stands in the columns of refunds; other lines have them empty.
func (l tradeLine) ifRefund(text func(*sandbox.Refund) string) string {
	if l.Refund == nil {
		return ""
	}
	return text(l.Refund)
}

func (l tradeLine) state() string {
	switch {
	case l.Refund != nil:
		return "REFUND"
	case l.Reversal:
		return "REVOKED"
	}
	return "SUCCESS"
}

func (l tradeLine) typeOf() string {
	if l.Order.Kind == sandbox.KindShown {
		return "NATIVE"
	}
	return "MICROPAY"
}

// first is the first of the details that is there: a direct merchant's name of
// a thing, or a partner's.
func (l tradeLine) first(names ...string) string {
	for _, name := range names {
		if s := l.details.Get(name); s != "" {
			return s
		}
	}
	return ""
}

// tradeColumns is the list of trades as merchants know it from the platform.
func tradeColumns() []column {
	fixed := func(s string) func(tradeLine) string { return func(tradeLine) string { return s } }
	return []column{
		{"交易时间", func(l tradeLine) string { return local(l.At) }, ""},
		{"公众账号ID", func(l tradeLine) string { return l.first("appid", "sp_appid") }, ""},
		{"商户号", func(l tradeLine) string { return l.first("mchid", "sp_mchid") }, ""},
		{"特约商户号", func(l tradeLine) string { return l.first("sub_mchid") }, ""},
		{"设备号", fixed(""), ""},
		{"微信订单号", func(l tradeLine) string { return l.Order.TransactionID }, ""},
		{"商户订单号", func(l tradeLine) string { return l.Order.OrderNo }, ""},
		{"用户标识", func(l tradeLine) string { return "oSandbox" + l.Order.Customer }, ""},
		{"交易类型", tradeLine.typeOf, ""},
		{"交易状态", tradeLine.state, ""},
		{"付款银行", fixed("OTHERS"), ""},
		{"货币种类", func(l tradeLine) string { return l.Order.Currency }, ""},
		{"应结订单金额", tradeLine.came, ""},
		{"代金券金额", fixed("0.00"), ""},
		{"退款申请时间", func(l tradeLine) string {
			return l.ifRefund(func(r *sandbox.Refund) string { return local(r.Created) })
		}, "ALL SUCCESS"},
		{"退款成功时间", func(l tradeLine) string { return l.ifRefund(func(r *sandbox.Refund) string { return local(r.Done) }) }, "ALL SUCCESS"},
		{"微信退款单号", func(l tradeLine) string { return l.ifRefund(func(r *sandbox.Refund) string { return r.RefundID }) }, "SUCCESS"},
		{"商户退款单号", func(l tradeLine) string { return l.ifRefund(func(r *sandbox.Refund) string { return r.RefundNo }) }, "SUCCESS"},
		{"退款金额", tradeLine.back, "SUCCESS"},
		{"充值券退款金额", fixed("0.00"), "SUCCESS"},
		{"退款类型", func(l tradeLine) string { return l.ifRefund(func(*sandbox.Refund) string { return "ORIGINAL" }) }, "SUCCESS"},
		{"退款状态", func(l tradeLine) string { return l.ifRefund(func(*sandbox.Refund) string { return "SUCCESS" }) }, "SUCCESS"},
		{"商品名称", func(l tradeLine) string { return l.Order.Description }, ""},
		{"商户数据包", func(l tradeLine) string { return l.first("attach") }, ""},
		{"手续费", fixed("0.00000"), ""},
		{"费率", fixed("0.00%"), ""},
		{"订单金额", tradeLine.came, ""},
		{"申请退款金额", tradeLine.back, "SUCCESS"},
		{"费率备注", fixed(""), ""},
	}
}

// tradeFile writes a list of trades, with its two lines of sums.
func tradeFile(kind string, moved []sandbox.Movement) []byte {
	var columns []column
	var heads []string
	for _, c := range tradeColumns() {
		if !strings.Contains(c.absent, kind) {
			columns, heads = append(columns, c), append(heads, c.head)
		}
	}
	lines := []string{strings.Join(heads, ",")}
	var came, back int64
	currency := sandbox.HomeCurrency // a merchant of the sandbox prices in one at a time
	for _, m := range moved {
		currency = m.Order.Currency
		details, err := url.ParseQuery(m.Order.Details)
		if err != nil {
			details = url.Values{}
		}
		var cells []string
		for _, c := range columns {
			cells = append(cells, c.cell(tradeLine{m, details}))
		}
		lines = append(lines, ticked(cells))
		if m.Refund != nil || m.Reversal {
			back += m.Amount
		} else {
			came += m.Amount
		}
	}
	lines = append(lines, "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额",
		ticked([]string{strconv.Itoa(len(moved)), major(came, currency), major(back, currency), "0.00", "0.00000", major(came, currency), major(back, currency)}))
	return []byte(strings.Join(lines, "\r\n") + "\r\n")
}

// fundFile writes what moved on the basic account. The balance begins with the
// day: the sandbox knows no older money.
func fundFile(moved []sandbox.Movement) []byte {
	lines := []string{"记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号"}
	var balance, came, back, cameCount int64
	for i, m := range moved {
		number, voucher, name, way := m.Order.TransactionID, m.Order.OrderNo, "交易", "收入"
		switch {
		case m.Refund != nil:
			number, voucher, name, way = m.Refund.RefundID, m.Refund.RefundNo, "退款", "支出"
		case m.Reversal:
			name, way = "撤销", "支出"
		}
		if way == "收入" {
			balance, came, cameCount = balance+m.Amount, came+m.Amount, cameCount+1
		} else {
			balance, back = balance-m.Amount, back+m.Amount
		}
		lines = append(lines, ticked([]string{local(m.At), number, fmt.Sprintf("%s%06d", m.At.In(beijing).Format("20060102"), i+1), name, name, way,
			yuan(m.Amount), yuan(balance), "system", "", voucher}))
	}
	lines = append(lines, "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额",
		ticked([]string{strconv.Itoa(len(moved)), strconv.FormatInt(cameCount, 10), yuan(came), strconv.Itoa(len(moved) - int(cameCount)), yuan(back)}))
	return []byte(strings.Join(lines, "\r\n") + "\r\n")
}

// ticked joins values as the platform does: each with a back-tick before it, which
// keeps spreadsheets from turning numbers into amounts. A comma inside one would
// move every column after it.
func ticked(values []string) string {
	for i, v := range values {
		values[i] = "`" + strings.NewReplacer(",", "，", "`", "'", "\r", " ", "\n", " ").Replace(v)
	}
	return strings.Join(values, ",")
}

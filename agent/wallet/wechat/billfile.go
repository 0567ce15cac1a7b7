package wechat

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"tillwire/agent"
)

// The columns of a trade bill that a comparison needs.
const (
	colTime     = "交易时间"
	colTxn      = "微信订单号"
	colOrder    = "商户订单号"
	colState    = "交易状态"
	colCurrency = "货币种类"
	colSettled  = "应结订单金额" // without coupons that nobody pays the shop
	colRefundNo = "商户退款单号"
	colBack     = "退款金额"
	colRefund   = "退款状态"
	colGoods    = "商品名称"
	colTotal    = "订单金额" // as the shop asked for it
	colAsked    = "申请退款金额"
	summaryHead = "总交易单数" // begins the two lines behind the list
)

// readBill reads the list of trades: a line of headings, one line for each
// movement with a back-tick before every value, and two lines that sum them up.
func readBill(text []byte, name, region string) ([]agent.BillLine, error) {
	s := bufio.NewScanner(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	s.Buffer(nil, 1<<20)
	var columns map[string]int
	var lines []agent.BillLine
	for n := 1; s.Scan(); n++ {
		line := strings.TrimSpace(s.Text())
		switch {
		case line == "":
		case columns == nil:
			if columns = headings(line); columns == nil {
				return nil, fmt.Errorf("line %d is not the head of a list of trades", n)
			}
		case strings.HasPrefix(strings.TrimPrefix(line, "`"), summaryHead):
			return lines, nil
		default:
			l, moved, err := billLine(line, columns, region)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
			if l.Wallet = name; moved {
				lines = append(lines, l)
			}
		}
	}
	if columns == nil && s.Err() == nil {
		return nil, errors.New("it is empty")
	}
	return lines, s.Err()
}

// headings finds the columns, and under "" their number. The headings have no
// back-ticks on most accounts.
func headings(line string) map[string]int {
	columns := map[string]int{}
	titles := strings.Split(strings.ReplaceAll(line, "`", ""), ",")
	for i, title := range titles {
		columns[strings.TrimSpace(title)] = i
	}
	for _, needed := range []string{colTime, colOrder, colState} {
		if _, ok := columns[needed]; !ok {
			return nil
		}
	}
	columns[""] = len(titles)
	return columns
}

// billLine reads one movement; moved is false for a line about money that did
// not move. A value may hold commas, so it is the back-tick behind one that
// counts; what is too much then belongs to the name of goods.
func billLine(line string, columns map[string]int, region string) (l agent.BillLine, moved bool, err error) {
	record := strings.Split(strings.TrimPrefix(line, "`"), ",`")
	surplus := len(record) - columns[""]
	if surplus < 0 {
		return l, false, fmt.Errorf("it has %d values of %d", len(record), columns[""])
	}
	goods, named := columns[colGoods]
	if surplus > 0 && !named {
		return l, false, fmt.Errorf("it has %d values too many", surplus)
	}
	cell := func(names ...string) string {
		for _, name := range names {
			i, ok := columns[name]
			if ok && surplus > 0 && i > goods {
				i += surplus
			}
			if ok && i < len(record) && strings.TrimSpace(record[i]) != "" {
				return strings.TrimSpace(record[i])
			}
		}
		return ""
	}
	currency := agent.Currency(cell(colCurrency))
	if currency == "" && region != RegionGlobal {
		currency = "CNY"
	}
	l = agent.BillLine{Kind: agent.BillPayment, OrderNo: cell(colOrder), Txn: cell(colTxn), At: cell(colTime), Text: strings.Join(record, ",")}
	sum := cell(colTotal, colSettled)
	switch state := cell(colState); state {
	case stateSuccess:
	case stateRevoked:
		l.Kind, sum = agent.BillReversal, cell(colAsked, colBack)
	case stateRefund:
		switch cell(colRefund) {
		case "FAIL", refundClosed, refundClosedAbroad:
			return l, false, nil
		}
		l.Kind, l.RefundNo, sum = agent.BillRefund, cell(colRefundNo), cell(colAsked, colBack)
	default:
		return l, false, fmt.Errorf("%.32q is no state of a trade", state)
	}
	if l.Amount, err = parseMajor(sum, currency); err != nil {
		return l, false, err
	}
	return l, true, nil
}

// parseMajor reads an amount in major units: bills are the only place where this
// wallet writes any.
func parseMajor(text string, currency agent.Currency) (agent.Money, error) {
	whole, part, _ := strings.Cut(strings.TrimPrefix(text, "-"), ".")
	exp := currency.Exponent()
	for len(part) > exp && strings.HasSuffix(part, "0") {
		part = part[:len(part)-1] // 1280.00 yen
	}
	digits := whole + part + strings.Repeat("0", max(exp-len(part), 0))
	n, err := strconv.ParseInt(digits, 10, 64)
	if !currency.Known() || whole == "" || len(part) > exp || strings.Trim(digits, "0123456789") != "" || err != nil || n > agent.MaxMinor {
		return agent.Money{}, fmt.Errorf("%.32q %.3s is no amount", text, currency)
	}
	return agent.Money{Value: n, Currency: currency}, nil
}

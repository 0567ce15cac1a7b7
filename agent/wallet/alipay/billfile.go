package alipay

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/encoding/simplifiedchinese"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

// The columns of the detail file that a comparison needs. Alipay writes the unit
// behind the names of amounts, and the last one in two ways.
const (
	colTxn    = "支付宝交易号"
	colOrder  = "商户订单号"
	colKind   = "业务类型"
	colGoods  = "商品名称"
	colAmount = "订单金额"
	colRefund = "退款批次号"
	colDone   = "完成时间"
	colMade   = "创建时间"
)

// unpack reads a trade bill: a ZIP of CSV files in GBK, of which one lists the
// trades and others sum them up.
func unpack(packed []byte, name string) ([]agent.BillLine, error) {
	archive, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		return nil, fmt.Errorf("it is no ZIP file: %w", err)
	}
	var lines []agent.BillLine
	left, found := int64(wallet.MaxUnpackedBill), false
	for _, f := range archive.File {
		if f.FileInfo().IsDir() {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return nil, err
		}
		limited := &io.LimitedReader{R: r, N: left}
		more, listed, err := readBill(limited, name)
		if err = errors.Join(err, r.Close()); err != nil {
			return nil, err
		}
		if left = limited.N; left <= 0 {
			return nil, fmt.Errorf("it is longer than %d bytes", wallet.MaxUnpackedBill)
		}
		lines, found = append(lines, more...), found || listed
	}
	if !found {
		return nil, errors.New("none of its files lists trades")
	}
	return lines, nil
}

// readBill reads one file; listed is false when it has no list of trades.
func readBill(r io.Reader, name string) (lines []agent.BillLine, listed bool, err error) {
	text := bufio.NewScanner(simplifiedchinese.GB18030.NewDecoder().Reader(r))
	text.Buffer(nil, 1<<20)
	var columns map[string]int
	for n := 1; text.Scan(); n++ {
		record := cells(text.Text())
		switch {
		case len(record) == 0:
		case columns == nil:
			columns = header(record)
		default:
			line, err := billLine(record, columns, name)
			if err != nil {
				return nil, true, fmt.Errorf("line %d: %w", n, err)
			}
			lines = append(lines, line)
		}
	}
	return lines, columns != nil, text.Err()
}

// cells takes a line apart; comments and empty lines have none. Each line is read
// by itself, so that a quotation mark in a name of goods swallows no other line.
// Tabs are padding.
func cells(line string) []string {
	line = strings.TrimSpace(strings.ReplaceAll(strings.TrimPrefix(line, "\ufeff"), "\t", ""))
	if line == "" || line[0] == '#' {
		return nil
	}
	one := csv.NewReader(strings.NewReader(line))
	record, err := one.Read()
	if err != nil {
		record = strings.Split(line, ",")
	}
	for i := range record {
		record[i] = strings.TrimSpace(record[i])
	}
	return record
}

// header finds the columns, and under "" their number; it returns nil when a
// record is not the head of a list of trades.
func header(record []string) map[string]int {
	columns := map[string]int{}
	columns[""] = len(record)
	for i, title := range record {
		for _, known := range []string{colTxn, colOrder, colKind, colGoods, colAmount, colRefund, colDone, colMade} {
			if _, taken := columns[known]; !taken && strings.HasPrefix(title, known) {
				columns[known] = i
			}
		}
	}
	for _, needed := range []string{colTxn, colOrder, colKind, colAmount} {
		if _, ok := columns[needed]; !ok {
			return nil
		}
	}
	return columns
}

// billLine reads one trade. What is taken back has a minus before its amount; a
// cancellation has no number of its own.
func billLine(record []string, columns map[string]int, name string) (agent.BillLine, error) {
	cell := func(column string) string {
		i, ok := columns[column]
		if surplus := len(record) - columns[""]; surplus > 0 && i > columns[colGoods] {
			i += surplus // a name of goods with commas in it
		}
		if ok && i < len(record) {
			return record[i]
		}
		return ""
	}
	amount := cell(colAmount)
	n, ok := yuan(strings.TrimPrefix(amount, "-")).minor("CNY")
	if !ok {
		return agent.BillLine{}, fmt.Errorf("%.32q is no amount", amount)
	}
	l := agent.BillLine{Kind: agent.BillPayment, Wallet: name, OrderNo: cell(colOrder), Txn: cell(colTxn), Amount: agent.Money{Value: n, Currency: "CNY"},
		At: cell(colDone), Text: strings.Join(record, ",")}
	if l.At == "" {
		l.At = cell(colMade)
	}
	back, kind := cell(colRefund), cell(colKind)
	switch {
	case !strings.Contains(kind, "退款") && !strings.Contains(kind, "撤销") && !strings.HasPrefix(amount, "-"):
	case strings.Contains(kind, "撤销") || back == "" || back == l.OrderNo:
		l.Kind = agent.BillReversal
	default:
		l.Kind, l.RefundNo = agent.BillRefund, back
	}
	return l, nil
}

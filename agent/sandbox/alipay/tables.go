package alipay

// The tables of biz_content (classic gateway, alipay.trade.*).

// tender is what pay and precreate have in common.
var tender = []field{
	{name: "out_trade_no", need: true, most: 64, check: isTradeNo},
	{name: "subject", need: true, most: 256, check: isSubject},
	{name: "total_amount", kind: price, need: true},
	{name: "product_code", most: 32, check: isProduct},
	{name: "seller_id", most: 28},
	{name: "discountable_amount", kind: price},
	{name: "undiscountable_amount", kind: price},
	{name: "body", most: 128},
	{name: "goods_detail", kind: goods, in: []field{
		{name: "goods_id", need: true, most: 32},
		{name: "goods_name", need: true, most: 256},
		{name: "quantity", kind: price, need: true},
		{name: "price", kind: price, need: true},
		{name: "goods_category", most: 24},
		{name: "categories_tree", most: 128},
		{name: "body", most: 1000},
		{name: "show_url", most: 400},
	}},
	{name: "operator_id", most: 28},
	{name: "store_id", most: 32},
	{name: "terminal_id", most: 32},
	{name: "extend_params", kind: open},
	{name: "timeout_express", most: 6, check: isExpress},
	{name: "business_params", kind: open},
}

// either names a trade by one of its numbers.
var either = []field{
	{name: "out_trade_no", most: 64, check: isTradeNo},
	{name: "trade_no", most: 64, check: isTradeNo},
}

func payFields() []field {
	return join(tender,
		field{name: "scene", need: true, most: 32, check: isBarCode},
		field{name: "auth_code", need: true, most: 64},
		field{name: "buyer_id", most: 28},
		field{name: "terminal_params", most: 2048},
		field{name: "query_options", kind: list},
		field{name: "trans_currency", most: 8, check: isCNY},
		field{name: "settle_currency", most: 8, check: isCNY})
}

func precreateFields() []field {
	return join(tender, field{name: "qr_code_timeout_express", most: 6, check: isExpress})
}

func queryFields() []field { return join(either, field{name: "query_options", kind: list}) }

// undoFields serves cancel and close.
func undoFields() []field { return join(either, field{name: "operator_id", most: 28}) }

func refundFields() []field {
	return join(either,
		field{name: "refund_amount", kind: price, need: true},
		field{name: "refund_currency", most: 8, check: isCNY},
		field{name: "out_request_no", most: 64, check: isRequest},
		field{name: "refund_reason", most: 256},
		field{name: "operator_id", most: 30},
		field{name: "store_id", most: 32},
		field{name: "terminal_id", most: 32},
		field{name: "query_options", kind: list})
}

func refundQueryFields() []field {
	return join(either,
		field{name: "out_request_no", need: true, most: 64, check: isRequest},
		field{name: "query_options", kind: list})
}

func billFields() []field {
	return []field{
		{name: "bill_type", need: true, most: 32, check: isBill},
		{name: "bill_date", need: true, most: 10},
	}
}

// join copies, so that no two tables share their memory.
func join(first []field, more ...field) []field {
	return append(append([]field{}, first...), more...)
}

package wechat

// The tables of API v3's request members (codepay 2025-02-17, Native, refund).

// who asks: a merchant for itself, or a partner for a sub-merchant.
func who(partner bool) []field {
	if partner {
		return []field{
			{name: "sp_appid", need: true, most: 32},
			{name: "sp_mchid", need: true, most: 32},
			{name: "sub_appid", most: 32},
			{name: "sub_mchid", need: true, most: 32},
		}
	}
	return []field{{name: "appid", need: true, most: 32}, {name: "mchid", need: true, most: 32}}
}

// closer is who closes: the one body without an appid.
func closer(partner bool) []field {
	if partner {
		return []field{{name: "sp_mchid", need: true, most: 32}, {name: "sub_mchid", need: true, most: 32}}
	}
	return []field{{name: "mchid", need: true, most: 32}}
}

// amountFields is the amount of a payment, in fen.
func amountFields() field {
	return field{name: "amount", kind: sub, need: true, in: []field{
		{name: "total", kind: whole, need: true, min: 1},
		{name: "currency", most: 16, check: isCNY},
	}}
}

// shared is what codepay and Native have in common.
func shared() []field {
	return []field{
		{name: "description", need: true, most: 127},
		{name: "out_trade_no", need: true, most: 32, check: isOrderNo},
		{name: "attach", most: 128},
		{name: "goods_tag", most: 32},
		{name: "support_fapiao", kind: truth},
		{name: "settle_info", kind: sub, in: []field{{name: "profit_sharing", kind: truth}}},
		amountFields(),
	}
}

// detail differs between the two APIs only in what the cloud's own goods id is called.
func detail(wechatGoodsID string) field {
	return field{name: "detail", kind: sub, in: []field{
		{name: "cost_price", kind: whole},
		{name: "invoice_id", most: 32},
		{name: "goods_detail", kind: listOf, need: true, in: []field{
			{name: "merchant_goods_id", need: true, most: 32},
			{name: wechatGoodsID, most: 32},
			{name: "goods_name", most: 256},
			{name: "quantity", kind: whole, need: true, min: 1},
			{name: "unit_price", kind: whole, need: true},
		}},
	}}
}

// codepayFields has no notify_url: a code payment is never notified, so the real
// API refuses the member and the terminal must ask.
func codepayFields(partner bool) []field {
	return append(append(who(partner), shared()...),
		detail("wxpay_goods_id"),
		field{name: "payer", kind: sub, need: true, in: []field{{name: "auth_code", need: true, most: 32}}},
		field{name: "scene_info", kind: sub, need: true, in: []field{
			{name: "device_id", most: 32},
			{name: "device_ip", most: 45, check: isAddress},
			{name: "store_info", kind: sub, need: true, in: []field{
				{name: "id", most: 32, check: isDigits},
				{name: "out_id", most: 256, check: isStore},
			}},
		}})
}

// nativeFields makes notify_url mandatory, although a terminal never relies on it.
func nativeFields(partner bool) []field {
	return append(append(who(partner), shared()...),
		detail("wechatpay_goods_id"),
		field{name: "time_expire", most: 64, check: isTime},
		field{name: "notify_url", need: true, most: 255, check: isNotify},
		field{name: "limit_pay", kind: texts, most: 32},
		field{name: "scene_info", kind: sub, in: []field{
			{name: "payer_client_ip", need: true, most: 45, check: isAddress},
			{name: "device_id", most: 32},
			{name: "store_info", kind: sub, in: []field{
				{name: "id", need: true, most: 32},
				{name: "name", most: 256},
				{name: "area_code", most: 32},
				{name: "address", most: 512},
			}},
		}})
}

// Where a refund's money comes from.
func isAvailable(s string) bool   { return s == "AVAILABLE" }
func isFundAccount(s string) bool { return s == "AVAILABLE" || s == "UNAVAILABLE" }

// refundFields serves both modes: one path, and a sub_mchid more for partners.
func refundFields(partner bool) []field {
	list := []field{
		{name: "transaction_id", most: 32},
		{name: "out_trade_no", most: 32, check: isOrderNo},
		{name: "out_refund_no", need: true, most: 64, check: isRefundNo},
		{name: "reason", most: 80},
		{name: "notify_url", most: 255, check: isNotify},
		{name: "funds_account", most: 32, check: isAvailable},
		{name: "amount", kind: sub, need: true, in: []field{
			{name: "refund", kind: whole, need: true, min: 1},
			{name: "total", kind: whole, need: true, min: 1},
			{name: "currency", need: true, most: 16, check: isCNY},
			{name: "from", kind: listOf, in: []field{
				{name: "account", need: true, most: 32, check: isFundAccount},
				{name: "amount", kind: whole, need: true, min: 1},
			}},
		}},
		{name: "goods_detail", kind: listOf, in: []field{
			{name: "merchant_goods_id", need: true, most: 32},
			{name: "wechatpay_goods_id", most: 32},
			{name: "goods_name", most: 256},
			{name: "unit_price", kind: whole, need: true},
			{name: "refund_amount", kind: whole, need: true, min: 1},
			{name: "refund_quantity", kind: whole, need: true, min: 1},
		}},
	}
	if partner {
		list = append(list, field{name: "sub_mchid", need: true, most: 32})
	}
	return list
}

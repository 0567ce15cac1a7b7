package sandbox

import (
	"net/http"
	"strconv"
	"strings"
)

// The phones speak the languages of the first customers. The sandbox has words
// of its own, because a phone says other things than a register.
var phoneWords = map[string]map[string]string{
	"en": {
		"phones": "Customers’ phones", "phones_lead": "Each of these is a customer with a wallet. Take a phone and pay at the counter.",
		"nobody": "No customer yet. Make one below.", "make": "New customer", "name": "Name", "wallet": "Wallet", "balance_in": "Balance, in the wallet’s currency",
		"manner": "What this customer does", "make_button": "Give them a phone", "phone": "Phone", "all_phones": "All phones", "customer": "Customer",
		"balance": "Balance", "stale": "No connection to the wallet’s cloud. Trying again …",
		"tab_code": "Pay code", "tab_scan": "Scan", "tab_history": "History",
		"show_cashier": "Show this to the cashier", "fresh": "New code now", "left": "new code in {n} s", "hold": "Hold the phone to the scanner of",
		"held": "Scanned at {register}", "camera": "Scan with the camera", "no_camera": "No camera could be used. Paste the code’s text below.",
		"no_reader":  "This browser cannot read codes with the camera. Paste the code’s text below.",
		"on_display": "Shown at the counter now", "paste": "Text of the shop’s code", "pay": "Pay", "no_history": "Nothing yet.",
		"password": "Enter the payment password", "any_digits": "It is a toy: any six digits do.", "not_now": "Not now", "rub": "Delete the last digit",
		"paying": "Paying …", "failed": "That did not work:",
		"scan_paid": "Paid", "scan_password": "Enter the password", "scan_declined": "Not paid. The wallet refused.", "scan_abandoned": "Not paid. You walked away.",
		"scan_signed": "Signed. Show the code to the cashier.", "flight": "Flight mode: this phone has no line", "carries": "Can sign without a line:",
		"carries_none": "no voucher yet", "voucher": "Show a voucher without scanning", "done": "Put it away",
		"kind_RC1": "Receipt of your payment", "kind_OV1": "Voucher for whoever holds it", "kind_OV2": "Voucher signed by this phone",
		"gift": "Buy a voucher for", "aim": "Point the camera at the display of", "looking": "Looking at {register} …",
		"scan_no_line": "This phone has no line, and this code needs one.",
		"chip":         "A phone whose chip signs with ES256", "thief": "Who holds this phone", "attack_none": "an honest customer",
		"attack_replay": "shows the last code again", "attack_fork": "a copied phone, with a counter used before", "attack_wrong_key": "signs with another phone’s key",
		"attack_forged": "forges the issuer’s certificate", "attack_stranger": "has a certificate of an unknown issuer", "attack_expired": "has a certificate that has ended",
		"attack_stale": "shows a code of an hour ago", "attack_over_limit": "signs for more than the certificate allows", "attack_other_sale": "signs for another sale",
		"attack_receipt": "forges a receipt", "attack_rooted": "a true phone that signs nonsense", "attack_malformed": "shows a damaged code",
		"scan_closed": "Not paid. This code is no longer valid.", "scan_unknown": "Nothing to pay here: this is not a code of the wallet.",
		"approve": "pays at once", "password_manner": "is asked for the password", "slow": "pays after six seconds", "decline": "is refused", "abandon": "never confirms",
		"no_refund": "pays at once; a refund is accepted and never made", "stuck_refund": "pays at once; a refund hangs until the office completes it",
		"state_created": "Not paid yet", "state_awaiting": "Waiting for you", "state_paid": "Paid", "state_declined": "Refused", "state_cancelled": "Expired unpaid",
		"state_closed": "Closed unpaid", "state_reversed": "Cancelled by the shop, nothing kept", "state_refunded": "Refunded", "state_part": "Refunded in part",
	},
	"zh": {
		"phones": "顾客的手机", "phones_lead": "每一部手机代表一位有钱包的顾客。选一部手机，到收银台付款。",
		"nobody": "还没有顾客，请在下面新建。", "make": "新顾客", "name": "姓名", "wallet": "钱包", "balance_in": "余额（钱包货币）",
		"manner": "这位顾客会怎样", "make_button": "给他一部手机", "phone": "手机", "all_phones": "全部手机", "customer": "顾客",
		"balance": "余额", "stale": "连不上钱包服务，正在重试……",
		"tab_code": "付款码", "tab_scan": "扫一扫", "tab_history": "账单",
		"show_cashier": "请向收银员出示", "fresh": "立即刷新", "left": "{n} 秒后刷新", "hold": "把手机对准扫码枪",
		"held": "已在 {register} 扫码", "camera": "用摄像头扫码", "no_camera": "无法使用摄像头，请在下面粘贴二维码内容。",
		"no_reader":  "此浏览器不能用摄像头识别二维码，请在下面粘贴二维码内容。",
		"on_display": "柜台正在展示", "paste": "商家二维码的内容", "pay": "付款", "no_history": "暂无记录。",
		"password": "请输入支付密码", "any_digits": "这是演示，任意六位数字都可以。", "not_now": "暂不付款", "rub": "删除一位",
		"paying": "正在付款……", "failed": "操作失败：",
		"scan_paid": "支付成功", "scan_password": "请输入密码", "scan_declined": "未支付，钱包拒绝了付款。", "scan_abandoned": "未支付，您已离开。",
		"scan_signed": "已签名，请向收银员出示此码。", "flight": "飞行模式：手机没有网络", "carries": "离线可用：",
		"carries_none": "尚无离线凭证", "voucher": "不扫码，直接出示凭证", "done": "收起",
		"kind_RC1": "付款回执", "kind_OV1": "不记名凭证", "kind_OV2": "本机签名的凭证",
		"gift": "购买不记名凭证", "aim": "用摄像头对准显示屏", "looking": "正在看 {register} ……",
		"scan_no_line": "手机没有网络，此二维码需要网络。",
		"chip":         "安全芯片用 ES256 签名的手机", "thief": "谁拿着这部手机", "attack_none": "诚实的顾客",
		"attack_replay": "重复出示上一个码", "attack_fork": "复制的手机，计数器已用过", "attack_wrong_key": "用别的手机的密钥签名",
		"attack_forged": "伪造发行方证书", "attack_stranger": "证书来自未知发行方", "attack_expired": "证书已过期",
		"attack_stale": "出示一小时前的码", "attack_over_limit": "签名金额超过证书限额", "attack_other_sale": "为另一笔交易签名",
		"attack_receipt": "伪造付款回执", "attack_rooted": "真手机，但签名内容不合规", "attack_malformed": "出示损坏的码",
		"scan_closed": "未支付，此二维码已失效。", "scan_unknown": "没有可付的款：这不是本钱包的二维码。",
		"approve": "立即付款", "password_manner": "需要输入密码", "slow": "六秒后付款", "decline": "付款被拒", "abandon": "始终不确认",
		"no_refund": "立即付款；退款受理后关闭", "stuck_refund": "立即付款；退款异常，需人工处理",
		"state_created": "待支付", "state_awaiting": "等待您确认", "state_paid": "已支付", "state_declined": "支付失败", "state_cancelled": "超时未支付",
		"state_closed": "已关闭，未支付", "state_reversed": "商家已撤销，不收款", "state_refunded": "已退款", "state_part": "已部分退款",
	},
}

// scriptWords are those that the phone's own program says.
var scriptWords = []string{"left", "held", "paying", "failed", "no_camera", "no_reader", "scan_paid", "scan_declined", "scan_abandoned", "scan_closed", "scan_unknown", "scan_signed",
	"scan_no_line", "carries_none", "looking", "kind_RC1", "kind_OV1", "kind_OV2"}

// language is what ?lang= asks for, else the first of Accept-Language that the
// phones speak, else English.
func language(r *http.Request) string {
	if _, ok := phoneWords[r.URL.Query().Get("lang")]; ok {
		return r.URL.Query().Get("lang")
	}
	best, bestWeight := "en", 0
	for part := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		tag, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		base, _, _ := strings.Cut(strings.ToLower(tag), "-")
		if _, ok := phoneWords[base]; ok && weight(q) > bestWeight {
			best, bestWeight = base, weight(q)
		}
	}
	return best
}

// weight is a quality value of Accept-Language in thousandths; none is 1.
func weight(q string) int {
	digits, ok := strings.CutPrefix(strings.TrimSpace(q), "q=")
	if !ok {
		return 1000
	}
	whole, part, _ := strings.Cut(digits, ".")
	n, err := strconv.Atoi(whole + (part + "000")[:3])
	if err != nil {
		return 0
	}
	return n
}

func mannerOf(b Behaviour) string {
	if b == Password {
		return "password_manner"
	}
	return string(b)
}

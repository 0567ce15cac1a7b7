package web

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tillwire/agent"
)

// The forms of WeChat Pay's numbers (WeChat Pay v3, merchant platform): ids of
// merchants are digits, application ids begin with wx, serial numbers are
// hexadecimal. They catch a value pasted into the wrong field.
var (
	merchantForm = regexp.MustCompile(`^[0-9]{8,32}$`)
	appForm      = regexp.MustCompile(`^wx[0-9A-Za-z]{6,30}$`)
	serialForm   = regexp.MustCompile(`^[0-9A-Fa-f]{8,64}$`)
	storeForm    = regexp.MustCompile(`^[0-9A-Za-z]{1,32}$`)
	keyIDForm    = regexp.MustCompile(`^(PUB_KEY_ID_)?[0-9A-Za-z]{8,64}$`)
)

// check reads the form of the first start. wrong is told each field that cannot
// stay as it is, with the key of a sentence.
func check(v map[string]string, wrong func(field, key string)) Setup {
	set := Setup{Shop: v["shop"], StoreID: v["store_id"], Currency: agent.Currency(strings.ToUpper(v["currency"])), Language: v["language"], Zone: v["zone"]}
	need := func(ok bool, field, key string) {
		if !ok {
			wrong(field, key)
		}
	}
	need(set.Shop != "" && utf8.RuneCountInString(set.Shop) <= 64, "shop", "setup.wrong_shop")
	need(storeForm.MatchString(set.StoreID), "store_id", "setup.wrong_store")
	need(set.Currency.Known(), "currency", "setup.wrong_currency")
	_, err := time.LoadLocation(set.Zone)
	need(err == nil && set.Zone != "" && set.Zone != "Local", "zone", "setup.wrong_zone")
	checkPeople(v, need)
	set.Wallet = checkWallet(v, need)
	set.Lanes = checkLanes(v, need)
	return set
}

func checkPeople(v map[string]string, need func(bool, string, string)) {
	for field, role := range map[string]agent.Role{"owner": agent.RoleOwner, "cashier": agent.RoleCashier, "manager": agent.RoleManager} {
		secret := field + "_pin"
		if role == agent.RoleOwner {
			secret = "owner_password"
		}
		accept(agent.CheckName(v[field]), field, need)
		accept(agent.CheckSecret(role, v[secret]), secret, need)
	}
	need(v["cashier_pin"] == "" || v["cashier_pin"] != v["manager_pin"], "manager_pin", "setup.wrong_same_pin")
}

// accept passes on the sentence with which the law of the root refuses a field.
func accept(err error, field string, need func(bool, string, string)) {
	var refused *agent.Error
	if errors.As(err, &refused) {
		need(false, field, refused.Say.ID)
	}
}

func checkWallet(v map[string]string, need func(bool, string, string)) WalletSetup {
	w := WalletSetup{
		Mode: v["mode"], AppID: v["app_id"], MerchantID: v["merchant_id"], MerchantSerial: strings.ToUpper(v["merchant_serial"]), MerchantKey: v["merchant_key"],
		Platform: v["platform"], PlatformKeyID: v["platform_key_id"], PlatformKey: v["platform_key"], APIv3Key: v["api_v3_key"], NotifyURL: v["notify_url"],
	}
	need(w.Mode == "direct" || w.Mode == "partner", "mode", "setup.wrong_choice")
	need(w.Platform == "public_key" || w.Platform == "certificate", "platform", "setup.wrong_choice")
	need(appForm.MatchString(w.AppID), "app_id", "setup.wrong_app")
	need(merchantForm.MatchString(w.MerchantID), "merchant_id", "setup.wrong_merchant")
	if w.Mode == "partner" {
		w.SubMerchantID, w.SubAppID = v["sub_merchant_id"], v["sub_app_id"]
		need(merchantForm.MatchString(w.SubMerchantID), "sub_merchant_id", "setup.wrong_merchant")
		need(w.SubAppID == "" || appForm.MatchString(w.SubAppID), "sub_app_id", "setup.wrong_app")
	}
	need(serialForm.MatchString(w.MerchantSerial), "merchant_serial", "setup.wrong_serial")
	need(privateKey(w.MerchantKey), "merchant_key", "setup.wrong_private")
	need(keyIDForm.MatchString(w.PlatformKeyID), "platform_key_id", "setup.wrong_key_id")
	need(platformKey(w.Platform, w.PlatformKey), "platform_key", "setup.wrong_platform_key")
	need(len(w.APIv3Key) == 32, "api_v3_key", "setup.wrong_v3")
	notify, err := url.Parse(w.NotifyURL)
	need(err == nil && notify.Scheme == "https" && notify.Host != "" && notify.RawQuery == "", "notify_url", "setup.wrong_notify")
	for _, host := range strings.Fields(strings.ReplaceAll(v["hosts"], ",", " ")) {
		u, err := url.Parse(host)
		need(err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "", "hosts", "setup.wrong_hosts")
		w.Hosts = append(w.Hosts, strings.TrimSuffix(host, "/"))
	}
	return w
}

// privateKey holds for an RSA key in PKCS#8 PEM of at least 2048 bits, which is
// what the merchant platform's tool writes.
func privateKey(text string) bool {
	block, _ := pem.Decode([]byte(text + "\n"))
	if block == nil {
		return false
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	rsaKey, ok := key.(*rsa.PrivateKey)
	return err == nil && ok && rsaKey.N.BitLen() >= 2048
}

// platformKey holds for a PEM of the kind that was chosen.
func platformKey(kind, text string) bool {
	block, _ := pem.Decode([]byte(text + "\n"))
	if block == nil {
		return false
	}
	if kind == "certificate" {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return false
		}
		_, ok := cert.PublicKey.(*rsa.PublicKey)
		return ok
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	_, ok := key.(*rsa.PublicKey)
	return err == nil && ok
}

// checkLanes reads one or two registers; the second only when it has a name.
func checkLanes(v map[string]string, need func(bool, string, string)) (lanes []LaneSetup) {
	baud, err := strconv.Atoi(v["baud"])
	need(err == nil && baud >= 300 && baud <= 921600, "baud", "setup.wrong_baud")
	for i, suffix := range []string{"", "_2"} {
		name, scanner := v["lane_name"+suffix], v["scanner"+suffix]
		if i > 0 && name == "" {
			continue
		}
		accept(agent.CheckName(name), "lane_name"+suffix, need)
		need(scanner == "" || strings.HasPrefix(scanner, "/dev/"), "scanner"+suffix, "setup.wrong_scanner")
		lanes = append(lanes, LaneSetup{ID: strconv.Itoa(i + 1), Name: name, Scanner: scanner, Baud: baud})
	}
	if len(lanes) == 2 && lanes[1].Scanner != "" {
		need(lanes[0].Scanner != lanes[1].Scanner, "scanner_2", "setup.wrong_same_scanner")
	}
	return lanes
}

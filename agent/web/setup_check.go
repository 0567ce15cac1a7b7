package web

import (
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tillwire/agent"
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

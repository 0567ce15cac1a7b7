package gateway

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tillwire/agent/sandbox"
)

// One change each, and nothing is executed.
func TestARequestThatIsNotAsTheContractHasIt(t *testing.T) {
	s := openShop(t, Options{})
	for name, c := range map[string]struct{ old, new, want string }{
		"another merchant":      {"SANDBOX01", "SANDBOX02", "merchant_unknown"},
		"another brand":         {`"pix"`, `"nobody"`, "brand_not_enabled"},
		"no brand":              {`"brand"`, `"band"`, "invalid_request"},
		"an amount of nothing":  {"1280", "0", "invalid_request"},
		"an amount with a part": {"1280", "12.80", "invalid_request"},
		"an amount as text":     {"1280", `"1280"`, "invalid_request"},
		"no currency":           {`"BRL"`, `"brl"`, "invalid_request"},
		"another reference":     {number(1)[12:], number(2)[12:], "invalid_request"},
		"null":                  {`"Corner shop"`, "null", "invalid_request"},
		"a member twice":        {`{"merchant"`, `{"brand":"upi","merchant"`, "invalid_request"},
		"a long description":    {"Corner shop", strings.Repeat("x", 65), "invalid_request"},
		"a short life":          {"180", "29", "invalid_request"},
		"more behind":           {`180}`, `180}{}`, "invalid_request"},
		"a member nobody knows": {`"lifetime_s"`, `"more":{"x":[1]},"lifetime_s"`, "unpaid"},
	} {
		t.Run(name, func(t *testing.T) {
			s := *s
			s.T = t
			if name == "a member nobody knows" {
				s.want(c.want, "POST", at(1, "/present"), strings.Replace(present(1, "pix", "BRL"), c.old, c.new, 1))
				s.want("closed", "POST", at(1, "/close"), undo("pix"))
				return
			}
			body := strings.Replace(present(3, "pix", "BRL"), c.old, c.new, 1)
			if name == "another reference" {
				body = present(2, "pix", "BRL")
			}
			s.want(c.want, "POST", at(3, "/present"), body)
			s.want("order_not_found", "GET", at(3, query("pix")), "")
		})
	}
	for _, path := range []string{"/", "/payments/short", "/payments/" + number(1) + "/pay", "/bills/yesterday" + query("pix")} {
		s.want("invalid_request", http.MethodGet, path, "")
	}
}

// A page says how the whole day is, and the lines of all pages are the day.
func TestBills(t *testing.T) {
	s := openShop(t, Options{Page: 2})
	_, code := s.phone("unionpay", sandbox.Approve)
	_, other := s.phone("unionpay", sandbox.Approve)
	s.want("paid", "POST", at(1, "/charge"), charge(1, "unionpay", "CNY", code))
	s.want("paid", "POST", at(2, "/charge"), charge(2, "unionpay", "CNY", other))
	s.clock.Move(time.Second)
	s.want("done", "POST", at(1, "/refunds/"+number(1)+"P1"), refund("unionpay", "CNY", 500))
	s.clock.Move(time.Second)
	s.want("reversed", "POST", at(2, "/reverse"), undo("unionpay"))
	bill := "/bills/2026-01-01" + query("unionpay")
	s.want("bill_not_ready", "GET", bill, "")
	s.clock.Move(24 * time.Hour)
	var got []string
	for cursor := ""; ; {
		status, page := s.ask("GET", bill+cursor, "")
		lines, _ := page["lines"].([]any)
		sums, _ := page["sums"].([]any)
		if status != 200 || page["final"] != true || page["total_lines"] != 4.0 || len(sums) != 3 || len(lines) > 2 {
			t.Fatalf("the page is %d %v", status, page)
		}
		for _, line := range lines {
			l, _ := line.(map[string]any)
			got = append(got, fmt.Sprint(l["kind"], " ", l["refund_no"] != nil, " ", l["amount"]))
		}
		next, more := page["next"].(string)
		if !more {
			break
		}
		cursor = "&cursor=" + next
	}
	want := "payment false map[currency:CNY value:1280], payment false map[currency:CNY value:1280], refund true map[currency:CNY value:500], reversal false map[currency:CNY value:1280]"
	if strings.Join(got, ", ") != want {
		t.Errorf("the bill is %s", strings.Join(got, ", "))
	}
	if _, empty := s.ask("GET", "/bills/2025-12-31"+query("unionpay"), ""); empty["total_lines"] != 0.0 || len(empty["lines"].([]any)) != 0 {
		t.Errorf("a day without movements is %v", empty)
	}
}

// A terminal that lost its disk finds what it asked, in order, each once, and how
// far its journal was.
func TestTheWayBack(t *testing.T) {
	s := openShop(t, Options{Page: 2})
	_, code := s.phone("jpqr", sandbox.Approve)
	s.head = `incarnation="a", seq=7, hash=:AQI=:`
	for range 2 {
		s.want("paid", "POST", at(1, "/charge"), charge(1, "jpqr", "JPY", code))
	}
	s.head = `incarnation="a", seq=3, hash=:AwQ=:`
	s.want("done", "POST", at(1, "/refunds/"+number(1)+"P1"), refund("jpqr", "JPY", 500))
	s.head = ""
	s.want("invalid_request", "POST", at(9, "/present"), present(2, "jpqr", "JPY"))
	s.want("closed", "POST", at(2, "/close"), undo("jpqr"))
	path := "/operations?merchant=SANDBOX01&terminal=DEMO01"
	var got []string
	for cursor := ""; ; {
		_, page := s.ask("GET", path+cursor, "")
		if heads := fmt.Sprint(page["heads"]); heads != "[map[hash:AQI= incarnation:a seq:7]]" {
			t.Errorf("the heads are %s", heads)
		}
		for _, line := range page["operations"].([]any) {
			o, _ := line.(map[string]any)
			got = append(got, fmt.Sprint(o["operation"], " ", o["state"]))
		}
		next, more := page["next"].(string)
		if !more {
			break
		}
		cursor = "&cursor=" + next
	}
	if strings.Join(got, ", ") != "charge paid, refund done, close closed" {
		t.Errorf("it asked %v", got)
	}
	if _, other := s.ask("GET", strings.Replace(path, "DEMO01", "DEMO02", 1), ""); len(other["operations"].([]any)) != 0 {
		t.Errorf("another terminal asked %v", other)
	}
}

func TestCapabilities(t *testing.T) {
	s := openShop(t, Options{})
	_, all := s.ask("GET", "/capabilities?merchant=SANDBOX01", "")
	if list, _ := all["brands"].([]any); len(list) != len(brands()) || all["test"] != true || all["version"] != 1.0 {
		t.Errorf("the capabilities are %v", all)
	}
	s.want("merchant_unknown", "GET", "/capabilities?merchant=M1", "")
}

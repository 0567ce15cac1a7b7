package alipay

import (
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"tillwire/agent/sandbox"
)

// stampLayout is how the gateway writes a time, in China's zone.
const stampLayout = "2006-01-02 15:04:05"

// params are the parameters of one request: those of the address and those of
// the form, each once.
type params map[string]string

// parseParams takes both, as the gateway does: clients put all of them into the
// form, or everything but biz_content into the address. A parameter in both
// places must say the same there, or nobody could tell which one was signed.
func parseParams(call sandbox.Call) (params, *problem) {
	query, err := url.ParseQuery(call.Request.URL.RawQuery)
	if err != nil {
		return nil, invalid("parameter", "The address cannot be read.")
	}
	form := url.Values{}
	media, _, err := mime.ParseMediaType(call.Request.Header.Get("Content-Type"))
	if len(call.Body) > 0 {
		if err != nil || media != "application/x-www-form-urlencoded" {
			return nil, invalid("content-type", "The parameters must come as application/x-www-form-urlencoded.")
		}
		if form, err = url.ParseQuery(string(call.Body)); err != nil {
			return nil, invalid("parameter", "The form cannot be read.")
		}
	}
	p := params{}
	for _, values := range []url.Values{query, form} {
		for name, list := range values {
			for _, value := range list {
				if old, twice := p[name]; twice && old != value {
					return nil, invalid("parameter", "The parameter "+name+" has two values.")
				}
				if !utf8.ValidString(value) {
					return nil, invalid("encoding", "The parameter "+name+" is not UTF-8.")
				}
				p[name] = value
			}
		}
	}
	return p, nil
}

// canonical is what a request's signature is made over: all parameters but sign
// that are not empty, sorted, as they were before they were escaped.
func (p params) canonical() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(p)) {
		if name != "sign" && p[name] != "" {
			parts = append(parts, name+"="+p[name])
		}
	}
	return strings.Join(parts, "&")
}

// common is one line of the table of common parameters.
type common struct {
	name  string // as the request has it
	short string // as the sub-code has it
	most  int
	need  bool
	check func(string) bool
}

// commons are the parameters that every request has (classic gateway).
var commons = []common{
	{"method", "method", 128, true, isMethod},
	{"timestamp", "timestamp", 19, true, isStamp},
	{"version", "version", 3, true, func(s string) bool { return s == "1.0" }},
	{"charset", "charset", 10, true, func(s string) bool { return strings.EqualFold(s, "utf-8") }},
	{"sign_type", "signature-type", 10, true, func(s string) bool { return s == "RSA2" }},
	{"sign", "signature", 344, true, nil},
	{"format", "format", 40, false, func(s string) bool { return strings.EqualFold(s, "json") }},
	{"notify_url", "notify-url", 256, false, nil},
	{"biz_content", "biz-content", maxContent, true, nil},
}

// maxContent bounds biz_content; the largest real one is a few kilobytes.
const maxContent = 1 << 16

func isMethod(s string) bool { return methods[s].run != nil }

func isStamp(s string) bool {
	_, err := time.ParseInLocation(stampLayout, s, china)
	return err == nil
}

// checkCommon holds the parameters against the table.
func (p params) checkCommon() *problem {
	for _, c := range commons {
		value := p[c.name]
		switch {
		case value == "" && c.need:
			return missing(c.short)
		case value == "":
		case len(value) > c.most:
			return invalid(c.short, fmt.Sprintf("The parameter %s is longer than %d.", c.name, c.most))
		case c.check != nil && !c.check(value):
			return invalid(c.short, "The parameter "+c.name+" has a value that is not allowed.")
		}
	}
	return nil
}

// checkMode holds the certificates' numbers against the mode of the application.
func (a *App) checkMode(p params, root string) *problem {
	switch {
	case a.CertSN == "":
		return nil // in public-key mode nobody looks at them
	case p["app_cert_sn"] == "":
		return missing("app-cert-sn")
	case p["alipay_root_cert_sn"] == "":
		return missing("alipay-root-cert-sn")
	case p["app_cert_sn"] != a.CertSN:
		return invalid("app-cert-sn", "app_cert_sn is not that of the application's certificate.")
	case p["alipay_root_cert_sn"] != root:
		return invalid("alipay-root-cert-sn", "alipay_root_cert_sn is not that of the root certificate.")
	}
	return nil
}

// authenticate says whose request it is. app is known as soon as app_id is: from
// there on even a refusal is signed.
func (w *Wallet) authenticate(call sandbox.Call) (app *App, p params, bad *problem) {
	if call.Request.Method != http.MethodPost {
		return nil, nil, invalid("method", "The gateway takes a form by POST.")
	}
	if p, bad = parseParams(call); bad != nil {
		return nil, p, bad
	}
	if p["app_id"] == "" {
		return nil, p, missing("app-id")
	}
	if app = w.apps[p["app_id"]]; app == nil {
		return nil, p, invalid("app-id", "The app_id is not known.")
	}
	if bad = p.checkCommon(); bad == nil {
		bad = app.checkMode(p, w.platform.RootSN)
	}
	if bad == nil {
		bad = app.verify(p)
	}
	if bad == nil && p["app_auth_token"] != "" {
		bad = &problem{"20001", "Insufficient Token Permissions", "aop.invalid-app-auth-token", "The authorization is not known."}
	}
	return app, p, bad
}

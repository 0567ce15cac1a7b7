package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
)

// shelf is gear of which the tests know what was done with it.
type shelf struct {
	done []string
	err  error
}

func (s *shelf) Found() ([]FoundDevice, error) {
	return []FoundDevice{
		{Path: "/dev/serial/by-id/usb-A", Node: "/dev/ttyACM0", What: "Honeywell Voyager", User: "1.scanner", Config: "[lane.scanner]"},
		{Path: "/dev/serial/by-id/usb-B", Node: "/dev/ttyUSB0", What: "Newland <FM430>", Config: "[lane.scanner]\ndriver = \"newland-cdc\""},
	}, s.err
}

func (s *shelf) Waiting(id string) int {
	if id == "printer.counter" {
		return 3
	}
	return 0
}

func (s *shelf) Drawer(id string) bool { return id == "printer.counter" }

func (s *shelf) Slips(id string) []KeptSlip {
	if id == "printer.counter" {
		return []KeptSlip{{time.Unix(1_780_000_000, 0), "  Corner shop\n  ¥12.80 <b>"}}
	}
	return nil
}

func (s *shelf) Try(_ context.Context, device, act string) (string, []any, error) {
	s.done = append(s.done, device+" "+act)
	return "devices.was_read", []any{18}, s.err
}

// counterDevices are one of each kind.
func counterDevices() []agent.DeviceStatus {
	absent := agent.Sentence{ID: "device.absent", Args: []string{"/dev/pole"}, English: "nothing is plugged in at /dev/pole"}
	return []agent.DeviceStatus{
		{ID: "1.scanner", Kind: agent.KindScanner, Lane: "1", Driver: "line", Path: "/dev/serial/by-id/usb-A", State: agent.DeviceReady},
		{ID: "printer.counter", Kind: agent.KindPrinter, Driver: "epson-tm-usb", Path: "/dev/usb/lp0", State: agent.DeviceDegraded,
			Reason: "the paper is out: put in a new roll; 3 slips are waiting", Say: agent.Sentence{ID: "device.paper_out", English: "the paper is out: put in a new roll"}},
		{ID: "display.pole", Kind: agent.KindDisplay, Lane: "1", Driver: "cd5220", Path: "/dev/pole", State: agent.DeviceAbsent, Reason: absent.English, Say: absent},
		{ID: "2.scanner", Kind: agent.KindScanner, Lane: "2", Driver: "line", Path: "/dev/x", State: agent.DeviceDisabled},
		{ID: "printer.bar", Kind: agent.KindPrinter, Driver: "generic-58", Path: "/dev/usb/lp1", State: agent.DeviceReady}, // no drawer hangs on it
	}
}

func devicesTerminal(t *testing.T) (*terminal, *shelf) {
	s := &shelf{}
	return newTerminal(t, func(o *Options) { o.Gear, o.Devices = s, counterDevices }), s
}

func TestTheDevicesPageTellsWhatTheCommandsTell(t *testing.T) {
	tm, _ := devicesTerminal(t)
	for lang, wants := range map[string][]string{
		"en": {"the paper is out: put in a new roll; 3 slips are waiting", "nothing is plugged in at /dev/pole", "Slips that wait: 3", "Honeywell Voyager", "Configured as 1.scanner",
			"Newland &lt;FM430&gt;", "  Corner shop\n  ¥12.80 &lt;b&gt;", "driver = &#34;newland-cdc&#34;", "/dev/ttyUSB0"},
		"zh-CN": {"打印纸用完了", "/dev/pole 上没有设备", "等待打印的小票：3", "已配置为 1.scanner"},
	} {
		a := tm.owner().do("GET", "/owner/devices?lang="+lang, "")
		for _, want := range wants {
			if !strings.Contains(a.body, want) {
				t.Errorf("%s lacks %q", lang, want)
			}
		}
		if lang != "en" && strings.Contains(a.body, "put in a new roll") {
			t.Errorf("%s speaks English", lang)
		}
		// What is used already is not offered again.
		if n := strings.Count(a.body, "<pre"); n != 2 {
			t.Errorf("%s: %d proposals and slips", lang, n)
		}
	}
}

func TestTheOwnerTriesDevicesOnThePage(t *testing.T) {
	tm, s := devicesTerminal(t)
	c := tm.owner()
	page := c.do("GET", "/owner/devices", "").body
	for _, c := range []struct {
		device string
		acts   []string
	}{{"1.scanner", []string{"read", "beep"}}, {"printer.counter", []string{"print", "drawer"}}, {"display.pole", []string{"try"}}, {"2.scanner", nil}, {"printer.bar", []string{"print"}}} {
		var got []string
		if _, form, ok := strings.Cut(page, `value="`+c.device+`"`); ok {
			form, _, _ = strings.Cut(form, "</form>")
			for _, act := range []string{"read", "beep", "show", "print", "drawer", "try"} {
				if strings.Contains(form, `name="act" value="`+act+`"`) {
					got = append(got, act)
				}
			}
		}
		if !slices.Equal(got, c.acts) {
			t.Errorf("%s is offered %v, want %v", c.device, got, c.acts)
		}
	}
	a := c.post("/owner/devices", "device", "1.scanner", "act", "read")
	if a.status != 200 || !strings.Contains(a.body, "Read a code of 18 characters.") {
		t.Errorf("answered %d %.2000s", a.status, a.body)
	}
	if !slices.Equal(s.done, []string{"1.scanner read"}) || !slices.ContainsFunc(tm.audits, func(a agent.Audit) bool {
		return a.Action == "device" && a.Actor == "person:own" && a.Object == "1.scanner read"
	}) {
		t.Errorf("done %q, written down %+v", s.done, tm.audits)
	}
	s.err = &agent.Error{Class: agent.Conflict, Code: agent.CodeLaneBusy, Say: agent.Sentence{ID: "error.lane_busy", English: "A payment is under way on this lane."}}
	if a := c.post("/owner/devices", "device", "1.scanner", "act", "read"); !strings.Contains(a.body, "A payment is under way on this lane.") {
		t.Errorf("the failure is not said: %.2000s", a.body)
	}
}

// What the page does not offer is not done, whoever writes the form.
func TestNothingElseIsDoneWithDevices(t *testing.T) {
	tm, s := devicesTerminal(t)
	for _, form := range [][2]string{{"1.scanner", "drawer"}, {"display.pole", "show"}, {"2.scanner", "read"}, {"9.scanner", "read"}, {"printer.counter", "format"}, {"printer.bar", "drawer"}, {"", ""}} {
		if a := tm.owner().post("/owner/devices", "device", form[0], "act", form[1]); a.status != 200 {
			t.Errorf("%v: %d", form, a.status)
		}
	}
	for who, c := range map[string]*client{"nobody": tm.page(), "a cashier": tm.signedIn("cas", "111111"), "a manager": tm.signedIn("mia", "222222")} {
		if a := c.post("/owner/devices", "device", "printer.counter", "act", "drawer"); a.status != 401 && a.status != 403 {
			t.Errorf("%s: %d", who, a.status)
		}
	}
	if len(s.done) > 0 {
		t.Errorf("done: %q", s.done)
	}
}

func TestWithoutGearThePageOnlyLooks(t *testing.T) {
	tm := newTerminal(t, func(o *Options) { o.Devices = counterDevices })
	if a := tm.owner().do("GET", "/owner/devices", ""); a.status != 200 || strings.Contains(a.body, `name="act"`) || strings.Contains(a.body, "Plugged in") {
		t.Errorf("%d %.2000s", a.status, a.body)
	}
	tm, s := devicesTerminal(t)
	s.err = errors.New("no sysfs")
	if a := tm.owner().do("GET", "/owner/devices", ""); a.status != 200 || strings.Contains(a.body, "Plugged in") {
		t.Errorf("without a tree: %d", a.status)
	}
}

func TestATillIsLetInForNexo(t *testing.T) {
	heard := ""
	tm := newTerminal(t, func(o *Options) {
		o.Till = func(w http.ResponseWriter, _ *http.Request, client string) { heard = client; fmt.Fprint(w, "{}") }
	})
	if a := tm.page().do("POST", "/nexo", "{}"); a.status != 403 && a.status != 401 {
		t.Errorf("a browser: %d", a.status)
	}
	if a := tm.signedIn("mia", "222222").do("POST", "/nexo", "{}"); a.status != 401 {
		t.Errorf("a person: %d", a.status)
	}
	if a := tm.till().do("POST", "/nexo", "{}"); a.status != 200 || heard != "till:till-1" {
		t.Errorf("a till: %d, heard %q", a.status, heard)
	}
}

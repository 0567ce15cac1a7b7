package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
)

// The owner tries each device of a shop that sells, on the page, and reads what came of
// it; a sale's slip stands on the page of a printer without hardware.
func TestTheOwnerTriesTheDevicesOfARunningShop(t *testing.T) {
	far, scanner := line(t)
	glass, display := line(t)
	text := strings.Replace(sound, `driver = "virtual"`, "driver = \"honeywell-voyager\"\npath = \""+scanner+"\"\nopen_grace = 0", 1) +
		"\n[[display]]\nname = \"pole\"\nlane = \"1\"\ndriver = \"cd5220\"\npath = \"" + display + "\"\n\n[[printer]]\nname = \"counter\"\ndriver = \"virtual\"\n"
	file := equipped(t, text)
	owned(t, file)
	r := started(t, file)
	r.ready()
	cookie := r.ownersCookie(file)
	try := func(device, act string) string {
		res, page := r.form("/owner/devices", cookie, url.Values{"device": {device}, "act": {act}})
		if res.StatusCode != http.StatusOK {
			t.Fatalf("%s %s: %d %s", device, act, res.StatusCode, page)
		}
		_, said, _ := strings.Cut(page, `role="status">`)
		said, _, _ = strings.Cut(said, "<")
		return said
	}
	for _, id := range []string{"1.scanner", "display.pole", "printer.counter"} {
		r.waits(id+" is ready", func() bool { return r.deviceState(id) == agent.DeviceReady })
	}
	seen := listening(glass, "CNY 12.34")
	if said := try("display.pole", "show"); !strings.Contains(said, "a code of no worth") {
		t.Errorf("show: %q", said)
	}
	if !heard(seen) {
		t.Error("the pole shows nothing")
	}
	told := listening(far, "\x16\x07\r")
	if said := try("1.scanner", "beep"); said != "The scanner was told to beep." {
		t.Errorf("beep: %q", said)
	}
	if !heard(told) {
		t.Fatal("the scanner heard no beep")
	}
	said := ""
	for range 20 { // a reading that a busy machine delivers too late is dropped, as at a counter
		on := listening(far, "\x16T\r") // switched on, as a payment would
		go func() {
			if heard(on) {
				_, _ = far.WriteString("6901234567892\r")
			}
		}()
		if said = try("1.scanner", "read"); strings.HasPrefix(said, "Read") {
			break
		}
	}
	if said != "Read a code of 13 characters." {
		t.Errorf("read: %q", said)
	}
	if said := try("printer.counter", "print"); said != "The printer says that it is done." {
		t.Errorf("print: %q", said)
	}
	if said := try("printer.counter", "drawer"); said != "" {
		t.Errorf("the drawer that a printer without hardware has not: %q", said)
	}
	if page := r.page("/owner/devices", cookie); !strings.Contains(page, "Test slip") || !strings.Contains(page, "<pre") {
		t.Errorf("the slip is not on the page: %.3000s", page)
	}
}

// A beep in the middle of a payment would say that the customer's code was taken.
func TestNobodyBeepsDuringAPayment(t *testing.T) {
	far, scanner := line(t)
	file := equipped(t, strings.Replace(sound, `driver = "virtual"`, "driver = \"honeywell-voyager\"\npath = \""+scanner+"\"\nopen_grace = 0", 1))
	owned(t, file)
	r := started(t, file)
	r.ready()
	cookie := r.ownersCookie(file)
	r.waits("the scanner is ready", func() bool { return r.deviceState("1.scanner") == agent.DeviceReady })
	on := listening(far, "\x16T\r")
	if status, answer := r.call("POST", "/api/v1/payments", `{"request_id":"b1","lane":"1","amount":{"value":1280,"currency":"CNY"},"reference":"7","mode":"scan"}`); status != http.StatusCreated {
		t.Fatalf("a payment: %d %v", status, answer)
	}
	if !heard(on) {
		t.Fatal("the scanner is not switched on")
	}
	res, page := r.form("/owner/devices", cookie, url.Values{"device": {"1.scanner"}, "act": {"beep"}})
	if res.StatusCode != http.StatusOK || !strings.Contains(page, "A payment is under way on this lane.") {
		t.Errorf("answered %d %.2000s", res.StatusCode, page)
	}
}

// deviceState is a device's state as the API tells it.
func (r *running) deviceState(id string) agent.DeviceState {
	_, status := r.call("GET", "/api/v1/status", "")
	list, _ := status["devices"].([]any)
	for _, d := range list {
		if m := d.(map[string]any); m["id"] == id {
			return agent.DeviceState(fmt.Sprint(m["state"]))
		}
	}
	return ""
}

// listening reads a device's line until a text has come, which closes the channel.
func listening(far *os.File, text string) <-chan struct{} {
	come := make(chan struct{})
	go func() {
		var got strings.Builder
		for buf := make([]byte, 256); !strings.Contains(got.String(), text); {
			n, err := far.Read(buf)
			if err != nil {
				return
			}
			got.Write(buf[:n])
		}
		close(come)
	}()
	return come
}

func heard(come <-chan struct{}) bool {
	select {
	case <-come:
		return true
	case <-time.After(patience):
		return false
	}
}

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// tillfleet runs a command of the fleet's operators on the shop's own service.
func (s *shop) tillfleet(args ...string) (string, int) {
	s.t.Helper()
	cmd := exec.Command(filepath.Join(bins, "tillfleet"), append(args, "--config", s.Fleet.Config)...)
	out, err := cmd.Output()
	if err != nil && cmd.ProcessState == nil {
		s.t.Fatalf("tillfleet %v: %v", args, err)
	}
	return string(out) + stderr(err), cmd.ProcessState.ExitCode()
}

// operates is a command that must do its work.
func (s *shop) operates(args ...string) string {
	s.t.Helper()
	out, rc := s.tillfleet(args...)
	if rc != 0 {
		s.t.Fatalf("tillfleet %v: exit %d\n%s", args, rc, out)
	}
	return out
}

// TestE2EBrowserFleet is the shop as its fleet's office sees and changes it: in the
// list, on the customer's display, on the owner's page, and sale by sale.
func TestE2EBrowserFleet(t *testing.T) {
	t.Parallel()
	open := browser(t)
	s := openShop(t)

	var list struct {
		Terminals []struct{ TID, Shop, Standing string }
	}
	if !until(func() bool {
		out, rc := s.tillfleet("ls", "--json")
		return rc == 0 && json.Unmarshal([]byte(out), &list) == nil && len(list.Terminals) == 1 && list.Terminals[0].Standing == "online" && list.Terminals[0].Shop != ""
	}) {
		out, rc := s.tillfleet("ls")
		t.Fatalf("the shop is not in the list: exit %d\n%s", rc, out)
	}

	display := open(s.Lanes[0].Display + "?lang=en")
	s.operates("cmd", "1", "display.message", "Back in five minutes", "ttl=120")
	display.has(`document.getElementById("say").textContent`, "Back in five minutes")

	s.operates("config", "set", "1", "shop.name=The fleet's shop", "--wait", "60s")
	owner := open(s.Owner + "?lang=en")
	owner.do(chromedp.WaitVisible(chromedp.CSS("#password")), chromedp.SendKeys(chromedp.CSS("#password"), s.OwnerPassword+kb.Enter))
	owner.sees(`String(document.querySelector(".tabs") !== null)`, "true")
	owner.do(chromedp.Navigate(strings.TrimSuffix(s.Owner, "/") + "/settings?lang=en"))
	owner.has(`document.body.innerText`, "changed by fleet:office.demo")
	owner.has(`[...document.querySelectorAll("input")].map((x) => x.value).join("|")`, "The fleet's shop")

	s.followed()

	// The terminal tells its state some seconds after a change, the page when it is loaded.
	page, text := open(s.Fleet.Page), ""
	if !until(func() bool {
		page.do(chromedp.Reload())
		text = page.eval(`document.body.innerText`)
		return strings.Contains(text, "The fleet's shop")
	}) {
		t.Errorf("the fleet's page says:\n%s", text)
	}
	if text := s.operates("show", "1"); !strings.Contains(text, "online for") || !strings.Contains(text, "display.message") || !strings.Contains(text, "scanner 1") {
		t.Errorf("show says:\n%s", text)
	}
	status, _, err := s.call(http.MethodGet, s.Fleet.Page+"readyz", "", nil)
	if err != nil || status != http.StatusNoContent {
		t.Errorf("the service is not ready: %d %v", status, err)
	}
}

// followed takes a sale while `tillfleet watch` looks.
func (s *shop) followed() {
	s.t.Helper()
	cmd := exec.Command(filepath.Join(bins, "tillfleet"), "watch", "1", "--stream", "tx", "--config", s.Fleet.Config)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	said, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	if first, err := bufio.NewReader(said).ReadString('\n'); err != nil || !strings.HasPrefix(first, "Watching") {
		s.t.Fatalf("watch says %q: %v", first, err)
	}
	lines := make(chan string, 100)
	go func() {
		defer close(lines)
		for r := bufio.NewScanner(out); r.Scan(); {
			lines <- r.Text()
		}
	}()
	p := s.open(0, 1280, "scan")
	s.scan(0, s.paycode(s.customer("approve")))
	paid := s.reaches(p, "paid")
	limit := time.After(patience)
	for seen := false; !seen; {
		select {
		case line, more := <-lines:
			if !more {
				s.t.Fatal("watch ended")
			}
			seen = strings.Contains(line, "wechat") && strings.Contains(line, "1280 CNY") && strings.Contains(line, "paid") && strings.Contains(line, fmt.Sprint(paid["order_no"]))
		case <-limit:
			s.t.Fatal("watch does not show the sale")
		}
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		s.t.Error(err)
	}
	for range lines { // until it has ended
	}
	if err := cmd.Wait(); err != nil {
		s.t.Errorf("interrupted, watch ends with %v", err)
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
	"tillwire/agent/words"
	"tillwire/cmd/cli"
	"tillwire/drivers"
	"tillwire/drivers/printer"
	"tillwire/drivers/printer/printertest"
	"tillwire/offline"
)

// rollPrinter keeps jobs and ends them when it is told to.
type rollPrinter struct{ jobs []agent.PrintJob }

func (r *rollPrinter) Print(j agent.PrintJob) error {
	r.jobs = append(r.jobs, j)
	return nil
}

// papers are the slips in short: their notices, title and whether they are marked.
func (r *rollPrinter) papers() (list []string) {
	for _, j := range r.jobs {
		var said []string
		if j.Slip.Marked {
			said = append(said, j.Slip.Mark)
		}
		for _, l := range j.Slip.Lines {
			if l.Kind == agent.SlipTitle || l.Kind == agent.SlipNotice || l.Kind == agent.SlipSum || l.Kind == agent.SlipStruck || l.Kind == agent.SlipPending {
				said = append(said, l.Text)
			}
		}
		if j.Drawer {
			said = append(said, "drawer")
		}
		list = append(list, strings.Join(said, " "))
	}
	return list
}

// counter is a shop that prints on rolls.
type counter struct {
	*printing
	roll  *rollPrinter
	facts map[agent.PaymentID][]agent.Fact
	ends  []string
}

func newCounter(t *testing.T, c printerConfig) *counter {
	t.Helper()
	w, err := words.New()
	if err != nil {
		t.Fatal(err)
	}
	s := &counter{roll: &rollPrinter{}, facts: map[agent.PaymentID][]agent.Fact{}}
	s.printing = &printing{printers: []shopPrinter{{c, s.roll}}, words: w, zone: time.UTC, shop: func() string { return "Corner shop" }, log: slog.New(slog.DiscardHandler)}
	s.payment = func(_ context.Context, id agent.PaymentID) (agent.Payment, error) { return s.of(t, id), nil }
	s.nameOf = func(_ context.Context, person string) (string, error) {
		if person != "x7" {
			return "", errors.New("nobody")
		}
		return "Mia", nil
	}
	s.printed = func(id agent.PaymentID, end agent.PrintEnd, by string) error {
		s.ends = append(s.ends, fmt.Sprint(id, " ", end, " ", by))
		return nil
	}
	return s
}

// of is a payment with its facts so far.
func (s *counter) of(t *testing.T, id agent.PaymentID) agent.Payment {
	t.Helper()
	status, err := agent.Decide(s.facts[id])
	if err != nil {
		t.Fatal(err)
	}
	return agent.Payment{ID: id, OrderNo: "TW0001" + string(id), Lane: "1", Amount: agent.Money{Value: 1280, Currency: "CNY"}, Facts: s.facts[id], Status: status}
}

// commit adds a fact and tells of it, as the journal does.
func (s *counter) commit(t *testing.T, id agent.PaymentID, f agent.Fact) {
	t.Helper()
	s.facts[id] = append(s.facts[id], f)
	s.committed(s.of(t, id))
}

var (
	paidFacts = []agent.Fact{{Kind: agent.FactOpened}, {Kind: agent.FactPayStarted, Op: agent.OpPay, Attempt: 1, Wallet: "alipay"}, {Kind: agent.FactApproved, Op: agent.OpPay, Amount: 1280}}
	both      = printerConfig{ID: "printer.counter", Language: "en", Print: []string{printPaid, printRefund}, Copies: []agent.Copy{agent.CopyCustomer, agent.CopyShop}, OpenDrawer: true}
)

func TestASaleIsPrintedOnceWhenItIsPaid(t *testing.T) {
	s := newCounter(t, both)
	for _, f := range paidFacts {
		s.commit(t, "A", f)
	}
	s.commit(t, "A", agent.Fact{Kind: agent.FactApproved, Op: agent.OpQuery, Amount: 1280}) // the wallet says it again
	s.commit(t, "A", agent.Fact{Kind: agent.FactPrinted})
	want := []string{"Receipt CUSTOMER COPY ¥12.80 drawer", "Receipt SHOP COPY ¥12.80"}
	if got := s.roll.papers(); !slices.Equal(got, want) {
		t.Errorf("printed %q, want %q", got, want)
	}
	s.roll.jobs[0].Done(agent.PrintCompleted)
	if want := []string{"A completed printer.counter"}; !slices.Equal(s.ends, want) {
		t.Errorf("recorded %q, want %q", s.ends, want)
	}
}

// The promise is printed at the counter; the money comes when nobody is there.
func TestASaleWithoutTheWalletsWordIsPrintedOnce(t *testing.T) {
	s := newCounter(t, both)
	s.printers[0].Print = printWords()
	p := agent.Payment{ID: "A", Lane: "1", Amount: agent.Money{Value: 1280, Currency: "CNY"}, Status: agent.Status{State: agent.OfflineAccepted, Accepted: time.Unix(1, 0)},
		Facts: []agent.Fact{{Kind: agent.FactOfflineAccepted}}}
	s.committed(p)
	p.Status.State, p.Facts = agent.Paid, append(p.Facts, agent.Fact{Kind: agent.FactApproved})
	s.committed(p)
	want := []string{"Accepted offline CUSTOMER COPY NOT YET COLLECTED ¥12.80 drawer", "Accepted offline SHOP COPY NOT YET COLLECTED ¥12.80"}
	if got := s.roll.papers(); !slices.Equal(got, want) {
		t.Errorf("printed %q, want %q", got, want)
	}
}

func TestARefundIsPrintedWhenItIsDone(t *testing.T) {
	s := newCounter(t, printerConfig{ID: "printer.counter", Language: "en", Print: []string{printRefund}, Copies: []agent.Copy{agent.CopyCustomer}})
	no := "TW0001AP1"
	for _, f := range append(slices.Clone(paidFacts), agent.Fact{Kind: agent.FactRefundRequested, RefundNo: no, Amount: 280}, agent.Fact{Kind: agent.FactRefundAccepted, RefundNo: no}, agent.Fact{Kind: agent.FactRefundDone, RefundNo: no}) {
		s.commit(t, "A", f)
	}
	if got, want := s.roll.papers(), []string{"Refund CUSTOMER COPY ¥2.80"}; !slices.Equal(got, want) {
		t.Errorf("printed %q, want %q", got, want)
	}
	if err := s.again(t.Context(), printRequest{Payment: "A", Refund: "P9"}); agent.ClassOf(err) != agent.NotFound {
		t.Errorf("a refund that there is not: %v", err)
	}
}

// Whoever holds the slip knows people by name, when it comes by itself and when it is asked for.
func TestARefundsSlipNamesWhoApprovedIt(t *testing.T) {
	const no = "TW0001AP1"
	for by, want := range map[string]string{"person:x7": "Mia", "person:gone": "person:gone", "tillwire": "tillwire"} {
		s := newCounter(t, printerConfig{ID: "printer.counter", Language: "en", Print: []string{printRefund}, Copies: []agent.Copy{agent.CopyCustomer}})
		for _, f := range append(slices.Clone(paidFacts), agent.Fact{Kind: agent.FactRefundRequested, RefundNo: no, Amount: 280, By: by}, agent.Fact{Kind: agent.FactRefundDone, RefundNo: no}) {
			s.commit(t, "A", f)
		}
		if err := s.again(t.Context(), printRequest{Payment: "A", Refund: no}); err != nil || len(s.roll.jobs) != 2 {
			t.Fatalf("%d slips, %v", len(s.roll.jobs), err)
		}
		for _, j := range s.roll.jobs {
			if !slices.Contains(j.Slip.Lines, agent.SlipLine{Kind: agent.SlipPair, Text: "Approved by", Value: want}) {
				t.Errorf("approved by %s: the slip does not say %q: %+v", by, want, j.Slip.Lines)
			}
		}
	}
}

// What may be in somebody's hand already comes out marked, and only that.
func TestASlipThatIsAskedForIsMarkedWhenAnEarlierOneMayExist(t *testing.T) {
	failed := func(end agent.PrintEnd) agent.Fact { return agent.Fact{Kind: agent.FactPrintFailed, Code: string(end)} }
	quiet := both
	quiet.Print = nil
	for _, c := range []struct {
		name  string
		facts []agent.Fact
		shop  printerConfig
		want  string
	}{
		{"printed", append(slices.Clone(paidFacts), agent.Fact{Kind: agent.FactPrinted}), both, "DUPLICATE Receipt ¥12.80"},
		{"nobody told its end", append(slices.Clone(paidFacts), failed(agent.PrintDoubtful)), both, "DUPLICATE Receipt ¥12.80"},
		{"nothing came out", append(slices.Clone(paidFacts), failed(agent.PrintNothing)), both, "Receipt ¥12.80"},
		{"the agent died over it", paidFacts, both, "DUPLICATE Receipt ¥12.80"},
		{"it was never to be printed", paidFacts, quiet, "Receipt ¥12.80"},
		{"not paid yet", paidFacts[:2], both, "Not confirmed ¥12.80"},
	} {
		s := newCounter(t, c.shop)
		s.facts["A"] = c.facts
		if err := s.again(t.Context(), printRequest{Payment: "A"}); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if got := s.roll.papers(); !slices.Equal(got, []string{c.want}) {
			t.Errorf("%s: printed %q, want %q", c.name, got, c.want)
		}
	}
}

func TestALaneWithoutAPrinterSaysSo(t *testing.T) {
	c := both
	c.Lanes = []string{"2"}
	s := newCounter(t, c)
	for _, f := range paidFacts {
		s.commit(t, "A", f)
	}
	if err := s.again(t.Context(), printRequest{Payment: "A"}); agent.ClassOf(err) != agent.Unavailable || len(s.roll.jobs) != 0 {
		t.Errorf("%v, %q", err, s.roll.papers())
	}
	if err := s.again(t.Context(), printRequest{Payment: "A", Printer: "printer.conter"}); err == nil || !strings.Contains(err.Error(), "printer.counter") {
		t.Errorf("a name that is nearly right: %v", err)
	}
	if err := s.again(t.Context(), printRequest{Payment: "A", Printer: "printer.counter"}); err != nil {
		t.Error(err)
	}
}

// atNoon is the sound configuration of a shop where it is between noon and one o'clock:
// its day does not end between a sale and the day's report.
func atNoon() string {
	zone := fmt.Sprintf("Etc/GMT%+d", time.Now().UTC().Hour()-12) // whose signs are the other way round
	return strings.Replace(sound, "Asia/Shanghai", zone, 1)
}

// soldOne puts one payment that is paid into a stopped agent's store.
func soldOne(t *testing.T, file string) agent.PaymentID {
	t.Helper()
	owned(t, file)
	store, err := offline.Open(t.Context(), offline.Options{Dir: filepath.Join(filepath.Dir(file), "data"), Clock: agent.NewSystemClock(), Log: slog.New(slog.DiscardHandler),
		Timers: func(string) agent.Timers { return agent.DefaultTimers("wechat") }})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	p := agent.Payment{ID: "01JZ3N8Q4T6V8W0X2Y4Z6A8B0C", OrderNo: "DEMO01" + "01JZ3N8Q4T6V8W0X2Y4Z6A8B0C", Client: "till:till-1", RequestID: "r", RequestHash: []byte("h"),
		Lane: "1", Amount: agent.Money{Value: 1280, Currency: "CNY"}, Mode: agent.ModeScan, Created: now}
	facts := slices.Clone(paidFacts)
	for i := range facts {
		facts[i].At = now
		if facts[i].Wallet != "" {
			facts[i].Wallet = "wechat"
		}
	}
	p, err = store.Open(t.Context(), p, facts[0])
	for _, f := range facts[1:] {
		if err == nil {
			p, err = store.Record(t.Context(), p.ID, p.Version, f)
		}
	}
	if err = errors.Join(err, store.Close()); err != nil {
		t.Fatal(err)
	}
	return p.ID
}

func TestARunningShopPrints(t *testing.T) {
	m := printertest.New()
	socket := printertest.Listen(t, m)
	file := equipped(t, atNoon()+fmt.Sprintf("\n[[printer]]\nname = \"counter\"\ndriver = \"cn-gb18030\"\naddress = %q\nproof = true\nlanguage = \"zh-CN\"\n", socket.Address))
	id := soldOne(t, file)
	r := started(t, file)
	r.ready()
	sheets := func(n int) printertest.Sheet {
		t.Helper()
		r.waits("paper", func() bool { return len(m.Sheets()) >= n })
		return m.Sheets()[n-1]
	}
	holds := func(s printertest.Sheet, words ...string) {
		t.Helper()
		text := strings.Join(s.Lines, "\n")
		for _, w := range words {
			if !strings.Contains(text, w) {
				t.Errorf("the paper lacks %q:\n%s", w, text)
			}
		}
	}
	if out := invoke(t, "", "payments", "print", string(id), "--copy", "shop", "--config", file); out.code != cli.Fine {
		t.Fatalf("%+v", out)
	}
	holds(sheets(1), "补打", "小票", "商户联", "12.80", "微信")
	r.waits("the fact", func() bool {
		_, p := r.call("GET", "/api/v1/payments/"+string(id), "")
		return strings.Contains(fmt.Sprint(p["facts"]), "printed")
	})
	if code, answer := r.call("POST", "/api/v1/payments/"+string(id)+"/print", ""); code != http.StatusAccepted {
		t.Fatalf("%d %v", code, answer)
	}
	holds(sheets(2), "补打", "12.80")
	if out := invoke(t, "", "payments", "report", "--print", "--config", file); out.code != cli.Fine {
		t.Fatalf("%+v", out)
	}
	holds(sheets(3), "X 报表", "12.80", "尚未结束")
	if out := invoke(t, "", "devices", "test", "printer.counter", "--drawer", "--config", file); out.code != cli.Fine {
		t.Errorf("%+v", out)
	}
	r.waits("the drawer", func() bool { return m.Pulses() == 1 })
	if out := invoke(t, "", "devices", "test", "printer.counter", "--config", file); out.code != cli.Fine || !strings.Contains(out.stdout, "says that it is done") {
		t.Errorf("%+v", out)
	}
	if codes := sheets(4).Codes; len(codes) != 1 || codes[0].Payload != "https://example.org/tillwire-test" {
		t.Errorf("codes %+v", codes)
	}
	if p := m.Problems(); len(p) > 0 {
		t.Errorf("the printer stumbled over %q", p)
	}
	m.Roll(0)
	r.waits("the page's word", func() bool {
		_, s := r.call("GET", "/api/v1/status", "")
		return strings.Contains(fmt.Sprint(s["text"]), "put in a new roll")
	})
}

// slowPrinter prints every job well after so long.
type slowPrinter time.Duration

func (p slowPrinter) Print(j agent.PrintJob) error {
	go func() {
		<-time.After(time.Duration(p))
		j.Done(agent.PrintCompleted)
	}()
	return nil
}

// Beside a running agent, too, a trial's end is waited for as long as --wait says.
func TestATrialIsWaitedForAsLongAsWasSaid(t *testing.T) {
	for name, c := range map[string]struct {
		wait, ends time.Duration
		want       agent.PrintEnd
	}{
		"in time":            {30 * time.Second, 20 * time.Second, agent.PrintCompleted},
		"too late":           {10 * time.Second, 20 * time.Second, ""},
		"nobody says":        {0, 3 * time.Second, agent.PrintCompleted},
		"nobody says, later": {0, 20 * time.Second, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newCounter(t, both)
				s.printers[0].printer = slowPrinter(c.ends)
				d := &agentd{clock: agent.NewSystemClock(), printing: s.printing}
				began := time.Now()
				end, err := d.testPrinter(t.Context(), testRequest{Device: "printer.counter", Wait: c.wait})
				if err != nil || end != c.want || time.Since(began) > 20*time.Second {
					t.Errorf("after %s: %q, %v", time.Since(began), end, err)
				}
				gone, cancel := context.WithCancel(t.Context())
				cancel()
				if end, err := d.testPrinter(gone, testRequest{Device: "printer.counter", Wait: time.Hour}); end != "" || err != nil {
					t.Errorf("for somebody who has gone: %q, %v", end, err)
				}
				<-time.After(2 * c.ends) // the printer is done
			})
		})
	}
}

func TestSlipsAreWrittenWithoutAPrinter(t *testing.T) {
	file := equipped(t, atNoon())
	id := soldOne(t, file)
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"payments print " + string(id) + " --text", cli.Fine, "¥12.80"},
		{"payments print " + string(id) + " --text --language zh-CN --columns 32", cli.Fine, "小票"},
		{"payments print " + string(id) + " --text --json", cli.Fine, `"lines"`},
		{"payments print " + string(id) + " --text --language de", cli.Usage, "en, ar, fr"},
		{"payments print " + string(id) + " --text --columns 5", cli.Usage, "16 to 200"},
		{"payments print " + string(id) + " --text --copy shp", cli.Usage, `"shop"`},
		{"payments print " + string(id) + " --text --refund P1", cli.Found, "no refund"},
		{"payments print " + string(id), cli.Found, "Start it, or write the slip with --text"},
		{"payments report", cli.Fine, "X report"},
		{"payments report", cli.Fine, "TEST - no money moves"},
		{"payments report --day 2020-02-30", cli.Usage, "2006-01-02"},
		{"payments report --day 2999-01-01", cli.Usage, "has not begun"},
		{"payments report --day 2020-02-03", cli.Fine, "Z report"},
		{"payments report --json", cli.Fine, `"captured": 1280`},
		{"payments report --print", cli.Found, "leave out --print"},
	} {
		r := invoke(t, "", append(strings.Fields(c.args), "--config", file)...)
		if r.code != c.code || !strings.Contains(r.stdout+r.stderr, c.want) {
			t.Errorf("%s: exit %d, want %d and %q\n%s%s", c.args, r.code, c.code, c.want, r.stdout, r.stderr)
		}
	}
}

// TestWhatAPrinterHasNoLettersForIsInEnglish: a shop in Thai with a printer that knows no Thai
// gets slips that can be read, and is told once; who writes the language down means it.
func TestWhatAPrinterHasNoLettersForIsInEnglish(t *testing.T) {
	for _, c := range []struct{ language, table, slips, do string }{
		{"fr", "driver = \"epson-tm-usb\"", "fr", ""},
		{"fr", "driver = \"cn-gb18030\"", "en", "cp1252, cp437, cp850, cp858"},
		{"pt-BR", "driver = \"generic-58\"", "en", "cp850"},
		{"pt-BR", "driver = \"generic-58\"\ncharset = \"cp850\"", "pt-BR", ""},
		{"th", "driver = \"epson-tm-usb\"", "en", "language = \"en\""},
		{"ar", "driver = \"epson-tm-usb\"\nlanguage = \"en\"", "en", ""},
		{"zh-CN", "driver = \"cn-gb18030\"", "zh-CN", ""},
		{"zh-CN", "driver = \"epson-tm-usb\"", "en", "gb18030"},
		{"en", "driver = \"generic-58\"\nlanguage = \"th\"", "th", ""}, // the driver refuses it and says why
	} {
		text := strings.Replace(sound, `language = "en"`, fmt.Sprintf("language = %q", c.language), 1)
		cfg, faults, err := readConfig(equipped(t, text+"\n[[printer]]\n"+c.table+"\npath = \"/dev/usb/lp0\"\n"))
		if err != nil {
			t.Fatal(err)
		}
		if list := cfg.printers(); len(list) != 1 || list[0].Language != c.slips {
			t.Errorf("%s, %s: %+v, want slips in %s", c.language, c.table, list, c.slips)
		}
		if told := len(faults) == 1 && faults[0].Key == "printer[0].language" && !faults[0].Fatal && strings.Contains(faults[0].Do, c.do); told != (c.do != "") {
			t.Errorf("%s, %s: %+v, want %q", c.language, c.table, faults, c.do)
		}
	}
}

func TestTablesOfPrintersAndDisplaysAreStrict(t *testing.T) {
	for _, c := range []struct{ table, key, do string }{
		{"[[printer]]\ndriver = \"epson-tm-usb\"\npath = \"/dev/usb/lp0\"", "", ""},
		{"[[printer]]\ndriver = \"epson\"", "printer[0].driver", "epson-tm"},
		{"[[printer]]\ndriver = \"generic-58\"\nname = \"a b\"", "printer[0].name", "letters"},
		{"[[printer]]\ndriver = \"generic-58\"\nname = \"a\"\n[[printer]]\ndriver = \"generic-58\"\nname = \"a\"", "printer[1].name", "its own name"},
		{"[[printer]]\ndriver = \"generic-58\"\nlanes = [\"3\"]", "printer[0].lanes", ""},
		{"[[printer]]\ndriver = \"generic-58\"\nlanes = \"1\"", "printer[0].lanes", "["},
		{"[[printer]]\ndriver = \"generic-58\"\nprint = [\"payd\"]", "printer[0].print", "paid"},
		{"[[printer]]\ndriver = \"generic-58\"\ncopies = [\"customers\"]", "printer[0].copies", "customer"},
		{"[[printer]]\ndriver = \"generic-58\"\nlanguage = \"de\"", "printer[0].language", "en, ar, fr"},
		{"[[printer]]\ndriver = \"generic-58\"\nopen_drawer = \"yes\"", "printer[0].open_drawer", "quotes"},
		{"[[printer]]\ndriver = \"generic-58\"\nopen_drawer = true\ndrawer = \"none\"", "printer[0].open_drawer", "pin2"},
		{"[[printer]]\ndriver = \"generic-58\"\nopen_drawer = true\ndrawer = \"pin5\"\npath = \"/dev/usb/lp0\"", "", ""},
		{"[[display]]\ndriver = \"cd5220\"\npath = \"/dev/ttyUSB0\"\nlane = \"1\"", "", ""},
		{"[[display]]\ndriver = \"cd5220\"", "display[0].lane", ""},
		{"[[display]]\ndriver = \"kiosk\"\nlane = \"1\"", "display[0].driver", ""},
		{"[[display]]\ndriver = \"cd522\"\nlane = \"1\"", "display[0].driver", "cd5220"},
	} {
		_, faults, err := readConfig(equipped(t, sound+"\n"+c.table+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		if c.key == "" && len(faults) == 0 {
			continue
		}
		if len(faults) != 1 || faults[0].Key != c.key || !strings.Contains(faults[0].Do, c.do) || faults[0].Fatal || faults[0].Line == 0 {
			t.Errorf("%s\n%+v, want one at %s that says %q", c.table, faults, c.key, c.do)
		}
	}
	unit := registry().Build(drivers.Config{ID: "p", Kind: agent.KindPrinter, Driver: "generic-58", Path: "/dev/usb/lp0", Keys: map[string]any{"papr": "58"}}, drivers.Env{Clock: agent.NewSystemClock()})
	if unit.Err == nil {
		t.Error("a driver takes a key that it does not know")
	}
}

// glassDisplay is a display that may be away.
type glassDisplay struct {
	err   error
	shown []agent.ScreenKind
}

func (g *glassDisplay) Show(_ context.Context, s agent.Screen) error {
	g.shown = append(g.shown, s.Kind)
	return g.err
}

func TestDisplaysOfALaneShowTheSame(t *testing.T) {
	gone := &agent.Error{Op: "show", Class: agent.Unavailable}
	broken := errors.New("broken")
	for _, c := range []struct {
		a, b error
		want error
	}{{nil, nil, nil}, {gone, nil, nil}, {gone, gone, gone}, {broken, gone, broken}, {nil, broken, broken}} {
		a, b := &glassDisplay{err: c.a}, &glassDisplay{err: c.b}
		err := screens{a, b}.Show(t.Context(), agent.Screen{Kind: agent.ScreenPaid})
		if c.want == nil && err != nil || !errors.Is(err, c.want) {
			t.Errorf("%v and %v: %v", c.a, c.b, err)
		}
		if len(a.shown) != 1 || len(b.shown) != 1 {
			t.Errorf("%v and %v: shown %d and %d times", c.a, c.b, len(a.shown), len(b.shown))
		}
	}
}

func TestThePaperOfTheCommandIsThatOfThePrinter(t *testing.T) {
	voice := agent.PlainVoice(time.UTC)
	if got := printer.Text(agent.TrialSlip(voice, "printer.1", time.Unix(0, 0)), textNarrow); !strings.Contains(got, "1234.56 CNY") || !strings.Contains(got, "printer.1") {
		t.Error(got)
	}
}

package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"tillwire/cmd/cli"
)

// nexo is a message of a till.
func nexo(category, service, body string) string {
	return fmt.Sprintf(`{"SaleToPOIRequest":{"MessageHeader":{"ProtocolVersion":"3.0","MessageClass":"Service","MessageCategory":%q,"MessageType":"Request","ServiceID":%q,"SaleID":"T1","POIID":"POI-1"},%s}}`, category, service, body)
}

func nexoPayment(service string) string {
	return nexo("Payment", service, `"PaymentRequest":{"SaleData":{"SaleTransactionID":{"TransactionID":"sale `+service+`","TimeStamp":"2026-05-01T10:00:00Z"}},"PaymentTransaction":{"AmountsReq":{"Currency":"CNY","RequestedAmount":12.80}}}`)
}

func nexoStatus(id, service string) string {
	return nexo("TransactionStatus", id, `"TransactionStatusRequest":{"MessageReference":{"MessageCategory":"Payment","ServiceID":"`+service+`"}}`)
}

// A till that knows nothing but nexo sells through the shipped agent: it asks what became
// of a payment while that runs, loses the answer, sends the message again after a restart,
// and one customer is charged once. Then it aborts another.
func TestATillThatSpeaksNexo(t *testing.T) {
	pay, ask := nexoPayment, nexoStatus
	cloud, err := openJointCloud()
	if err != nil {
		t.Fatal(err)
	}
	defer cloud.close()
	file := equipped(t, strings.Replace(sound, "http://127.0.0.1:1", cloud.base, 1)+"\n[[nexo]]\npoi = \"POI-1\"\nlane = \"1\"\n")
	owned(t, file)
	r := started(t, file)
	r.ready()
	if status, _ := r.anonymous("POST", "/nexo", pay("S1")); status != http.StatusUnauthorized {
		t.Errorf("without a token: %d", status)
	}

	answers := make(chan string, 1)
	send := func(body string) {
		go func() { _, a := r.call("POST", "/nexo", body); answers <- fmt.Sprint(a["text"]) }()
	}
	send(pay("S1"))
	r.waits("the payment runs", func() bool {
		_, a := r.call("POST", "/nexo", ask("A1", "S1"))
		return strings.Contains(fmt.Sprint(a["text"]), `"ErrorCondition":"InProgress"`)
	})
	r.call("POST", "/api/v1/lanes/1/scan", `{"text":"130000000000000001"}`)
	first := <-answers
	// A till that has forgotten its numbers asks for its last payment, and how the register is.
	last := nexo("TransactionStatus", "L1", `"TransactionStatusRequest":{}`)
	if _, a := r.call("POST", "/nexo", last); !strings.Contains(fmt.Sprint(a["text"]), `"MessageReference":{"MessageCategory":"Payment","SaleID":"T1","ServiceID":"S1"}`) {
		t.Errorf("its last payment: %v", a["text"])
	}
	r.waits("a register that is well", func() bool {
		_, a := r.call("POST", "/nexo", nexo("Diagnosis", "D1", `"DiagnosisRequest":{"HostDiagnosisFlag":true}`))
		text := fmt.Sprint(a["text"])
		return strings.Contains(text, `"CardReaderOKFlag":true`) && strings.Contains(text, `{"AcquirerID":"wechat","IsReachableFlag":true}`)
	})
	if !strings.Contains(first, `"Result":"Success"`) || !strings.Contains(first, `"AuthorizedAmount":12.80`) || !strings.Contains(first, `"PaymentBrand":"wechat"`) {
		t.Fatalf("answered %s", first)
	}
	if code := r.ended(); code != cli.Fine {
		t.Fatalf("the agent ended with %d", code)
	}

	r = started(t, file)
	r.ready()
	if _, a := r.call("POST", "/nexo", ask("A2", "S1")); !strings.Contains(fmt.Sprint(a["text"]), `"RepeatedResponseMessageBody":{"PaymentResponse":{"Response":{"Result":"Success"}`) {
		t.Errorf("after a restart: %v", a)
	}
	if _, a := r.call("POST", "/nexo", last); !strings.Contains(fmt.Sprint(a["text"]), `"ServiceID":"S1"`) {
		t.Errorf("its last payment after a restart: %v", a["text"])
	}
	if _, a := r.call("POST", "/nexo", pay("S1")); a["text"] != first {
		t.Errorf("sent again it answers %s, first %s", a["text"], first)
	}
	if codes, paid := cloud.books(); len(codes) != 1 || paid != 1 {
		t.Errorf("the cloud was asked for %d orders and took money for %d", len(codes), paid)
	}

	send(pay("S2"))
	r.waits("the second payment runs", func() bool {
		_, a := r.call("POST", "/nexo", ask("A3", "S2"))
		return strings.Contains(fmt.Sprint(a["text"]), `"ErrorCondition":"InProgress"`)
	})
	if status, a := r.call("POST", "/nexo", nexo("Abort", "A4", `"AbortRequest":{"MessageReference":{"MessageCategory":"Payment","ServiceID":"S2"}}`)); status != http.StatusOK || a["text"] != "" {
		t.Errorf("the abort answers %d %v", status, a)
	}
	if second := <-answers; !strings.Contains(second, `"Result":"Failure","ErrorCondition":"Aborted"`) {
		t.Errorf("the aborted payment answers %s", second)
	}
}

// What is wrong with a register's table is said with its place, and stops nothing else.
func TestNexoTablesAreChecked(t *testing.T) {
	for table, want := range map[string]string{
		"poi = \"\"\nlane = \"1\"":                           `"" is no POIID`,
		"poi = \"P\"\nlane = \"9\"":                          `there is no lane "9"`,
		"poi = \"P\"\nlane = \"1\"\nkey_id = \"shop\"":       "messages are not protected",
		"poi = \"P\"\nlane = \"1\"\npassphrse = \"secrets\"": "there is no such key",
	} {
		file := equipped(t, sound+"\n[[nexo]]\n"+table+"\n")
		if r := invoke(t, "", "check", "--no-network", "--config", file); r.code != cli.Found || !strings.Contains(r.stdout, want) {
			t.Errorf("%s: %+v", table, r)
		}
	}
}

// anonymous is call without the till's token.
func (r *running) anonymous(method, path, body string) (int, error) {
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.base+path, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, res.Body.Close()
}

package web

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tillwire/agent"
)

// document is openapi.yaml as far as these tests read it: indentation of two per
// level, one member a line.
func document(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(text), "\n")
}

func TestTheDocumentAndTheRoutesAgree(t *testing.T) {
	var described, served []string
	path, inPaths := "", false
	for _, line := range document(t) {
		switch {
		case line == "paths:":
			inPaths = true
		case inPaths && line != "" && line[0] != ' ':
			inPaths = false
		case inPaths && strings.HasPrefix(line, "  /"):
			path = strings.TrimSuffix(strings.TrimSpace(line), ":")
		case inPaths && regexp.MustCompile(`^    (get|post|put|delete|patch):$`).MatchString(line):
			described = append(described, strings.ToUpper(strings.Trim(line, " :"))+" "+path)
		}
	}
	for _, c := range newTerminal(t).web.calls() {
		served = append(served, c.method+" "+c.path)
	}
	slices.Sort(described)
	slices.Sort(served)
	if !slices.Equal(described, served) {
		t.Errorf("described %v\nserved    %v", described, served)
	}
}

// schema lists the members that the document gives a schema.
func schema(t *testing.T, name string) (members []string) {
	t.Helper()
	schemas, inside := false, false
	for _, line := range document(t) {
		switch {
		case line == "  schemas:":
			schemas = true
		case schemas && line == "    "+name+":":
			inside = true
		case inside && strings.HasPrefix(line, "    ") && line[4] != ' ':
			return members
		case inside && regexp.MustCompile(`^        [a-z_]+:`).MatchString(line):
			members = append(members, strings.SplitN(strings.TrimSpace(line), ":", 2)[0])
		}
	}
	return members
}

// members lists what a type's JSON can have.
func members(v any) (list []string) {
	for _, f := range reflect.VisibleFields(reflect.TypeOf(v)) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "" && name != "-" {
			list = append(list, name)
		}
	}
	return list
}

func TestTheDocumentAndTheTypesAgree(t *testing.T) {
	for name, v := range map[string]any{
		"Payment": paymentJSON{}, "Refund": refundJSON{}, "Fact": factJSON{}, "Receipt": receiptJSON{}, "Person": personJSON{}, "Problem": problemJSON{},
		"Status": statusJSON{}, "Lane": laneJSON{}, "Wallet": walletJSON{}, "Payer": payerJSON{}, "Shift": shiftJSON{}, "ShiftSum": shiftSum{}, "Parked": parkedJSON{}, "Offline": offlineJSON{}, "Stored": storedJSON{}, "Sum": sumJSON{}, "Accepted": acceptedJSON{}, "Device": agent.DeviceStatus{}, "Request": agent.Request{}, "Money": agent.Money{},
	} {
		got, want := schema(t, name), members(v)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s is described with %v and has %v", name, got, want)
		}
	}
}

func TestTheDocumentKnowsEveryStatus(t *testing.T) {
	text := strings.Join(document(t), "\n")
	all, err := json.Marshal(States())
	if err != nil {
		t.Fatal(err)
	}
	list := strings.NewReplacer(`"`, "", ",", ", ").Replace(string(all))
	if !strings.Contains(text, "status: { enum: "+list) {
		t.Errorf("the statuses are %s", list)
	}
	for _, edge := range agent.Edges() {
		for _, s := range edge {
			if s != "" && !slices.Contains(States(), s) {
				t.Errorf("the list filter does not know %s", s)
			}
		}
	}
}

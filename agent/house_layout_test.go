package agent_test

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

const module = "tillwire/"

// The furniture of the house. A name is added here when the design is changed, not when code
// happens to need it.
var (
	top = []string{
		"agent", "drivers", "offline", "cmd", "packaging", "go.mod", "go.sum", "Makefile",
		"README.md", "LICENSE", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md",
	}

	// leaves may be imported by every room; they import nothing of ours but the root of agent.
	leaves = []string{"agent/qr", "agent/words", "agent/wallet/emvqr", "agent/wallet/voucher", "drivers/serial"}

	// suites and instruments are for tests: any test may import them, no shipped code may.
	testOnly = []string{"agent/wallet/wallettest", "agent/sandbox/sandboxtest", "drivers/scanner/scannertest", "offline/journaltest", "offline/faultfs", "drivers/printer/printertest", "drivers/display/displaytest", "agent/fleet/service/storetest", "agent/fleet/brokertest", "agent/logtest"}

	// reserved packages are imported by their command and by tests, by nobody else.
	reserved = map[string]string{
		"agent/sandbox":       "cmd/tillcloud",
		"agent/fleet/service": "cmd/tillfleet",
	}

	// wrapped names the folders below which a library with known traps may be imported. The sandbox
	// keeps a ledger of its own because it must share no storage code with the agent it judges.
	wrapped = map[string][]string{
		"go.bug.st/serial":                    {"drivers/serial"},
		"github.com/skip2/go-qrcode":          {"agent/qr"},
		"github.com/mattn/go-sqlite3":         {"offline", "agent/sandbox"},
		"github.com/eclipse/paho.mqtt.golang": {"agent/fleet"},
		"github.com/nats-io/nats.go":          {"agent/fleet/jetstream"},
	}
)

func topNames(h *house) (found []offence) {
	for _, f := range h.files {
		name, _, _ := strings.Cut(f.path, "/")
		if !strings.HasPrefix(name, ".") && !slices.Contains(top, name) {
			found = append(found, offence{name, "is not one of the names that stand at the top"})
		}
	}
	return slices.Compact(sorted(found))
}

// below holds for a folder itself and for everything in it.
func below(dir, root string) bool { return dir == root || strings.HasPrefix(dir, root+"/") }

func belowAny(dir string, roots []string) bool {
	return slices.ContainsFunc(roots, func(root string) bool { return below(dir, root) })
}

func imports(h *house) (found []offence) {
	for _, f := range h.goFiles(func(*file) bool { return true }) {
		for _, target := range f.imports() {
			if why := refuse(f, target); why != "" {
				found = append(found, offence{f.path, fmt.Sprintf("imports %s: %s", target, why)})
			}
		}
	}
	return found
}

// refuse answers why a file may not import a package, or nothing when it may.
func refuse(f *file, target string) string {
	dir := f.dir()
	to, ours := strings.CutPrefix(target, module)
	if !ours {
		if dir == "agent" && !f.isTest() && strings.Contains(strings.Split(target, "/")[0], ".") {
			return "the root of agent imports only the standard library"
		}
		return ""
	}
	if why := refuseTestOnly(f, to); why != "" {
		return why
	}
	switch {
	case dir == to && f.isTest(), below(dir, "cmd"), to == "agent" && dir != "agent":
		return ""
	case below(dir, "agent/sandbox"):
		if below(to, "agent/sandbox") || to == "agent/qr" || to == "agent/words" {
			return ""
		}
		return "the sandbox shares nothing with what it judges"
	case f.isTest() && (belowAny(to, testOnly) || below(to, "agent/sandbox")):
		return ""
	case slices.Contains(leaves, dir) || dir == "agent" || dir == "packaging":
		return "a leaf imports nothing of ours but the root of agent"
	case slices.Contains(leaves, to), standsUnder(dir, to):
		return ""
	}
	return "neighbours never import each other"
}

// refuseTestOnly guards the packages that only a test or one command may import.
func refuseTestOnly(f *file, to string) string {
	if f.isTest() {
		return ""
	}
	dir := f.dir()
	if belowAny(to, testOnly) && !belowAny(dir, testOnly) {
		return "a test suite or instrument is for tests only"
	}
	for root, command := range reserved {
		if below(to, root) && !below(dir, root) && !below(dir, command) {
			return "only " + command + " and tests import it"
		}
	}
	return ""
}

// standsUnder holds when to is a root above dir. A room inside a leaf (a table of schemes under the
// EMV reader) sees no further up than that leaf.
func standsUnder(dir, to string) bool {
	if !strings.HasPrefix(dir, to+"/") {
		return false
	}
	for _, leaf := range leaves {
		if below(dir, leaf) {
			return below(to, leaf)
		}
	}
	return true
}

func wrappedOnce(h *house) (found []offence) {
	for _, f := range h.goFiles(func(f *file) bool { return !f.isTest() }) {
		for _, target := range f.imports() {
			for library, homes := range wrapped {
				if below(target, library) && !belowAny(f.dir(), homes) {
					found = append(found, offence{f.path, fmt.Sprintf("imports %s, which is wrapped in %s", target, strings.Join(homes, " and "))})
				}
			}
		}
	}
	return found
}

func drawerNames(h *house) (found []offence) {
	for _, dir := range h.packages() {
		if slices.Contains([]string{"util", "utils", "common", "helper", "helpers", "misc", "shared"}, path.Base(dir)) {
			found = append(found, offence{dir, "is named after nothing it does"})
		}
	}
	return found
}

// measured names the kinds of file whose length a person feels. Descriptions and data are exempt.
var measured = []string{".go", ".js", ".mjs", ".css", ".html", ".sql", ".sh"}

func fileLength(h *house) (found []offence) {
	for _, f := range h.files {
		if slices.Contains(measured, path.Ext(f.path)) && f.lines > 600 {
			found = append(found, offence{f.path, fmt.Sprintf("has %d lines", f.lines)})
		}
	}
	return found
}

func rootSize(h *house) (found []offence) {
	lines := 0
	for _, f := range h.pkg("agent") {
		if !f.isTest() {
			lines += f.lines
		}
	}
	if lines >= 3000 {
		found = append(found, offence{"agent", fmt.Sprintf("has %d lines; split it by idea, not by kind", lines)})
	}
	return found
}

// In Go only comments are read, because a word such as XXX is also the currency code of "none".
var (
	unfinishedWord = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME)\b`)
	unfinishedMark = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b`)
)

func unfinished(h *house) (found []offence) {
	for _, f := range h.files {
		switch {
		case f.isTest():
		case f.tree == nil:
			if word := unfinishedWord.FindString(f.text); word != "" {
				found = append(found, offence{f.path, "says " + word})
			}
		default:
			for _, group := range f.tree.Comments {
				if word := unfinishedMark.FindString(group.Text()); word != "" {
					found = append(found, offence{f.path, "says " + word})
				}
			}
		}
	}
	return found
}

// traces are what a file says when it was made on one machine and not for all: a checkout's or a
// home's path, and the host of a package registry, which everyone configures for themselves. One
// letter of each stands in brackets so that this file is not its own offender.
var traces = []*regexp.Regexp{
	regexp.MustCompile("(^|[\\s\"'`(=:,])/(wor[k]|far[m]|roo[t]|Users|home/[a-z])/"),
	regexp.MustCompile(`(pro[x]y|su[m])\.golang\.org`),
	regexp.MustCompile(`regist[r]y\.[a-z]+\.(org|com)|regist[r]y\.npm`),
	regexp.MustCompile(`de[b]\.debian\.org|securit[y]\.debian\.org|archiv[e]\.ubuntu\.com`),
	regexp.MustCompile(`(gopro[x]y|artifac[t]ory|nex[u]s)\.[a-z]`),
}

func machineTraces(h *house) (found []offence) {
	for _, f := range h.files {
		if path.Ext(f.path) == ".png" {
			continue
		}
		for _, trace := range traces {
			if hit := trace.FindString(f.text); hit != "" {
				found = append(found, offence{f.path, fmt.Sprintf("says %q", strings.TrimSpace(hit))})
			}
		}
	}
	return found
}

// decisionNumbers: a decision is cited by its number, so no two have one, and the title bears
// the number of the file.
func decisionNumbers(h *house) (found []offence) {
	taken := map[string]string{}
	for _, f := range h.files {
		if f.dir() != "agent/decisions" {
			continue
		}
		number, _, _ := strings.Cut(path.Base(f.path), "-")
		if other, is := taken[number]; is {
			found = append(found, offence{f.path, "has the number of " + other})
		}
		taken[number] = f.path
		if !strings.HasPrefix(f.text, "# "+number+" ") {
			found = append(found, offence{f.path, "does not begin with the title \"# " + number + " …\""})
		}
	}
	return found
}

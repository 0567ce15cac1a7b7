package cli

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// program is one with a group, a command with arguments, and two that fail.
func program() *cobra.Command {
	does := func(err error) func(*cobra.Command, []string) error {
		return func(*cobra.Command, []string) error { return err }
	}
	return Root("prog", "A program", "What it is for.",
		Group("keys", "Keys", &cobra.Command{Use: "rotate FILE", Args: Exactly("FILE"), RunE: does(nil)}, &cobra.Command{Use: "new", Args: Between(1, "KIND", "FILE"), RunE: does(nil)}),
		&cobra.Command{Use: "find", Args: Exactly(), RunE: does(ErrFound)},
		&cobra.Command{Use: "fail", Args: Exactly(), RunE: does(errors.New("the disk is full"))},
		&cobra.Command{Use: "odd", Args: Exactly(), RunE: does(fmt.Errorf("while reading: %w", Wrong("--day %s: no day", "x")))})
}

func TestExitCodes(t *testing.T) {
	for line, want := range map[string]struct {
		code int
		say  string
	}{
		"keys rotate a":   {Fine, ""},
		"keys new a":      {Fine, ""},
		"keys new a b":    {Fine, ""},
		"find":            {Found, ""},
		"fail":            {Found, "prog: the disk is full"},
		"odd":             {Usage, "prog: while reading: --day x: no day"},
		"":                {Usage, "prog: name a command"},
		"keys":            {Usage, "prog: prog keys needs a command: new, rotate"},
		"keys rotat":      {Usage, "Did you mean `prog keys rotate`?"},
		"nothing-alike":   {Usage, `prog has no command "nothing-alike". Commands: `},
		"keys rotate":     {Usage, "prog: prog keys rotate takes FILE; 0 given. `prog keys rotate --help` explains"},
		"keys new":        {Usage, "takes KIND FILE; 0 given"},
		"keys new a b c":  {Usage, "takes KIND FILE; 3 given"},
		"find x":          {Usage, "takes no argument; 1 given"},
		"find --nonsense": {Usage, "`prog find --help` shows what there is"},
	} {
		var out, err bytes.Buffer
		code := Execute(t.Context(), program(), strings.Fields(line), strings.NewReader(""), &out, &err)
		if code != want.code || !strings.Contains(err.String(), want.say) || want.say == "" && err.Len() > 0 {
			t.Errorf("prog %s ends with %d and says %q; want %d and %q", line, code, err.String(), want.code, want.say)
		}
	}
}

func TestHelpNamesTheExitCodes(t *testing.T) {
	var out, err bytes.Buffer
	if code := Execute(t.Context(), program(), []string{"--help"}, strings.NewReader(""), &out, &err); code != Fine || !strings.Contains(out.String(), "What it is for.\n\nExit codes: 0 fine") {
		t.Errorf("%d: %s%s", code, out.String(), err.String())
	}
}

func TestJSONKeepsWhatStandsInACode(t *testing.T) {
	var b bytes.Buffer
	if err := PrintJSON(&b, map[string]string{"qr": "https://a.example/?a=1&b=<2>"}); err != nil || b.String() != "{\n  \"qr\": \"https://a.example/?a=1&b=<2>\"\n}\n" {
		t.Errorf("%q: %v", b.String(), err)
	}
}

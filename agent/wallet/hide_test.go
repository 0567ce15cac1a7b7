package wallet

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"tillwire/agent"
)

func TestNothingAWalletSaysHoldsTheCode(t *testing.T) {
	digits, emv := "134567890123456789", "hQVDUFYwMWETTwegAAAAVVVVUAhQcm9kdWN0MWETTwegAAAAZmZm"
	for _, secret := range []string{digits, emv} {
		code := agent.NewPayCode(secret)
		for _, text := range []string{"", "no such code", secret, "the code " + secret + " is wrong", secret + secret, "cut in it: " + secret[:len(secret)-1], "cut in it: " + secret[:leastCut]} {
			a := Hide(agent.Answer{Text: text, Code: text, Err: fmt.Errorf("%w: %q", errQuoted, text)}, code)
			if said := fmt.Sprintf("%+v %v", a, a.Err); strings.Contains(said, secret) {
				t.Errorf("%q: %s", text, said)
			}
			if strings.HasSuffix(a.Text, secret[:leastCut]) {
				t.Errorf("%q: the beginning of the code is left in %q", text, a.Text)
			}
			if !errors.Is(a.Err, errQuoted) {
				t.Errorf("%q: the cause is gone: %v", text, a.Err)
			}
		}
	}
	same := agent.Answer{Text: "limit 1345", Code: "OVER_LIMIT", Err: errQuoted}
	if a := Hide(same, agent.NewPayCode(digits)); a != same {
		t.Errorf("what holds no code was changed: %+v", a)
	}
	if a := Hide(same, agent.PayCode{}); a != same {
		t.Errorf("without a code: %+v", a)
	}
}

var errQuoted = errors.New("quoted")

package agent_test

import (
	"errors"
	"strings"
	"testing"

	"tillwire/agent"
)

// TestNewSecrets is the one rule for PINs and passwords: the command line, the
// owner's page and the first start all ask it.
func TestNewSecrets(t *testing.T) {
	for _, c := range []struct {
		role   agent.Role
		secret string
		says   string // id of the refusal; "" when it is taken
	}{
		{agent.RoleCashier, "481625", ""},
		{agent.RoleManager, "112358", ""},
		{agent.RoleCashier, "", "form.pin"},
		{agent.RoleCashier, "48162", "form.pin"},
		{agent.RoleCashier, "4816250", "form.pin"},
		{agent.RoleManager, "48162a", "form.pin"},
		{agent.RoleManager, "٤٨١٦٢٥", "form.pin"},
		{agent.RoleManager, "a long enough password", "form.pin"},
		{agent.RoleCashier, "000000", "form.pin_easy"},
		{agent.RoleCashier, "123456", "form.pin_easy"},
		{agent.RoleManager, "987654", "form.pin_easy"},
		{agent.RoleManager, "121212", "form.pin_easy"},
		{agent.RoleCashier, "123123", "form.pin_easy"},
		{agent.RoleOwner, "walnut carriage", ""},
		{agent.RoleOwner, "雪下的核桃马车很慢很慢地走", ""},
		{agent.RoleOwner, strings.Repeat("walnuté ", 16), ""},
		{agent.RoleOwner, "eleven char", "form.password"},
		{agent.RoleOwner, "481625", "form.password"},
		{agent.RoleOwner, strings.Repeat("word ", 26), "form.password"},
		{agent.RoleOwner, "Password1234", "form.password_common"},
		{agent.RoleOwner, "aaaaaaaaaaaa", "form.password_common"},
		{agent.RoleOwner, "éééééééééééé", "form.password_common"},
		{agent.RoleOwner, "😀😀😀😀😀😀😀😀😀😀😀😀", "form.password_common"},
		{"boss", "481625", "form.role"},
	} {
		err := agent.CheckSecret(c.role, c.secret)
		if got := refusal(err); got != c.says {
			t.Errorf("%s %q: %v, want %q", c.role, c.secret, err, c.says)
		}
		if err != nil && c.secret != "" && strings.Contains(err.Error(), c.secret) {
			t.Errorf("%s: the refusal repeats the secret: %v", c.role, err)
		}
	}
}

func TestNames(t *testing.T) {
	for name, says := range map[string]string{"": "form.name", "A": "", strings.Repeat("é", 40): "", strings.Repeat("é", 41): "form.name"} {
		if got := refusal(agent.CheckName(name)); got != says {
			t.Errorf("%q: %q, want %q", name, got, says)
		}
	}
}

// refusal is the id of the sentence with which a person's input was refused.
func refusal(err error) string {
	var e *agent.Error
	if !errors.As(err, &e) || e.Class != agent.Invalid || e.Say.English == "" {
		return ""
	}
	return e.Say.ID
}

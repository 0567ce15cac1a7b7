package agent

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Role is what a person may do.
type Role string

// The roles, each may do what those before it may, except that an owner signs
// in with a password on the owner's page.
const (
	RoleCashier Role = "cashier"
	RoleManager Role = "manager"
	RoleOwner   Role = "owner"
)

// Known reports whether the role exists.
func (r Role) Known() bool { return r == RoleCashier || r == RoleManager || r == RoleOwner }

// Person is somebody who may sign in.
type Person struct {
	ID       string
	Name     string
	Role     Role
	Secret   string // encoded argon2id hash of PIN or password; never the secret
	Disabled bool
	Failures int           // wrong tries in a row; survives a restart
	Locked   time.Duration // lock-out still to sit out, counted in running time only
	Created  time.Time
}

// SessionLife is how long a session lasts at most, however much it is used.
const SessionLife = 12 * time.Hour

// Session is a signed-in browser.
type Session struct {
	Key     []byte // SHA-256 of the cookie; the cookie itself is never stored
	Person  string // Person.ID
	Role    Role
	Created time.Time
	Seen    time.Time
}

// Audit is one sensitive act, kept in the same hash chain as the facts.
type Audit struct {
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"` // "person:…", "till:…", "tillwire"
	Action string    `json:"action"`
	Object string    `json:"object"`
	Detail string    `json:"detail,omitempty"`
}

// The shape of names and secrets. The pages tell a PIN from a password by it.
const (
	PINLength     = 6   // decimal digits, of a cashier or manager
	PasswordLeast = 12  // characters, of the owner
	PasswordMost  = 128 // characters: whoever may try must not choose how long a try takes
	NameMost      = 40  // characters
)

// easyPasswords are long enough and still what everyone tries first, in lower case.
var easyPasswords = []string{"123456789012", "1234567890123", "password1234", "password12345", "passwordpassword", "qwertyuiop12", "qwertyuiop123",
	"qwertyuiopas", "1q2w3e4r5t6y", "iloveyou1234", "welcome12345", "administrator", "letmein12345", "abcdefghijkl", "1qaz2wsx3edc", "changeme1234", "tillwire1234"}

// CheckName refuses a person's name that is empty or longer than NameMost, with an
// Error of class Invalid.
func CheckName(name string) error {
	if name == "" || utf8.RuneCountInString(name) > NameMost {
		return refusedInput("form.name", "A name has 1 to 40 characters.")
	}
	return nil
}

// CheckSecret refuses a new PIN or password that has the wrong shape or that
// somebody would try first, with an Error of class Invalid that does not repeat it.
// Signing in does not ask it: a secret that was good enough once still opens.
func CheckSecret(role Role, secret string) error {
	switch length := utf8.RuneCountInString(secret); {
	case !role.Known():
		return refusedInput("form.role", "Choose a role.")
	case role == RoleOwner && (length < PasswordLeast || length > PasswordMost):
		return refusedInput("form.password", "A password has 12 to 128 characters. A sentence is easy to remember.")
	case role == RoleOwner && (slices.Contains(easyPasswords, strings.ToLower(secret)) || repeats(secret)):
		return refusedInput("form.password_common", "This password is too easy to guess. Choose another one.")
	case role != RoleOwner && !IsPIN(secret):
		return refusedInput("form.pin", "A PIN has exactly 6 digits.")
	case role != RoleOwner && (repeats(secret) || counts(secret)):
		return refusedInput("form.pin_easy", "This PIN is one that somebody would try first. Take digits that neither count nor repeat.")
	}
	return nil
}

func refusedInput(id, english string) error {
	return &Error{Op: "check person", Class: Invalid, Code: CodeUnreadable, Say: Sentence{ID: id, English: english}}
}

// IsPIN holds for PINLength decimal digits.
func IsPIN(text string) bool {
	return len(text) == PINLength && strings.Trim(text, "0123456789") == ""
}

// repeats holds for a text that is one piece of up to three characters again and again:
// 000000, 121212, 123123.
func repeats(text string) bool {
	runes := []rune(text)
	for n := 1; n <= 3; n++ {
		if len(runes) > n && slices.Equal(runes[n:], runes[:len(runes)-n]) {
			return true
		}
	}
	return false
}

// counts holds for digits that go up or down by one: 123456, 987654.
func counts(digits string) bool {
	up, down := true, true
	for i := 1; i < len(digits); i++ {
		up, down = up && digits[i] == digits[i-1]+1, down && digits[i]+1 == digits[i-1]
	}
	return up || down
}

package agent

import "time"

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

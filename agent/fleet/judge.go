package fleet

import (
	"errors"
	"fmt"
)

// Received is a message as it came from the broker.
type Received struct {
	Channel  Channel
	Payload  []byte
	Retained bool // the broker kept it; it was not sent just now
}

// Judge decides what is taken of that which is sent down. It computes and
// remembers nothing; what was taken before is in Situation.
type Judge struct {
	TID TID
	// Has reports whether this terminal can do a command of the catalogue.
	Has func(name string, version int) bool
	// Allowed reports whether the owner allows a class of commands.
	Allowed func(Class) bool
}

// Situation is what a document is judged by besides itself.
type Situation struct {
	Keys    *KeySet // nil: none was ever taken
	Time    Moment
	Nonce   string // of the session that runs; "" while there is none
	HighSeq uint64 // the highest sequence of this kind that was taken
	// Known reports whether a command with this jti was taken before.
	Known func(jti string) bool
}

// doc is what the kinds of documents have in common.
type doc interface {
	claims() *Claims
	check() error
}

func (c *Claims) claims() *Claims { return c }

// Command judges a command. Each failure has a code of its own, and no step is
// looked at before all above it passed. The command beside a Duplicate, an
// Expired or another authentic refusal is the one that was read.
func (j Judge) Command(m Received, s Situation) (*Command, error) {
	if m.Retained {
		return nil, refuse(RefusedRetained, nil)
	}
	c := &Command{}
	body, err := j.open(m, TypeCommand, c)
	if err != nil {
		return nil, err
	}
	need, signers := Online, 1
	if c.Class == Dangerous {
		need, signers = Approver, 2
	}
	if err := j.signed(body, c, need, signers, s); err != nil {
		return nil, err
	}
	if s.Known(c.Jti) {
		return c, refuseAuthentic(Duplicate, nil)
	}
	if c.Seq <= s.HighSeq {
		return c, refuseAuthentic(RefusedReplay, fmt.Errorf("sequence %d, %d was taken", c.Seq, s.HighSeq))
	}
	if err := fresh(c, s); err != nil {
		return c, err
	}
	e, known := Find(c.Name, c.version())
	switch {
	case !known || !j.Has(c.Name, c.version()):
		return c, refuseAuthentic(RefusedUnknown, nil)
	case e.Class != c.Class:
		// Its class decides who must sign, so it is the catalogue's to say.
		return c, refuseAuthentic(RefusedMalformed, fmt.Errorf("%s is of the class %s", e.Name, e.Class))
	case !j.Allowed(e.Class):
		return c, refuseAuthentic(RefusedPolicy, nil)
	}
	if err := e.check(c.Args); err != nil {
		return c, refuseAuthentic(RefusedMalformed, err)
	}
	return c, nil
}

// fresh judges the time and the nonce. A terminal that does not know the time
// can still take a command that names its session.
func fresh(c *Command, s Situation) error {
	switch {
	case c.Nonce != "" && (s.Nonce == "" || c.Nonce != s.Nonce):
		return refuseAuthentic(RefusedNonce, errors.New("it names another session"))
	case c.Nonce == "" && c.Class == Dangerous:
		return refuseAuthentic(RefusedNonce, errors.New("a dangerous command must name the session"))
	case c.Nonce == "" && s.Time.Quality == Unknown:
		return refuseAuthentic(RefusedNonce, errors.New("the terminal does not know the time"))
	case s.Time.ended(c.Exp.Time):
		return refuseAuthentic(Expired, nil)
	case s.Time.notYet(c.Iat.Time):
		return refuseAuthentic(Expired, errors.New("it was issued in the future"))
	}
	return nil
}

// Config judges a desired configuration as far as that can be seen from the
// document: whether its revision is newer is for whoever keeps the one in force.
func (j Judge) Config(m Received, s Situation) (*Config, error) {
	c := &Config{}
	if err := j.retained(m, TypeConfig, c, s); err != nil {
		return c, err
	}
	if !j.Allowed(Safe) { // as of the commands and jobs that change settings
		return c, refuseAuthentic(RefusedPolicy, nil)
	}
	return c, nil
}

// Job judges a job in the same way.
func (j Judge) Job(m Received, s Situation) (*Job, error) {
	c := &Job{}
	return c, j.retained(m, TypeJob, c, s)
}

func (j Judge) retained(m Received, kind string, d doc, s Situation) error {
	body, err := j.open(m, kind, d)
	if err != nil {
		return err
	}
	if err := j.signed(body, d, Online, 1, s); err != nil {
		return err
	}
	if s.Time.ended(d.claims().Exp.Time) {
		return refuseAuthentic(Expired, nil)
	}
	return nil
}

// Ack judges an acknowledgement. One from before does no harm: it can only say
// again what was stored, so neither sequence nor expiry is asked.
func (j Judge) Ack(m Received, s Situation) (*Ack, error) {
	a := &Ack{}
	body, err := j.open(m, TypeAck, a)
	if err != nil {
		return nil, err
	}
	return a, j.signed(body, a, Online, 1, s)
}

// open reads an envelope and the document in it.
func (j Judge) open(m Received, kind string, d doc) (sealed, error) {
	s, err := unwrap(m.Payload, kind)
	if err != nil {
		return sealed{}, refuse(shapeCode(err), err)
	}
	if err := strict(s.body, d); err != nil {
		return sealed{}, refuse(RefusedMalformed, err)
	}
	if err := d.check(); err != nil {
		return sealed{}, refuse(RefusedMalformed, err)
	}
	return s, nil
}

// signed judges who signed a document and whom it is for.
func (j Judge) signed(body sealed, d doc, use Use, signers int, s Situation) error {
	if s.Keys == nil || s.Time.ended(s.Keys.Exp.Time) {
		return refuse(RefusedNoKeys, nil)
	}
	n, err := s.Keys.valid(body, use, s.Time)
	switch {
	case err != nil:
		return err
	case n < signers:
		return refuse(RefusedSigners, fmt.Errorf("%d of %d signatures", n, signers))
	case d.claims().Aud != j.TID:
		return refuse(RefusedAudience, nil)
	}
	return nil
}

var errMember = errors.New("a member is missing or impossible")

func (c *Command) check() error {
	switch {
	case c.Name == "" || len(c.Name) > 40 || !plain(c.Name):
		return fmt.Errorf("%w: name", errMember)
	case c.Version < 0 || c.Actor == "" || len(c.Actor) > 120 || !plain(c.Actor) || len(c.Ticket) > 120 || !plain(c.Ticket):
		return fmt.Errorf("%w: ver, actor or ticket", errMember)
	case c.Class != Read && c.Class != Safe && c.Class != Disruptive && c.Class != Dangerous:
		return fmt.Errorf("%w: class", errMember)
	}
	if c.When != nil {
		if err := c.When.Window.check(); err != nil {
			return err
		}
	}
	return c.Claims.check(longest)
}

func (c *Config) check() error {
	switch {
	case c.Rev == 0 || len(c.Cfg) > maxConfig:
		return fmt.Errorf("%w: rev or cfg", errMember)
	case c.Hash != HashOf(c.Cfg):
		return fmt.Errorf("%w: hash", errMember)
	}
	return c.Claims.check(retainedLife)
}

func (j *Job) check() error {
	if j.Rev == 0 || j.Type == "" || len(j.Type) > 40 || !plain(j.Type) || j.Deadline.IsZero() || j.MaxTries < 0 {
		return fmt.Errorf("%w: rev, type, deadline or max_tries", errMember)
	}
	if err := j.Window.check(); err != nil {
		return err
	}
	return j.Claims.check(retainedLife)
}

func (a *Ack) check() error {
	for _, m := range a.Acks {
		if m.Stream == "" || m.Epoch == "" {
			return fmt.Errorf("%w: acks", errMember)
		}
	}
	return a.Claims.check(longest)
}

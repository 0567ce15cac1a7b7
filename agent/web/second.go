package web

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"tillwire/agent"
)

// seconds is the store of what owners need beside their password.
type seconds interface {
	// Second gives the sealed secret and the step used last; nil without one.
	Second(ctx context.Context, person string) (secret []byte, step int64, err error)
	SaveSecond(ctx context.Context, person string, secret []byte, step int64) error
	// UseSecond reports false when the step, or a later one, was used before.
	UseSecond(ctx context.Context, person string, step int64) (bool, error)
}

// The codes of RFC 6238 as every authenticator app counts them.
const (
	secondStep  = 30               // seconds
	secondDrift = 1                // steps that the phone's clock may be off, either way
	secondBytes = 20               // of a secret, RFC 4226, section 4
	secondWaits = 10 * time.Minute // for a new phone's first code
	secondAbout = "second factor " // what a sealed secret is bound to, before the person's id
)

// enrolments are secrets that were shown and not yet confirmed; a restart forgets them.
type enrolments struct {
	mu   sync.Mutex
	open map[string]enrolment // by person
}

type enrolment struct {
	secret  []byte
	expires time.Duration // Mono
}

// secondCode is the six digits of a step (RFC 6238, section 4; RFC 4226, section 5.3).
func secondCode(secret []byte, step int64) string {
	mac := hmac.New(sha1.New, secret)
	_ = binary.Write(mac, binary.BigEndian, step)
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:])&0x7fffffff%1_000_000)
}

// secondMatch finds the step whose code this is, around now.
func secondMatch(secret []byte, code string, now time.Time) (step int64, ok bool) {
	middle := now.Unix() / secondStep
	for s := middle - secondDrift; s <= middle+secondDrift; s++ {
		if subtle.ConstantTimeCompare([]byte(secondCode(secret, s)), []byte(code)) == 1 {
			step, ok = s, true
		}
	}
	return step, ok
}

// second holds when somebody who needs a code brought one that counts. Whoever has no
// second factor needs none.
func (s *Server) second(ctx context.Context, person, code string) (bool, error) {
	sealed, _, err := s.Store.Second(ctx, person)
	if err != nil || sealed == nil {
		return err == nil, err
	}
	secret, err := s.Unseal(secondAbout+person, sealed)
	if err != nil {
		return false, fmt.Errorf("open the second factor: %w", err)
	}
	step, ok := secondMatch(secret, code, s.Clock.Now())
	if !ok {
		return false, nil
	}
	return s.Store.UseSecond(ctx, person, step)
}

// needsSecond reports whether some owner's door asks for a code.
func (s *Server) needsSecond(ctx context.Context, owners []agent.Person) bool {
	for _, p := range owners {
		if sealed, _, err := s.Store.Second(ctx, p.ID); err == nil && sealed != nil {
			return true
		}
	}
	return false
}

// secondData is the page about an owner's own second factor.
type secondData struct {
	On    bool
	Setup string // the address for the app, while a phone is being added
	Key   string // the same secret to type
	Wrong string
}

func (s *Server) ownerSecond(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	return s.secondPage(w, r, me, http.StatusOK, nil)
}

func (s *Server) secondPage(w http.ResponseWriter, r *http.Request, me agent.Person, status int, wrong error) error {
	sealed, _, err := s.Store.Second(r.Context(), me.ID)
	if err != nil {
		return err
	}
	d := secondData{On: sealed != nil}
	if secret := s.enrolling(me.ID); secret != nil {
		d.Key = base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
		d.Setup = "otpauth://totp/" + url.PathEscape(s.shop()+":"+me.Name) + "?secret=" + d.Key + "&issuer=" + url.QueryEscape(s.shop())
	}
	if wrong != nil {
		d.Wrong = s.sentence(s.language(r), wrong)
	}
	s.render(w, r, status, "owner_second", ownerView("people", me, d))
	return nil
}

func (s *Server) enrolling(person string) []byte {
	s.enrolments.mu.Lock()
	defer s.enrolments.mu.Unlock()
	e, ok := s.enrolments.open[person]
	if !ok || e.expires < s.Clock.Mono() {
		delete(s.enrolments.open, person)
		return nil
	}
	return e.secret
}

// changeSecond adds a phone or takes it away. Both need the password again: a screen that
// was left open must not be enough.
func (s *Server) changeSecond(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	ctx, what := r.Context(), r.PostFormValue("do")
	if what == "confirm" {
		return s.confirmSecond(w, r, me)
	}
	if what != "start" && what != "off" {
		return unreadable("There is no such change.")
	}
	if err := s.again(r, me, "person:"+me.ID); err != nil {
		return s.secondPage(w, r, me, statusOf(err), err)
	}
	if what == "off" {
		if err := s.Store.SaveSecond(ctx, me.ID, nil, 0); err != nil {
			return err
		}
		s.audits.note(ctx, agent.Audit{Actor: "person:" + me.ID, Action: "second_off", Object: "person:" + me.ID})
		http.Redirect(w, r, "/owner/second", http.StatusSeeOther)
		return nil
	}
	secret := make([]byte, secondBytes)
	_, _ = rand.Read(secret) // crypto/rand does not fail; it ends the program instead
	s.enrolments.mu.Lock()
	s.enrolments.open[me.ID] = enrolment{secret, s.Clock.Mono() + secondWaits}
	s.enrolments.mu.Unlock()
	http.Redirect(w, r, "/owner/second", http.StatusSeeOther)
	return nil
}

// confirmSecond puts a secret into force once the phone has shown that it counts the same.
func (s *Server) confirmSecond(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	secret := s.enrolling(me.ID)
	step, ok := int64(0), false
	if secret != nil {
		step, ok = secondMatch(secret, r.PostFormValue("code"), s.Clock.Now())
	}
	if !ok {
		return s.secondPage(w, r, me, http.StatusUnprocessableEntity, fail(agent.Invalid, agent.CodeUnreadable, "error.second",
			"This code does not fit. Wait for the next one; if none fits, set the clock of the phone and of this terminal."))
	}
	sealed, err := s.Seal(secondAbout+me.ID, secret)
	if err == nil {
		err = s.Store.SaveSecond(r.Context(), me.ID, sealed, step)
	}
	if err != nil {
		return err
	}
	s.enrolments.mu.Lock()
	delete(s.enrolments.open, me.ID)
	s.enrolments.mu.Unlock()
	s.audits.note(r.Context(), agent.Audit{Actor: "person:" + me.ID, Action: "second_on", Object: "person:" + me.ID})
	http.Redirect(w, r, "/owner/second", http.StatusSeeOther)
	return nil
}

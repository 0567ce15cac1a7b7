package fleet

import (
	"errors"
	"fmt"
)

// Code says at which step a document from the fleet was not taken. It is
// reported, so its words are part of the contract.
type Code string

// The codes, in the order in which the steps are looked at.
const (
	RefusedRetained  Code = "REFUSED_RETAINED"  // the broker kept a command: an attack or a mistake
	RefusedSize      Code = "REFUSED_SIZE"      // larger than MaxMessage
	RefusedMalformed Code = "REFUSED_MALFORMED" // not what the schema says
	RefusedNoKeys    Code = "REFUSED_NO_KEYS"   // no key set, or one that has run out
	RefusedKey       Code = "REFUSED_KEY"       // signed by no key of the set
	RefusedSignature Code = "REFUSED_SIGNATURE" // the signature is wrong

	RefusedKeyExpired Code = "REFUSED_KEY_EXPIRED" // the key is not valid now
	RefusedKeyRevoked Code = "REFUSED_KEY_REVOKED" // the key was withdrawn
	RefusedSigners    Code = "REFUSED_SIGNERS"     // the key may not sign this, or one signature where two are asked

	RefusedAudience Code = "REFUSED_AUDIENCE" // for another terminal
	Duplicate       Code = "DUPLICATE"        // taken before; its status is told again
	RefusedReplay   Code = "REFUSED_REPLAY"   // older than one taken before
	Expired         Code = "EXPIRED"          // after its time
	RefusedNonce    Code = "REFUSED_NONCE"    // not for this session
	RefusedUnknown  Code = "REFUSED_UNKNOWN"  // not in the catalogue, or not in this version
	RefusedPolicy   Code = "REFUSED_POLICY"   // the owner does not allow its class
	RefusedRate     Code = "REFUSED_RATE"     // too many in too short a time

	RefusedRev   Code = "REFUSED_REV"   // an older revision than the one in force, or the same with another content
	RefusedValue Code = "REFUSED_VALUE" // a setting cannot be what is asked

	// WrongTime refuses nothing: the document was taken, and its time was not.
	WrongTime Code = "WRONG_TIME"
)

// meanings say what a code means and what the fleet can do about it.
var meanings = map[Code]string{
	RefusedRetained:   "The broker kept this command and delivered it as an old one. Send commands without the retain flag.",
	RefusedSize:       "The message is larger than 128 KiB. Send less.",
	RefusedMalformed:  "The message is not what its schema says. Compare it with asyncapi.yaml.",
	RefusedNoKeys:     "The terminal has no valid list of signing keys. Publish a current one, signed by a root.",
	RefusedKey:        "No key of the terminal's list signed the message. Publish the list that holds the key first.",
	RefusedSignature:  "The signature is wrong: the message was changed on its way, or signed with another key.",
	RefusedKeyExpired: "The signing key is not valid now. Sign with a current key.",
	RefusedKeyRevoked: "The signing key was withdrawn. Sign with another key.",
	RefusedSigners:    "The signatures do not suffice: a dangerous command needs those of two approvers.",
	RefusedAudience:   "The message names another terminal.",
	Duplicate:         "The command was taken before. Its status is told again.",
	RefusedReplay:     "The message is older than one that was taken before. Send a new one.",
	Expired:           "The time of the message has passed. Send a new one.",
	RefusedNonce:      "The message does not carry the nonce of the terminal's session. Take the one of its last hello.",
	RefusedUnknown:    "This version does not know the command. Its hello lists what it knows.",
	RefusedPolicy:     "The owner of the shop does not allow commands of this class.",
	RefusedRate:       "Too many commands in a short time. Wait, and ask why there were so many.",
	RefusedRev:        "The revision is not newer than the one in force. Send a higher one.",
	WrongTime:         "The clocks of the fleet's service and of the terminal are more than five minutes apart, or the service's time lies after the end of its keys. Set the one that is wrong.",
	RefusedValue:      "A setting cannot have this value. Nothing was changed.",
}

// Meaning says in words what a code means and what to do.
func (c Code) Meaning() string { return meanings[c] }

// Codes lists every code that a report may carry.
func Codes() []Code {
	list := make([]Code, 0, len(meanings))
	for c := range meanings {
		if c != WrongTime { // only ever told as an alert
			list = append(list, c)
		}
	}
	return list
}

// Refusal is why a document was not taken.
type Refusal struct {
	Code Code
	Err  error // what the step itself said; nil when the code says it all
	// Authentic: a key that may sign signed it for this terminal. What is not, names
	// nobody who could be answered.
	Authentic bool
}

func refuse(c Code, err error) error { return &Refusal{Code: c, Err: err} }

func refuseAuthentic(c Code, err error) error { return &Refusal{Code: c, Err: err, Authentic: true} }

// Error implements error.
func (r *Refusal) Error() string {
	if r.Err != nil {
		return fmt.Sprintf("%s: %v", r.Code, r.Err)
	}
	return string(r.Code)
}

// Unwrap returns the cause.
func (r *Refusal) Unwrap() error { return r.Err }

// CodeOf is the code of the nearest Refusal in the chain, or "".
func CodeOf(err error) Code {
	var r *Refusal
	if errors.As(err, &r) {
		return r.Code
	}
	return ""
}

// shapeCode tells a message that is too large from one that cannot be read.
func shapeCode(err error) Code {
	if errors.Is(err, errSize) {
		return RefusedSize
	}
	return RefusedMalformed
}

package fleet

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/big"
	"strings"
	"time"
)

// A terminal joins a fleet with a key that it made itself. It shows a claim code
// and four words that stand for its key; whoever operates the fleet types the
// code, sees the words and compares them. Who overhears the code can put a key of
// his own forward, but not one with the same words.

// The claim code.
const (
	// claimLetters have none that look alike in print.
	claimLetters = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
	claimLength  = 8 // 39 bits
	// ClaimLife is how long a code is good, ClaimTries how many wrong ones may be
	// tried while it waits. Then the terminal makes a new one.
	ClaimLife  = 10 * time.Minute
	ClaimTries = 5
)

// NewClaimCode draws a code.
func NewClaimCode() string {
	code := make([]byte, claimLength)
	for i := range code {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(claimLetters))))
		if err != nil {
			panic(err) // never happens, by the reader's contract
		}
		code[i] = claimLetters[n.Int64()]
	}
	return string(code)
}

// ShowClaimCode writes a code for people: "ABCD-EFGH".
func ShowClaimCode(code string) string {
	if len(code) != claimLength {
		return code
	}
	return code[:claimLength/2] + "-" + code[claimLength/2:]
}

var errClaimCode = errors.New("a claim code has eight letters and digits, as the terminal shows it")

// ReadClaimCode reads what a person typed.
func ReadClaimCode(text string) (string, error) {
	code := strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToUpper(text))
	if len(code) != claimLength || strings.Trim(code, claimLetters) != "" {
		return "", errClaimCode
	}
	return code, nil
}

// ClaimHash is what the terminal tells of its code: the office learns the code
// from the person in front of the terminal.
func ClaimHash(code string) string {
	sum := sha256.Sum256([]byte("tillwire claim 1\x00" + code))
	return hex.EncodeToString(sum[:])
}

// wordRounds make each key that somebody tries in search of the same words cost
// some tens of milliseconds.
const wordRounds = 100_000

// KeyWords are the four words that stand for a public key (PKIX, DER).
func KeyWords(public []byte) string {
	sum, err := pbkdf2.Key(sha256.New, string(public), []byte("tillwire words 1"), wordRounds, 4)
	if err != nil {
		panic(err) // only for lengths that are impossible
	}
	list, four := strings.Fields(keyWords), make([]string, len(sum))
	for i, b := range sum {
		four[i] = list[b]
	}
	return strings.Join(four, " ")
}

// ClaimRequest asks for a place in a fleet: POST /enrol/v1/claims.
type ClaimRequest struct {
	V       int    `json:"v"`
	HW      string `json:"hw"`      // names the machine, hexadecimal; the same after a new installation
	Ver     string `json:"ver"`     // of the agent
	Request []byte `json:"request"` // PKCS #10, DER, signed with the key to be certified
	Code    string `json:"code"`    // ClaimHash
}

// ClaimTaken answers it. The claim's name is the secret with which the terminal
// asks on.
type ClaimTaken struct {
	Claim string `json:"claim"`
	Until Stamp  `json:"until"`
	PollS int    `json:"poll_s"`
}

// ClaimState is where a claim stands: GET /enrol/v1/claims/CLAIM.
type ClaimState struct {
	State ClaimWord `json:"state"`
	Grant *Grant    `json:"grant,omitempty"` // with ClaimGranted
}

// ClaimWord is a state of a claim.
type ClaimWord string

// The states of a claim. One that was refused or has run out is forgotten.
const (
	ClaimWaits   ClaimWord = "waiting"
	ClaimGranted ClaimWord = "granted"
	ClaimOver    ClaimWord = "over" // refused, run out, or too many wrong codes
)

// Grant is everything a terminal needs to be in a fleet.
type Grant struct {
	TID         TID      `json:"tid"`
	Certificate string   `json:"certificate"` // PEM
	Authority   string   `json:"authority"`   // PEM; the only one that is trusted
	Broker      string   `json:"broker"`
	ServerName  string   `json:"server_name,omitempty"`
	Roots       []string `json:"roots"` // base64
}

// RenewRequest asks for the next certificate: POST /enrol/v1/renew, with the
// present one on the connection.
type RenewRequest struct {
	V       int    `json:"v"`
	Request []byte `json:"request"` // PKCS #10, DER
}

// Renewed answers it.
type Renewed struct {
	Certificate string `json:"certificate"` // PEM
	Authority   string `json:"authority"`   // PEM
}

// How old a certificate is when it is renewed, and how long after its end it still
// opens the way to a new one: a shop that was closed for a season comes back by
// itself.
const (
	CertificateLife  = 90 * 24 * time.Hour
	CertificateGrace = 30 * 24 * time.Hour
)

// RenewAt is when a certificate should be renewed: after two thirds of its life.
func RenewAt(from, until time.Time) time.Time { return from.Add(until.Sub(from) / 3 * 2) }

package enrol

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"tillwire/agent"
	"tillwire/agent/fleet"
)

// Key is a terminal's key; it never leaves the machine.
type Key struct{ private *ecdsa.PrivateKey }

// NewKey makes one, of the curve P-256.
func NewKey() (Key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return Key{private}, err
}

var errKey = errors.New("it holds no key of the curve P-256 in PEM, PKCS #8")

// ReadKey reads one as PEM writes it.
func ReadKey(text []byte) (Key, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return Key{}, errKey
	}
	any, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return Key{}, fmt.Errorf("%w: %w", errKey, err)
	}
	private, ok := any.(*ecdsa.PrivateKey)
	if !ok || private.Curve != elliptic.P256() {
		return Key{}, errKey
	}
	return Key{private}, nil
}

// PEM is the key for its file.
func (k Key) PEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
}

// Words are those that the office must see as well.
func (k Key) Words() (string, error) {
	public, err := x509.MarshalPKIXPublicKey(k.private.Public())
	if err != nil {
		return "", err
	}
	return fleet.KeyWords(public), nil
}

// Request asks for a certificate over the key (PKCS #10, DER). It names nobody:
// the office says who the terminal is.
func (k Key) Request() ([]byte, error) {
	return x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, k.private)
}

// Fits reports that a certificate (PEM) is over this key and names a terminal.
func (k Key) Fits(certificate string, tid fleet.TID) error {
	c, err := readCertificate([]byte(certificate))
	switch {
	case err != nil:
		return err
	case !k.private.PublicKey.Equal(c.PublicKey):
		return errors.New("the certificate is over another key")
	case c.Subject.CommonName != string(tid):
		return fmt.Errorf("the certificate is for %q", c.Subject.CommonName)
	}
	return nil
}

func readCertificate(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("there is no certificate in PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}

// Due answers when a certificate (PEM) should be renewed and when it ends.
func Due(certificate []byte) (renew, end time.Time, err error) {
	c, err := readCertificate(certificate)
	if err != nil {
		return time.Time{}, time.Time{}, err
	}
	return fleet.RenewAt(c.NotBefore, c.NotAfter), c.NotAfter, nil
}

// Desk is the office's desk as a terminal reaches it.
type Desk struct {
	base   *url.URL
	client *http.Client
	clock  agent.Clock
}

// answerMost bounds what the desk may say, and patience how long it may take.
const (
	answerMost = 256 << 10
	patience   = 30 * time.Second
)

var errAddress = errors.New(`the office's address begins with "https://" and has no path`)

// ParseOffice checks the address of an office.
func ParseOffice(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Path != "" && u.Path != "/" {
		return nil, errAddress
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// Reach prepares the way to a desk; nothing is opened. The configuration holds the
// only authority that is trusted, and the present certificate for a renewal.
func Reach(address string, config *tls.Config, clock agent.Clock) (*Desk, error) {
	base, err := ParseOffice(address)
	if err != nil {
		return nil, err
	}
	config = config.Clone()
	config.MinVersion = tls.VersionTLS13
	transport := &http.Transport{TLSClientConfig: config, DisableKeepAlives: true, DialContext: (&net.Dialer{Timeout: patience}).DialContext}
	return &Desk{base, &http.Client{Transport: transport, Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, clock}, nil
}

// ErrOver reports that the office refused the claim, or that its time has passed:
// a new code is to be shown.
var ErrOver = errors.New("the claim is over: it was refused, or not decided within ten minutes")

// Ask puts a claim on the desk.
func (d *Desk) Ask(ctx context.Context, k Key, hw, version, code string) (taken fleet.ClaimTaken, err error) {
	request, err := k.Request()
	if err != nil {
		return taken, err
	}
	return taken, d.call(ctx, http.MethodPost, "/enrol/v1/claims", fleet.ClaimRequest{V: fleet.Wire, HW: hw, Ver: version, Request: request, Code: fleet.ClaimHash(code)}, &taken)
}

// Wait asks on until the office has decided. A line that is gone for a while does
// not end it; ErrOver does.
func (d *Desk) Wait(ctx context.Context, taken fleet.ClaimTaken) (*fleet.Grant, error) {
	pause := time.Duration(min(max(taken.PollS, 1), 60)) * time.Second
	for failed := error(nil); ; {
		var state fleet.ClaimState
		err := d.call(ctx, http.MethodGet, "/enrol/v1/claims/"+url.PathEscape(taken.Claim), nil, &state)
		switch {
		case err != nil:
			failed = err
		case state.State == fleet.ClaimGranted && state.Grant != nil:
			return state.Grant, nil
		case state.State != fleet.ClaimWaits:
			return nil, ErrOver
		}
		if d.clock.Now().After(taken.Until.Add(time.Minute)) {
			return nil, errors.Join(ErrOver, failed)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-d.clock.After(pause):
		}
	}
}

// Renew asks for the next certificate, over the connection that shows the present
// one.
func (d *Desk) Renew(ctx context.Context, k Key) (renewed fleet.Renewed, err error) {
	request, err := k.Request()
	if err != nil {
		return renewed, err
	}
	return renewed, d.call(ctx, http.MethodPost, "/enrol/v1/renew", fleet.RenewRequest{V: fleet.Wire, Request: request}, &renewed)
}

func (d *Desk) call(ctx context.Context, method, path string, body, answer any) error {
	var text io.Reader = http.NoBody
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		text = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, d.base.String()+path, text)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := d.client.Do(req)
	if err != nil {
		return fmt.Errorf("the office at %s cannot be reached: %w", d.base.Host, err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, answerMost))
	if err != nil {
		return fmt.Errorf("the office at %s: %w", d.base.Host, err)
	}
	if res.StatusCode/100 != 2 {
		var no struct{ Error string }
		if json.Unmarshal(raw, &no) == nil && no.Error != "" {
			return fmt.Errorf("the office says: %s", no.Error)
		}
		return fmt.Errorf("the office at %s answers %s", d.base.Host, res.Status)
	}
	if err := json.Unmarshal(raw, answer); err != nil {
		return fmt.Errorf("the office at %s says what cannot be read: %w", d.base.Host, err)
	}
	return nil
}

package till

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// What the keys are made from (Adyen's protection of local messages, version 1): 80 bytes,
// of which 32 are for the digest, 32 for the cipher and 16 are the base of its nonce.
const (
	keySalt   = "AdyenNexoV1Salt"
	keyRounds = 4000
	keyBytes  = 80
	keyFormat = 1
)

// ErrProtection reports a message whose protection is missing, of another key, or broken.
var ErrProtection = errors.New("the protection of the message is not right")

// Protection seals and opens the bodies of messages with a passphrase that the till has,
// too. Its order, a digest of the plain text, is no more what one would choose today: it
// is used inside TLS or on the machine itself.
type Protection struct {
	keyID   string
	version int
	mac     []byte
	block   cipher.Block
	iv      [aes.BlockSize]byte
	random  io.Reader
}

// NewProtection derives the keys of a passphrase; keyID and version are what the till
// calls it by. random is crypto/rand's Reader outside tests.
func NewProtection(keyID string, version int, passphrase string, random io.Reader) (*Protection, error) {
	keys, err := pbkdf2.Key(sha1.New, passphrase, []byte(keySalt), keyRounds, keyBytes)
	if err != nil {
		return nil, fmt.Errorf("derive the keys of nexo messages: %w", err)
	}
	p := &Protection{keyID: keyID, version: version, mac: keys[:32], random: random}
	copy(p.iv[:], keys[64:])
	if p.block, err = aes.NewCipher(keys[32:64]); err != nil {
		return nil, fmt.Errorf("derive the keys of nexo messages: %w", err)
	}
	return p, nil
}

// trailer is the SecurityTrailer of a protected message.
type trailer struct {
	AdyenCryptoVersion int
	KeyIdentifier      string
	KeyVersion         int
	Nonce              string
	Hmac               string
}

// seal makes a blob and its trailer of a whole message.
func (p *Protection) seal(plain []byte) (blob string, t trailer, err error) {
	nonce := make([]byte, aes.BlockSize)
	if _, err := io.ReadFull(p.random, nonce); err != nil {
		return "", t, fmt.Errorf("make a nonce: %w", err)
	}
	padding := aes.BlockSize - len(plain)%aes.BlockSize
	data := append([]byte(nil), plain...)
	for range padding {
		data = append(data, byte(padding))
	}
	cipher.NewCBCEncrypter(p.block, p.vector(nonce)).CryptBlocks(data, data)
	encode := base64.StdEncoding.EncodeToString
	return encode(data), trailer{keyFormat, p.keyID, p.version, encode(nonce), encode(p.digest(plain))}, nil
}

// open gives the message in a blob, if its trailer is right.
func (p *Protection) open(blob string, t trailer) ([]byte, error) {
	if t.AdyenCryptoVersion != keyFormat || t.KeyIdentifier != p.keyID || t.KeyVersion != p.version {
		return nil, fmt.Errorf("%w: it names the key %q, version %d", ErrProtection, t.KeyIdentifier, t.KeyVersion)
	}
	data, errBlob := base64.StdEncoding.DecodeString(blob)
	nonce, errNonce := base64.StdEncoding.DecodeString(t.Nonce)
	mac, errMac := base64.StdEncoding.DecodeString(t.Hmac)
	if err := errors.Join(errBlob, errNonce, errMac); err != nil || len(nonce) != aes.BlockSize || len(data) == 0 || len(data)%aes.BlockSize != 0 {
		return nil, fmt.Errorf("%w: it cannot be read", ErrProtection)
	}
	cipher.NewCBCDecrypter(p.block, p.vector(nonce)).CryptBlocks(data, data)
	// A wrong padding is judged with the digest, so that neither tells of the other.
	padding := int(data[len(data)-1])
	if padding < 1 || padding > aes.BlockSize {
		padding = 0
	}
	plain := data[:len(data)-padding]
	if !hmac.Equal(p.digest(plain), mac) || padding == 0 {
		return nil, fmt.Errorf("%w: it was changed on its way, or the passphrase is another", ErrProtection)
	}
	return plain, nil
}

// vector is the derived base with the message's nonce.
func (p *Protection) vector(nonce []byte) []byte {
	iv := p.iv
	for i := range iv {
		iv[i] ^= nonce[i]
	}
	return iv[:]
}

func (p *Protection) digest(plain []byte) []byte {
	h := hmac.New(sha256.New, p.mac)
	h.Write(plain)
	return h.Sum(nil)
}

// unwrap gives the message within a protected one; its header must be the outer one's.
func (p *Protection) unwrap(outer message) (message, error) {
	if outer.Trailer == nil || outer.Blob == "" {
		return message{}, fmt.Errorf("%w: this terminal takes protected messages only", ErrProtection)
	}
	plain, err := p.open(outer.Blob, *outer.Trailer)
	if err != nil {
		return message{}, err
	}
	var inner envelope
	if err := json.Unmarshal(plain, &inner); err != nil || inner.Request == nil {
		return message{}, fmt.Errorf("%w: there is no request in it", ErrProtection)
	}
	if inner.Request.Header != outer.Header {
		return message{}, fmt.Errorf("%w: it is about another message", ErrProtection)
	}
	return *inner.Request, nil
}

// wrap protects an answer.
func (p *Protection) wrap(answer envelope) (envelope, error) {
	plain, err := json.Marshal(answer)
	if err != nil {
		return envelope{}, fmt.Errorf("protect an answer: %w", err)
	}
	blob, t, err := p.seal(plain)
	if err != nil {
		return envelope{}, err
	}
	return envelope{Response: &message{Header: answer.Response.Header, Blob: blob, Trailer: &t}}, nil
}

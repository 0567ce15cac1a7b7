package wechat

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"
)

// open decrypts AEAD_AES_256_GCM: base64 of the ciphertext with its 16-byte tag
// behind it. The key is the APIv3 key's bytes.
func open(key []byte, nonce, additional, sealed string) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("APIv3 key: %w", err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	if len(nonce) != gcm.NonceSize() {
		return nil, fmt.Errorf("the nonce has %d bytes and not %d", len(nonce), gcm.NonceSize())
	}
	text, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil {
		return nil, fmt.Errorf("the ciphertext is not base64: %w", err)
	}
	plain, err := gcm.Open(nil, []byte(nonce), text, []byte(additional))
	if err != nil {
		return nil, errors.New("the APIv3 key does not open it: compare api_v3_key with the merchant platform")
	}
	return plain, nil
}

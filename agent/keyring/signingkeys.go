package keyring

import "crypto/ed25519"

// LoadSigningKey reads the Ed25519 key that signs requests to a gateway: PEM in
// PKCS #8, as `openssl genpkey -algorithm ed25519` writes it. The file must be
// readable by the agent alone; errors are as in LoadPrivateKey.
func LoadSigningKey(path string) (ed25519.PrivateKey, error) {
	l := loader{op: "load signing key", path: path}
	blocks, err := l.blocksOf(private)
	if err != nil {
		return nil, err
	}
	for _, b := range blocks {
		if key, ok := parsePrivate(b); ok {
			own, ok := key.(ed25519.PrivateKey)
			if !ok {
				return nil, l.wrong("holds a private key that is not Ed25519", "make one with `openssl genpkey -algorithm ed25519` and give its public half to the acquirer")
			}
			return own, nil
		}
	}
	return nil, l.instead(blocks, "the Ed25519 private key whose public half the acquirer has")
}

// LoadVerifyKey reads the Ed25519 public key that a gateway signs its answers
// with: PEM in PKIX. Errors are as in LoadPublicKey.
func LoadVerifyKey(path string) (ed25519.PublicKey, error) {
	l := loader{op: "load public key", path: path}
	blocks, err := l.blocksOf(trusted)
	if err != nil {
		return nil, err
	}
	for _, b := range blocks {
		if key, ok := parsePublic(b); ok {
			theirs, ok := key.(ed25519.PublicKey)
			if !ok {
				return nil, l.wrong("holds a public key that is not Ed25519", "ask the acquirer for the Ed25519 key that signs the answers")
			}
			return theirs, nil
		}
	}
	return nil, l.instead(blocks, "the acquirer's Ed25519 public key")
}

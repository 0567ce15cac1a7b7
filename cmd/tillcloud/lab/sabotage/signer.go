package sabotage

import "slices"

// CheapSigner are the edits that sign and verify the messages of WeChat Pay, Alipay
// and the gateway with HMAC-SHA-256 under the public key instead of RSA and Ed25519:
// a shop of a million payments would spend an hour on signatures alone. What is signed,
// who must verify it and what a wrong bit does stay as they are; only somebody who knows
// the public key could forge, and no fault of the campaigns does. Vouchers keep their
// own signatures: there thieves do forge.
func CheapSigner() []Edit {
	return slices.Concat(cheapClients(), cheapWechat(), cheapAlipay(), cheapGateway())
}

// cheapClients is for the clients, which sign and verify alike.
func cheapClients() []Edit {
	const shop = "agent/wallet/sign.go"
	return []Edit{
		{shop, "\t\"crypto\"\n", "\t\"crypto/hmac\"\n"},
		{shop, `	raw, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(raw), nil
`, `	return base64.StdEncoding.EncodeToString(cheapSignature(key.N.Bytes(), sum[:])), nil
`},
		{shop, `	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], raw)
`, `	if !hmac.Equal(cheapSignature(key.N.Bytes(), sum[:]), raw) {
		return rsa.ErrVerification
	}
	return nil
`},
		{shop, `// SignRSA is SHA256withRSA`, cheapSignature + `// SignRSA is SHA256withRSA`},
	}
}

// cheapWechat is for the fake WeChat Pay.
func cheapWechat() []Edit {
	const cloud = "agent/sandbox/wechat/sign.go"
	return []Edit{
		{cloud, "\t\"crypto\"\n", "\t\"crypto/hmac\"\n"},
		{cloud, "\t\"crypto/rsa\"\n", ""},
		{cloud, `	if rsa.VerifyPKCS1v15(&m.Key.PublicKey, crypto.SHA256, sum[:], signature) != nil {
`, `	if !hmac.Equal(cheapSignature(m.Key.N.Bytes(), sum[:]), signature) {
`},
		{cloud, `	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		// A key that cannot sign leaves the answer unsigned, which every client must refuse.
		return
	}
`, `	signature := cheapSignature(key.N.Bytes(), sum[:])
`},
		{cloud, `// randomHex is`, cheapSignature + `// randomHex is`},
	}
}

// cheapAlipay is for the fake Alipay.
func cheapAlipay() []Edit {
	const cloud = "agent/sandbox/alipay/sign.go"
	return []Edit{
		{cloud, "\t\"crypto\"\n", "\t\"crypto/hmac\"\n"},
		{cloud, "\t\"crypto/rand\"\n", ""},
		{cloud, "\t\"crypto/rsa\"\n", ""},
		{cloud, `	if rsa.VerifyPKCS1v15(&a.Key.PublicKey, crypto.SHA256, sum[:], signature) != nil {
`, `	if !hmac.Equal(cheapSignature(a.Key.N.Bytes(), sum[:]), signature) {
`},
		{cloud, `		signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
		if err != nil {
			signature = nil // an answer without a signature is one that every client must refuse
		}
`, `		signature := cheapSignature(key.N.Bytes(), sum[:])
`},
		{cloud, `// encode writes JSON as`, cheapSignature + `// encode writes JSON as`},
	}
}

// cheapGateway is for the gateway's client and for its fake acquirer.
func cheapGateway() []Edit {
	const shop, cloud = "agent/wallet/gateway/signature.go", "agent/sandbox/gateway/signature.go"
	return []Edit{
		{shop, "\t\"crypto/ed25519\"\n", "\t\"crypto/ed25519\"\n\t\"crypto/hmac\"\n"},
		{shop, "ed25519.Sign(s.Key, base(list, input))", "cheapSignature(twice(s.Key.Public().(ed25519.PublicKey)), base(list, input))"},
		{shop, "!ed25519.Verify(key, base(list, text), raw)", "!hmac.Equal(cheapSignature(twice(key), base(list, text)), raw)"},
		{shop, `// Sign digests the body`, twice + cheapSignature + `// Sign digests the body`},
		{cloud, "\t\"crypto/ed25519\"\n", "\t\"crypto/ed25519\"\n\t\"crypto/hmac\"\n"},
		{cloud, "!ed25519.Verify(a.terminal.Key.Public().(ed25519.PublicKey), []byte(base), p.signature)",
			"!hmac.Equal(cheapSignature(twice(a.terminal.Key.Public().(ed25519.PublicKey)), []byte(base)), p.signature)"},
		{cloud, "ed25519.Sign(a.key, []byte(lines+`\"@signature-params\": `+params))",
			"cheapSignature(twice(a.key.Public().(ed25519.PublicKey)), []byte(lines+`\"@signature-params\": `+params))"},
		{cloud, `// proof is what a request's signature fields say.`, twice + cheapSignature + `// proof is what a request's signature fields say.`},
	}
}

// twice goes before cheapSignature: a signature of Ed25519 is twice as long as its key.
const twice = `func twice(key ed25519.PublicKey) []byte { return append(key[:len(key):len(key)], key...) }

`

// cheapSignature goes into each of the files. The signature is as long as one of RSA,
// so that a message has the same bytes.
const cheapSignature = `func cheapSignature(key, sum []byte) (raw []byte) {
	mac := hmac.New(sha256.New, key)
	mac.Write(sum)
	for len(raw) < len(key) {
		raw = mac.Sum(raw)
	}
	return raw
}

`

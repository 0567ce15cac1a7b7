package gateway

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"

	"tillwire/agent/sandbox"
)

// coder makes a fresh consumer-presented code.
type coder func() (string, error)

// digits makes a bar code of so many digits that begins with the brand's own.
func digits(length int, prefix string) coder {
	return func() (string, error) {
		rest, err := sandbox.RandomDigits(length - len(prefix))
		return prefix + rest, err
	}
}

// either makes a bar code or a QR code, as the phone's owner happens to show it:
// a client must take both.
func either(a, b coder) coder {
	return func() (string, error) {
		coin, err := rand.Int(rand.Reader, big.NewInt(2))
		if err != nil {
			return "", err
		}
		if coin.Sign() == 0 {
			return a()
		}
		return b()
	}
}

// alipayPlus makes 16 to 24 digits that begin with 25 to 30 (Alipay+ partner
// wallets show theirs in Alipay's space).
func alipayPlus() (string, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(6*9))
	if err != nil {
		return "", err
	}
	v := int(n.Int64())
	return digits(16+v/6, fmt.Sprint(25+v%6))()
}

// ber writes one BER-TLV object; the tag is hexadecimal.
func ber(tag string, value []byte) []byte {
	b, err := hex.DecodeString(tag)
	if err != nil {
		return nil // the tags stand in this file
	}
	switch n := len(value); {
	case n < 0x80:
		b = append(b, byte(n))
	case n <= 0xff:
		b = append(b, 0x81, byte(n))
	default:
		b = append(b, 0x82, byte(n>>8), byte(n))
	}
	return append(b, value...)
}

// join puts objects behind each other.
func join(objects ...[]byte) []byte {
	var b []byte
	for _, o := range objects {
		b = append(b, o...)
	}
	return b
}

// unhex is for the constants and digits of this file.
func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		return nil
	}
	return b
}

// emvCode makes EMVCo consumer-presented codes of an application: a card number
// nobody has and the chip data that makes each code another.
func emvCode(aid, name string) coder {
	return func() (string, error) {
		pan, err := sandbox.RandomDigits(10)
		if err != nil {
			return "", err
		}
		var chip [12]byte
		rand.Read(chip[:]) // never fails
		// Track 2: number, separator, expiry, service code, discretionary data.
		track := unhex("623600" + pan + "d3112201" + "0000018801")
		transparent := join(ber("9f26", chip[:8]), ber("9f27", unhex("80")), ber("9f36", unhex("0001")), ber("82", unhex("0000")), ber("9f37", chip[8:]))
		template := join(ber("4f", unhex(aid)), ber("50", []byte(name)), ber("57", track), ber("5f34", unhex("00")), ber("63", transparent))
		return base64.StdEncoding.EncodeToString(join(ber("85", []byte("CPV01")), ber("61", template))), nil
	}
}

// jpqrCode makes the Japanese form: its own indicator, and ASCII where EMVCo has
// packed digits.
func jpqrCode() (string, error) {
	id, err := sandbox.RandomDigits(20)
	if err != nil {
		return "", err
	}
	template := join(ber("4f", []byte("90008181")), ber("57", []byte(id)))
	return base64.StdEncoding.EncodeToString(join(ber("85", []byte("JPQR1")), ber("61", template))), nil
}

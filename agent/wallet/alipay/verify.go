package alipay

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"tillwire/agent/wallet"
)

// Why an answer is not believed. All of them leave the operation in doubt.
var (
	ErrUnsigned   = errors.New("alipay: the answer is not signed")
	ErrSignature  = errors.New("alipay: the answer's signature is wrong")
	ErrUnknownKey = errors.New("alipay: the answer is signed with a certificate we do not hold; download alipayCertPublicKey again")
	ErrOtherOrder = errors.New("alipay: the answer is about another order or amount")
)

// envelope is an answer before it is believed: the bytes that were signed, exactly
// as they came, and the signature.
type envelope struct {
	content json.RawMessage
	sign    string
	serial  string // alipay_cert_sn, certificate mode
}

// unwrap finds the member that answers a method. The bytes of its value are what
// Alipay signed: reading and writing them again would change escapes and order.
func unwrap(method string, body []byte) (envelope, error) {
	var outer map[string]json.RawMessage
	if err := json.Unmarshal(body, &outer); err != nil {
		return envelope{}, fmt.Errorf("%w: it is no JSON object (%d bytes)", ErrUnsigned, len(body))
	}
	var e envelope
	var ok bool
	if e.content, ok = outer[answerName(method)]; !ok {
		if e.content, ok = outer["error_response"]; !ok {
			return e, fmt.Errorf("%w: it has no %s", ErrUnsigned, answerName(method))
		}
	}
	_ = json.Unmarshal(outer["sign"], &e.sign) // what is no text is no signature
	_ = json.Unmarshal(outer["alipay_cert_sn"], &e.serial)
	if e.sign == "" {
		return e, fmt.Errorf("%w%s", ErrUnsigned, e.hint())
	}
	return e, nil
}

func answerName(method string) string { return strings.ReplaceAll(method, ".", "_") + "_response" }

// hint tells the office what an unsigned answer complains about, such as a wrong
// app_id. It proves nothing; only words of Alipay's own form are repeated, so that
// nothing of ours comes back into a log.
func (e envelope) hint() string {
	var r result
	if json.Unmarshal(e.content, &r) != nil {
		return ""
	}
	says := ""
	if len(r.Code) == 5 && strings.Trim(r.Code, "0123456789") == "" {
		says += " " + r.Code
	}
	if before, _, ok := strings.Cut(r.SubCode, "."); ok && len(r.SubCode) < 80 && strings.Contains(" isv isp aop acq ", " "+strings.ToLower(before)+" ") &&
		!strings.ContainsAny(r.SubCode, "0123456789 \n") {
		says += " " + word(r.SubCode)
	}
	if says == "" {
		return ""
	}
	return "; it says" + says + ": check app_id and the keys"
}

// verify believes an answer or says why not.
func (k keys) verify(e envelope) error {
	err := wallet.VerifyRSA(k.alipay, e.content, e.sign)
	switch {
	case err == nil:
		return nil
	case k.alipaySN != "" && e.serial != "" && e.serial != k.alipaySN:
		return ErrUnknownKey
	}
	return fmt.Errorf("%w: %w", ErrSignature, err)
}

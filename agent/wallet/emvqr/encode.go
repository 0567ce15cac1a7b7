package emvqr

import (
	"fmt"
	"strings"
)

// Encode writes the payload with its checksum. The objects keep their order,
// lengths count characters unless ByteLengths is set, an object 63 among them
// is replaced. It refuses an id that is not two digits and a value that is
// empty or longer than 99.
func Encode(p Payload) (string, error) {
	u := unit(p.ByteLengths)
	var b strings.Builder
	for _, o := range p.Objects {
		if o.ID == "63" {
			continue
		}
		if err := write(&b, o, u); err != nil {
			return "", err
		}
	}
	b.WriteString("6304")
	return b.String() + checksum(b.String()), nil
}

func write(b *strings.Builder, o Object, u unit) error {
	value := o.Value
	if value == "" {
		var inner strings.Builder
		for _, n := range o.Nested {
			if err := write(&inner, n, u); err != nil {
				return fmt.Errorf("in object %s: %w", o.ID, err)
			}
		}
		value = inner.String()
	}
	if len(o.ID) != 2 || !digits(o.ID) {
		return fmt.Errorf("emvqr: encode: %q is no id of two digits", o.ID)
	}
	n := u.length(value)
	if n < 1 || n > 99 {
		return fmt.Errorf("emvqr: encode: object %s is %d %s long; 1 to 99 can be written", o.ID, n, u)
	}
	fmt.Fprintf(b, "%s%02d%s", o.ID, n, value)
	return nil
}

// checksum is CRC-16/CCITT-FALSE over the bytes of text, which includes the
// "6304" before it (ISO/IEC 13239; EMVCo MPM 1.1, 4.7.3): four upper-case
// hexadecimal digits.
func checksum(text string) string {
	crc := uint16(0xFFFF)
	for i := 0; i < len(text); i++ {
		crc ^= uint16(text[i]) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return fmt.Sprintf("%04X", crc)
}

package scanner

// Opcodes of the Simple Serial Interface (Zebra, SSI programmer's guide).
const (
	ssiAck          = 0xd0
	ssiNak          = 0xd1
	ssiDecodeData   = 0xf3
	ssiEvent        = 0xf6
	ssiRevision     = 0xa4
	ssiCapabilities = 0xd4
	ssiParams       = 0xc6
	ssiBeep         = 0xe6
	ssiStart        = 0xe4
	ssiStop         = 0xe5
	ssiEnable       = 0xe9
	ssiDisable      = 0xea
)

// The other constants of SSI packets.
const (
	ssiHost     = 0x04
	ssiDecoder  = 0x00
	ssiRepeated = 0x01 // status bit: this packet was sent before
	ssiHeader   = 4    // length, opcode, source, status
	ssiCheck    = 2    // bytes of the checksum
	ssiSilent   = 0xff // no beep when a parameter changes
)

// The parameters of PARAM_SEND that are set.
const (
	ssiParamTrigger  = 0x8a // 08 is host
	ssiParamPacketed = 0xee // 01 is packets
	ssiParamAckNak   = 0x9f // 01 is on
	ssiTriggerHost   = 0x08
)

// ssiPacket builds a packet of the host.
func ssiPacket(opcode byte, data ...byte) []byte {
	b := append([]byte{byte(ssiHeader + len(data)), opcode, ssiHost, 0}, data...)
	return ssiSeal(b)
}

// ssiSeal appends the checksum: the two's complement of the sum of all bytes in
// 16 bits, high byte first.
func ssiSeal(b []byte) []byte {
	sum := -ssiSum(b)
	return append(b, byte(sum>>8), byte(sum))
}

func ssiSum(b []byte) (sum uint16) {
	for _, c := range b {
		sum += uint16(c)
	}
	return sum
}

// ssiAgain marks a packet as sent before.
func ssiAgain(first []byte) []byte {
	b := append([]byte(nil), first[:len(first)-ssiCheck]...)
	if len(b) < ssiHeader {
		return first
	}
	b[3] |= ssiRepeated
	return ssiSeal(b)
}

// ssiSound reports whether the checksum of a whole packet is right.
func ssiSound(b []byte) bool {
	n := len(b) - ssiCheck
	return ssiSum(b[:n])+(uint16(b[n])<<8|uint16(b[n+1])) == 0
}

// ssiFromDecoder reports whether a decoder sends packets of this opcode.
func ssiFromDecoder(opcode byte) bool {
	switch opcode {
	case ssiAck, ssiNak, ssiDecodeData, ssiSegment, ssiEvent, ssiRevision, ssiCapabilities, ssiParams:
		return true
	}
	return false
}

// ssiWhy is why a decoder refused, in the guide's words.
func ssiWhy(data []byte) string {
	if len(data) == 0 {
		return "no reason"
	}
	switch data[0] {
	case 0x01:
		return "resend"
	case 0x02:
		return "bad context"
	case 0x06:
		return "denied"
	case 0x0a:
		return "cancel"
	}
	return "reason " + hexByte(data[0])
}

package scanner

import (
	"fmt"
	"strings"
)

// sealed is an SSI packet of a decoder in hex.
func sealed(opcode, status byte, data string) string {
	b := append([]byte{byte(4 + len(data)), opcode, ssiDecoder, status}, data...)
	return text(string(ssiSeal(b)))
}

// report is a HID POS report in hex.
func report(aim, data string, vendor, flags byte) string {
	b := make([]byte, hidposSize)
	b[0], b[1] = hidposReport, byte(len(data))
	copy(b[2:], aim)
	copy(b[hidposData:], data)
	b[hidposID], b[hidposFlags] = vendor, flags
	return text(string(b))
}

// moreCases are rules of the protocols that the public vectors leave open.
func moreCases() []lines {
	return append(append(append(ssiCases(), segmentCases()...), textCases()...), hidCases()...)
}

// segmentCases are codes that do not fit one packet.
func segmentCases() []lines {
	const ack = `{"at":%d,"event":"send","hex":"04740400FF84"}`
	long := strings.Repeat("0123456789", 30)
	const first = 241 // what a full first segment holds
	segment := func(source byte, data string) string {
		return text(string(ssiSeal(append([]byte{byte(4 + len(data)), ssiSegment, source, 0}, data...))))
	}
	head := "\x00\xf3\x00\x00\x01\x2c\x1c\x01\x01\x2c" // number 0, DECODE_DATA, 300 in all, a QR code of 300
	begins, ends := segment(ssiFirstFrom, head+long[:first]), segment(ssiDecoder, "\x01"+long[first:])
	scan := `{"at":10,"event":"scan","text":"` + long + `","symbology":"1C"}`
	at := func(ms int) string { return fmt.Sprintf(ack, ms) }
	return []lines{
		{name: "a long code in segments", profile: "ssi", in: []string{"@0 " + begins, "@10 " + ends}, want: []string{at(0), at(10), scan}},
		{name: "a segment that is sent again", profile: "ssi", in: []string{"@0 " + begins, "@5 " + begins, "@10 " + ends}, want: []string{at(0), at(5), at(10), scan}},
		{name: "a segment that never comes", profile: "ssi", in: []string{"@0 " + begins, "@2500 " + ends},
			want: []string{at(0), `{"at":2000,"event":"partial_timeout","bytes":241}`, at(2500), `{"at":2500,"event":"garbage","bytes":60}`}},
		{name: "a segment that is missing", profile: "ssi", in: []string{"@0 " + begins, "@10 " + segment(ssiDecoder, "\x02"+long[first:])},
			want: []string{at(0), at(10), `{"at":10,"event":"garbage","bytes":301}`}},
		{name: "segments that are fewer than was said", profile: "ssi", in: []string{"@0 " + begins, "@10 " + segment(ssiDecoder, "\x01"+long[first+1:])},
			want: []string{at(0), at(10), `{"at":10,"event":"garbage","bytes":299}`}},
		{name: "a segment longer than allowed", profile: "ssi", set: map[string]string{"max_len": "200"}, in: []string{"@0 " + begins},
			want: []string{at(0), `{"at":0,"event":"overflow","bytes":241}`}},
	}
}

func ssiCases() []lines {
	const ack = `{"at":0,"event":"send","hex":"04D00400FF28"}`
	return []lines{
		{name: "a retransmission of what never arrived is a scan", profile: "ssi",
			in: []string{"@0 " + sealed(ssiDecodeData, 1, "\x1c123")}, want: []string{ack, `{"at":0,"event":"scan","text":"123","symbology":"1C"}`}},
		{name: "the same code scanned again is a duplicate", profile: "ssi",
			in:   []string{"@0 " + sealed(ssiDecodeData, 0, "\x1c123") + sealed(ssiDecodeData, 0, "\x1c123\r\n")},
			want: []string{ack, `{"at":0,"event":"scan","text":"123","symbology":"1C"}`, ack, `{"at":0,"event":"duplicate","text":"123","symbology":"1C"}`}},
		{name: "an AIM identifier inside says more than the type", profile: "ssi",
			in: []string{"@0 " + sealed(ssiDecodeData, 0, "\x1c]Q1123")}, want: []string{ack, `{"at":0,"event":"scan","text":"123","symbology":"]Q1"}`}},
		{name: "a code with a byte that no code has", profile: "ssi",
			in: []string{"@0 " + sealed(ssiDecodeData, 0, "\x1c12\x803")}, want: []string{ack, `{"at":0,"event":"garbage","bytes":4}`}},
		{name: "a type without a code", profile: "ssi",
			in: []string{"@0 " + sealed(ssiDecodeData, 0, "\x1c")}, want: []string{ack, `{"at":0,"event":"garbage","bytes":1}`}},
		{name: "a code longer than allowed", profile: "ssi", set: map[string]string{"max_len": "4"},
			in: []string{"@0 " + sealed(ssiDecodeData, 0, "\x1c12345")}, want: []string{ack, `{"at":0,"event":"overflow","bytes":5}`}},
		{name: "an event is acknowledged and no scan", profile: "ssi",
			in: []string{"@0 " + sealed(ssiEvent, 0, "\x0b")}, want: []string{ack}},
		{name: "noise alone is told when the line falls silent", profile: "ssi",
			in: []string{"@0 00 00 01", "@300"}, want: []string{`{"at":200,"event":"resync","bytes":3}`}},
		{name: "a module that marks its packets as the host's", profile: "ssi", set: map[string]string{"source": "any"},
			in: []string{"@0 04 D0 04 00 FF 28"}, want: []string{`{"at":0,"event":"ack"}`}},
		{name: "nobody else may", profile: "ssi",
			in: []string{"@0 04 D0 04 00 FF 28", "@300"}, want: []string{`{"at":200,"event":"resync","bytes":5}`, `{"at":200,"event":"intercharacter_timeout","bytes":1}`}},
		{name: "a cordless code with its length", profile: "ssi", set: map[string]string{"cordless": "on"},
			in:   []string{"@0 " + sealed(ssiDecodeData, 0, "\x1c\x00\x00\x03123") + sealed(ssiDecodeData, 0, "\x1c\x00\x00\x04123")},
			want: []string{ack, `{"at":0,"event":"scan","text":"123","symbology":"1C"}`, ack, `{"at":0,"event":"garbage","bytes":7}`}},
		{name: "a command is sent again, marked, and given up", profile: "ssi",
			in: []string{"@0 !trigger_on", "@2000", "@9000"},
			want: []string{`{"at":0,"event":"send","hex":"04E40400FF14"}`, `{"at":2000,"event":"send","hex":"04E40401FF13"}`,
				`{"at":4000,"event":"send","hex":"04E40401FF13"}`, `{"at":6000,"event":"unanswered","hex":"04E40400FF14"}`}},
		{name: "one command at a time", profile: "ssi", set: map[string]string{"host_mode": "on", "setup": "off"},
			in: []string{"@0 !init", "@10 !trigger_on", "@20 04D00000FF2C", "@30 04D00000FF2C", "@40 !trigger_off"},
			want: []string{`{"at":0,"event":"send","hex":"07C60400FF8A08FD9E"}`, `{"at":20,"event":"ack"}`, `{"at":20,"event":"send","hex":"04E40400FF14"}`,
				`{"at":30,"event":"ack"}`, `{"at":40,"event":"send","hex":"04E50400FF13"}`}},
		{name: "a scanner that did not understand hears it again", profile: "ssi",
			in: []string{"@0 !accepted", "@5 " + sealed(ssiNak, 0, "\x01"), "@9 " + sealed(ssiNak, 0, "\x02")},
			want: []string{`{"at":0,"event":"send","hex":"05E6040000FF11"}`, `{"at":5,"event":"nak","text":"resend"}`,
				`{"at":5,"event":"send","hex":"05E6040100FF10"}`, `{"at":9,"event":"nak","text":"bad context"}`}},
		{name: "a sleeper is woken first", profile: "ssi", set: map[string]string{"wake": "on", "trigger": "enable"},
			in:   []string{"@0 !trigger_on", "@100"},
			want: []string{`{"at":0,"event":"send","hex":"00"}`, `{"at":50,"event":"send","hex":"04E90400FF0F"}`}},
		{name: "told nothing, it is told nothing", profile: "ssi", set: map[string]string{"trigger": "off", "setup": "off", "accepted_beep": "off"},
			in: []string{"@0 !init", "@0 !trigger_on", "@0 !trigger_off", "@0 !accepted", "@0 !refused"}},
		{name: "before the grace ends nobody waits for a code", profile: "ssi", set: map[string]string{"open_grace": "150"},
			in: []string{"@0 " + sealed(ssiDecodeData, 0, "\x1c123")}, want: []string{ack}},
	}
}

func textCases() []lines {
	return []lines{
		{name: "a packet of nothing that is known", profile: "honeywell-dechdr",
			in: []string{"@0 16 FE 0F 00 00 00 0D " + text("MSGPUT0001sQ1\x1dX")}, want: []string{`{"at":0,"event":"garbage","bytes":15}`}},
		{name: "a packet whose digits lie", profile: "honeywell-dechdr",
			in: []string{"@0 16 FE 0F 00 00 00 0D " + text("MSGGET0002sQ1\x1dX")}, want: []string{`{"at":0,"event":"garbage","bytes":15}`}},
		{name: "a packet longer than any code", profile: "honeywell-dechdr",
			in:   []string{"@0 16 FE FF FF FF FF 0D" + text("MSGGET"), "@600 " + text("12\r")},
			want: []string{`{"at":0,"event":"overflow","bytes":7}`, `{"at":600,"event":"garbage","bytes":2}`}},
		{name: "a packet that breaks off", profile: "honeywell-dechdr",
			in: []string{"@0 16 FE 21 00 00 00 0D 4D 53", "@600"}, want: []string{`{"at":500,"event":"partial_timeout","bytes":9}`}},
		{name: "the tail of a packet is no code", profile: "honeywell-dechdr",
			in: []string{"@0 " + text("0019sQ1\x1d281234567890123456\r")}, want: []string{`{"at":0,"event":"garbage","bytes":26}`}},
		{name: "packets are switched on, with a reply", profile: "honeywell-dechdr",
			in: []string{"@0 !init", "@30 " + text("DECHDR1\x06!"), "@100 !trigger_on", "@150", "@200 !trigger_off", "@300"},
			want: []string{`{"at":0,"event":"send","hex":"164D0D4445434844523121"}`, `{"at":30,"event":"ack","text":"DECHDR1"}`,
				`{"at":100,"event":"send","hex":"16540D"}`, `{"at":200,"event":"send","hex":"16550D"}`}},
		{name: "a firmware without packets says so", profile: "honeywell-dechdr",
			in: []string{"@0 " + text("DECHDR1\x05!")}, want: []string{`{"at":0,"event":"nak","text":"unknown DECHDR1"}`}},
		{name: "replies between lines", profile: "honeywell",
			in: []string{"@0 " + text("111\rREVINF\x06.222\rSCNAIM9\x15!333\r")},
			want: []string{`{"at":0,"event":"scan","text":"111"}`, `{"at":0,"event":"ack","text":"REVINF"}`, `{"at":0,"event":"scan","text":"222"}`,
				`{"at":0,"event":"nak","text":"SCNAIM9"}`, `{"at":0,"event":"scan","text":"333"}`}},
		{name: "a status that ends no reply is a damaged code", profile: "honeywell",
			in: []string{"@0 " + text("11\x06\x061\r")}, want: []string{`{"at":0,"event":"garbage","bytes":5}`}},
		{name: "a reply inside a code leaves it whole", profile: "newland",
			in:   []string{"@0 " + text("28\x02\x010000#SCNTRG1\x15;\x03"+"77\r")},
			want: []string{`{"at":0,"event":"nak","text":"SCNTRG1"}`, `{"at":0,"event":"scan","text":"2877"}`}},
		{name: "a reply that breaks off", profile: "newland",
			in: []string{"@0 02 01 30 30", "@600 " + text("1\r")}, want: []string{`{"at":500,"event":"partial_timeout","bytes":4}`, `{"at":600,"event":"scan","text":"1"}`}},
		{name: "STX alone is no reply", profile: "newland",
			in: []string{"@0 02 02 31 0D"}, want: []string{`{"at":0,"event":"garbage","bytes":3}`}},
		{name: "what is told, and answered late", profile: "newland",
			in: []string{"@0 !trigger_on", "@10 !trigger_off", "@4000 02 01 30303030 23 53434E54524731 06 3B 03", "@8000 02 01 30303030 23 53434E54524730 06 3B 03"},
			want: []string{`{"at":0,"event":"send","hex":"7E01303030302353434E545247313B03"}`, `{"at":4000,"event":"ack","text":"SCNTRG1"}`,
				`{"at":4000,"event":"send","hex":"7E01303030302353434E545247303B03"}`, `{"at":8000,"event":"ack","text":"SCNTRG0"}`}},
		{name: "bytes of their own, 50 ms apart", profile: "datalogic",
			in:   []string{"@0 !trigger_on", "@0 !trigger_off", "@100 !accepted", "@150"},
			want: []string{`{"at":0,"event":"send","hex":"45"}`, `{"at":50,"event":"send","hex":"44"}`, `{"at":100,"event":"send","hex":"01"}`}},
		{name: "code ids of the set that is configured", profile: "datalogic", set: map[string]string{"code_id": "datalogic-us"},
			in: []string{"@0 " + text("FF12345670\rF6901234567892\rQR28\r77\r")},
			want: []string{`{"at":0,"event":"scan","text":"12345670","symbology":"FF"}`, `{"at":0,"event":"scan","text":"6901234567892","symbology":"F"}`,
				`{"at":0,"event":"scan","text":"28","symbology":"QR"}`, `{"at":0,"event":"garbage","bytes":2}`}},
		{name: "the module answers its trigger and then sends text", profile: "grow",
			in: []string{"@0 !trigger_on", "@20 02 00 00 01 00 33 31" + text("281234567890123456\r")},
			want: []string{`{"at":0,"event":"send","hex":"7E000801000201ABCD"}`, `{"at":20,"event":"ack","text":"register"}`,
				`{"at":20,"event":"scan","text":"281234567890123456"}`}},
		{name: "a damaged reply is garbage, not silence", profile: "grow",
			in: []string{"@0 02 00 00 01 00 33 32 0D"}, want: []string{`{"at":0,"event":"garbage","bytes":4}`}},
		{name: "any command of one's own", profile: "line", set: map[string]string{"trigger_on": "1B 31", "init": "23 40, 23 41"},
			in:   []string{"@0 !init", "@60 !trigger_on", "@200 !accepted"},
			want: []string{`{"at":0,"event":"send","hex":"2340"}`, `{"at":50,"event":"send","hex":"2341"}`, `{"at":100,"event":"send","hex":"1B31"}`}},
	}
}

func hidCases() []lines {
	long := strings.Repeat("0123456789", 6)
	return []lines{
		{name: "a code in two reports", profile: "hid-pos",
			in:   []string{"@0 " + report("]Q1", long[:56], 's', 1), "@9 " + report("]Q1", long[56:]+"\r", 's', 0)},
			want: []string{`{"at":9,"event":"scan","text":"` + long + `","symbology":"]Q1","id":"s"}`}},
		{name: "a second report that belongs to another code", profile: "hid-pos",
			in:   []string{"@0 " + report("]Q1", "12", 0, 1) + report("]E0", "34", 0, 1) + report("]E0", "56", 0, 0) + report("]E0", "78", 0, 0)},
			want: []string{`{"at":0,"event":"resync","bytes":2}`, `{"at":0,"event":"scan","text":"78","symbology":"]E0"}`}},
		{name: "a second report that never comes", profile: "hid-pos",
			in:   []string{"@0 " + report("]Q1", "12", 0, 1), "@600 " + report("]Q1", "34", 0, 0)},
			want: []string{`{"at":500,"event":"partial_timeout","bytes":2}`, `{"at":600,"event":"scan","text":"34","symbology":"]Q1"}`}},
		{name: "a report of something else", profile: "hid-pos",
			in: []string{"@0 03 02 41"}, want: []string{`{"at":0,"event":"resync","bytes":1}`}},
		{name: "a report of something else before a code", profile: "hid-pos",
			in:   []string{"@0 03 02 05 5D 51 31 39 39 39 39", "@8 " + report("]Q1", "1234", 's', 0)},
			want: []string{`{"at":0,"event":"resync","bytes":1}`, `{"at":8,"event":"scan","text":"1234","symbology":"]Q1","id":"s"}`}},
		{name: "a report of something else within a code", profile: "hid-pos",
			in:   []string{"@0 " + report("]Q1", "12", 0, 1), "@4 04 01", "@8 " + report("]Q1", "34", 0, 0), "@12 " + report("]Q1", "56", 0, 0)},
			want: []string{`{"at":4,"event":"resync","bytes":3}`, `{"at":12,"event":"scan","text":"56","symbology":"]Q1"}`}},
		{name: "a report with a length that none has", profile: "hid-pos",
			in:   []string{"@0 02 41 02 05 5D", "@8 " + report("]Q1", "34", 0, 0), "@12 " + report("]Q1", "56", 0, 0)},
			want: []string{`{"at":0,"event":"resync","bytes":2}`, `{"at":12,"event":"scan","text":"56","symbology":"]Q1"}`}},
		{name: "a code longer than allowed", profile: "hid-pos", set: map[string]string{"max_len": "8"},
			in:   []string{"@0 " + report("]Q1", "123456789", 0, 1) + report("]Q1", "0", 0, 0) + report("]Q1", "7", 0, 0)},
			want: []string{`{"at":0,"event":"overflow","bytes":9}`, `{"at":0,"event":"scan","text":"7","symbology":"]Q1"}`}},
		{name: "the trigger as an output report", profile: "hid-pos", set: map[string]string{"trigger_on": "FD 03 16 54 0D"},
			in: []string{"@0 !trigger_on"}, want: []string{`{"at":0,"event":"send","hex":"FD0316540D"}`}},
		{name: "Caps Lock turns letters over", profile: "evdev",
			in:   []string{"@0 " + input(evKey, keyCapsLock, keyDown) + input(evKey, keyCapsLock, keyUp) + typed("aB1!\n")},
			want: []string{`{"at":0,"event":"scan","text":"Ab1!"}`}},
		{name: "a character typed by its number", profile: "evdev",
			in:   []string{"@0 " + input(evKey, keyLeftAlt, keyDown) + input(evKey, 82, keyDown) + input(evKey, 77, keyDown) + input(evKey, 76, keyDown) + input(evKey, keyLeftAlt, keyUp) + typed("1\n")},
			want: []string{`{"at":0,"event":"scan","text":"A1"}`}},
		{name: "GS is Ctrl and a bracket", profile: "evdev",
			in:   []string{"@0 " + typed("01") + input(evKey, keyLeftCtrl, keyDown) + input(evKey, 27, keyDown) + input(evKey, keyLeftCtrl, keyUp) + typed("10\n")},
			want: []string{`{"at":0,"event":"scan","text":"01\u001d10"}`}},
		{name: "a key that types nothing spoils the code", profile: "evdev",
			in: []string{"@0 " + typed("12") + input(evKey, 59, keyDown) + typed("34\n")}, want: []string{`{"at":0,"event":"garbage","bytes":5}`}},
		{name: "held keys do not repeat", profile: "evdev",
			in: []string{"@0 " + input(evKey, 2, keyDown) + input(evKey, 2, 2) + input(evKey, 2, 2) + typed("\n")}, want: []string{`{"at":0,"event":"scan","text":"1"}`}},
		{name: "a code that is typed too slowly", profile: "evdev",
			in: []string{"@0 " + typed("12"), "@201 " + typed("34\n")}, want: []string{`{"at":200,"event":"partial_timeout","bytes":2}`, `{"at":201,"event":"scan","text":"34"}`}},
		{name: "the keypad and its Enter", profile: "evdev",
			in: []string{"@0 " + input(evKey, 71, keyDown) + input(evKey, 82, keyDown) + input(evKey, keyKeypadEnter, keyDown)}, want: []string{`{"at":0,"event":"scan","text":"70"}`}},
		{name: "events of a 32-bit machine", profile: "evdev", set: map[string]string{"event_size": "16"},
			in:   []string{"@0 " + strings.Repeat("00", 8) + "0100 0200 01000000" + strings.Repeat("00", 8) + "0100 1C00 01000000"},
			want: []string{`{"at":0,"event":"scan","text":"1"}`}},
	}
}

package scanner

// What the families of text scanners are told, in hex. The settings are those
// a scanner forgets without power: its permanent memory wears.

// honeywellSays: SYN T CR and SYN U CR are the trigger, SYN BEL CR beeps
// (Honeywell serial programming; Mindeo engines take the same).
func honeywellSays() map[Command]string {
	return map[Command]string{CommandTriggerOn: "16 54 0D", CommandTriggerOff: "16 55 0D", CommandAccepted: "16 07 0D"}
}

// newlandSays: ~ SOH "0000" "#" tag value ";" ETX, with "#" for temporary;
// SCNTRG is the trigger (Newland, unified commands). It beeps by itself.
func newlandSays() map[Command]string {
	return map[Command]string{
		CommandTriggerOn:  "7E 01 30 30 30 30 23 53 43 4E 54 52 47 31 3B 03",
		CommandTriggerOff: "7E 01 30 30 30 30 23 53 43 4E 54 52 47 30 3B 03",
	}
}

// datalogicSays: E enables, D disables, 01 forces the good-read tone (Datalogic
// RS-232 and USB-COM host commands). After F it would stay disabled until E, so
// a refusal is left to the screens.
func datalogicSays() map[Command]string {
	return map[Command]string{CommandTriggerOn: "45", CommandTriggerOff: "44", CommandAccepted: "01"}
}

// growSays: bit 0 of register 0002 is the trigger; AB CD stands for "no check"
// (GROW GM65, register protocol). The module ends a reading by itself.
func growSays() map[Command]string {
	return map[Command]string{CommandTriggerOn: "7E 00 08 01 00 02 01 AB CD"}
}

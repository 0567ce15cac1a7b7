package main

import (
	"strings"
	"testing"
)

func TestOnlyWhatTheFileHoldsAsWellIsGivenBack(t *testing.T) {
	const text = `00400000-00d5c000 r-xp 00000000 fe:00 4711   /usr/bin/till wire
Rss:                9400 kB
Private_Dirty:      9400 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
00d5c000-016cf000 r--p 0095c000 fe:00 4711   /usr/bin/till wire
Rss:                8000 kB
Anonymous:             0 kB
016cf000-016d2000 r--p 012ce000 fe:00 4711   /usr/bin/till wire
Rss:                  12 kB
Anonymous:             4 kB
016d2000-01795000 rw-p 012d1000 fe:00 4711   /usr/bin/till wire
Rss:                 448 kB
3e616000-3e637000 rw-p 00000000 00:00 0      [heap]
Rss:                   8 kB
7f00000-7f10000 r-xp 00000000 fe:00 99       /usr/lib/libc.so.6
Rss:                 920 kB
7f20000-7f30000 r-xp 00000000 fe:00 4711   /usr/bin/till wire
Rss:                   4 kB
Anonymous:             4 kB
`
	parts, err := readMaps(strings.NewReader(text))
	if err != nil || len(parts) != 3 || parts[0].start != 0x400000 || parts[0].end != 0xd5c000 || parts[1].start != 0xd5c000 || parts[1].resident != 8000 || parts[2].path != "/usr/lib/libc.so.6" {
		t.Errorf("given back would be %+v, %v", parts, err)
	}
	for _, bad := range []string{"here-there r-xp 0 fe:00 4711 /x\n", "1000-2000 r-xp 0 fe:00 4711 /x\nRss: many kB\n"} {
		if parts, err := readMaps(strings.NewReader(bad)); err == nil {
			t.Errorf("%q: %+v", bad, parts)
		}
	}
}

func TestTheProgramGoesOnWithoutItsFilesInMemory(t *testing.T) {
	resident := func() (kib int) {
		for _, part := range mappedFiles() {
			kib += part.resident
		}
		return kib
	}
	before := resident()
	unmapFiles()
	if after := resident(); before == 0 || after >= before {
		t.Errorf("%d KiB of files were in memory, and %d are", before, after)
	}
}

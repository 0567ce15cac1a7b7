package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// mapped is a part of a file that the process sees in its memory.
type mapped struct {
	start, end uintptr
	access     string
	path       string
	resident   int // KiB that count as the process's
	own        int // KiB that are copies of the process's own, and would be lost with the page
}

// inFile reports that the file holds the same, since nobody can have written there.
func (m mapped) inFile() bool {
	return strings.HasPrefix(m.path, "/") && len(m.access) == 4 && m.access[0] == 'r' && m.access[1] == '-' && m.access[3] == 'p' && m.own == 0
}

// unmapFiles takes the program's own file and its libraries out of the memory of the
// process. Starting touches nearly all of them once, of which a quiet agent needs less: what
// is used again comes back from the system's cache, a microsecond for sixteen pages. A
// system that does not tell what is where keeps what it has.
func unmapFiles() {
	for _, part := range mappedFiles() {
		// An error leaves the pages where they are, and nothing depends on it.
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, part.start, part.end-part.start, syscall.MADV_DONTNEED)
	}
}

// mappedFiles are the parts of files that can be read again from them.
func mappedFiles() []mapped {
	file, err := os.Open("/proc/self/smaps")
	if err != nil {
		return nil
	}
	defer file.Close()
	parts, err := readMaps(file)
	if err != nil {
		return nil
	}
	return parts
}

// readMaps reads what Linux writes in /proc/PID/smaps (proc_pid_smaps(5)), and keeps
// the read-only parts of files.
func readMaps(r io.Reader) (parts []mapped, err error) {
	var m mapped
	keep := func() {
		if m.inFile() {
			parts = append(parts, m)
		}
	}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 {
			continue
		}
		if name, isCount := strings.CutSuffix(fields[0], ":"); isCount {
			if err := m.count(name, fields[1]); err != nil {
				return nil, err
			}
			continue
		}
		keep()
		m = mapped{access: fields[1]}
		if len(fields) > 5 {
			m.path = strings.Join(fields[5:], " ")
		}
		if _, err := fmt.Sscanf(fields[0], "%x-%x", &m.start, &m.end); err != nil {
			return nil, fmt.Errorf("read memory map: %q: %w", fields[0], err)
		}
	}
	keep()
	return parts, lines.Err()
}

func (m *mapped) count(name, value string) error {
	if name != "Rss" && name != "Anonymous" && name != "Swap" {
		return nil
	}
	kib, err := strconv.Atoi(value)
	if err != nil {
		return fmt.Errorf("read memory map: %s: %w", name, err)
	}
	if name == "Rss" {
		m.resident = kib
	} else {
		m.own += kib
	}
	return nil
}

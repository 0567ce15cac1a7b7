package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// machineParts names what this machine shares with no other, below the kernel's root:
// the addresses of network cards that are built in, and the serial number that small
// boards have. What an operating system made up is left out, because a copied disk has
// it too; so is what hangs at USB, because people move it from till to till.
func machineParts(root string) (parts []string) {
	cards, _ := filepath.Glob(filepath.Join(root, "sys/class/net/*/address"))
	for _, file := range cards {
		device, err := filepath.EvalSymlinks(filepath.Join(filepath.Dir(file), "device"))
		if err != nil || strings.Contains(device, "/usb") {
			continue // made by software, or plugged in
		}
		if text := word(file); strings.Trim(text, "0:") != "" {
			parts = append(parts, "net "+text)
		}
	}
	if text := word(filepath.Join(root, "proc/device-tree/serial-number")); strings.Trim(text, "0") != "" {
		parts = append(parts, "serial "+text)
	}
	slices.Sort(parts)
	return parts
}

// word is the only word of a file of the kernel's, "" when it cannot be read.
func word(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	return strings.Trim(string(text), " \n\x00")
}

//go:build faultfs

package faultfs

import (
	"fmt"
	"os"
)

// FastDir makes a folder for images, in memory where the system offers it, because
// a campaign writes and syncs hundreds of thousands of them. The caller removes it.
func FastDir() (string, error) {
	for _, parent := range []string{"/dev/shm", ""} {
		if dir, err := os.MkdirTemp(parent, "tillwire-image-"); err == nil {
			return dir, nil
		} else if parent == "" {
			return "", fmt.Errorf("faultfs: %w", err)
		}
	}
	return "", nil
}

package web

import (
	"math"
	"strconv"
)

// contrast is the ratio of two colours in hundredths (WCAG 2.2, 1.4.3).
func contrast(a, b string) int {
	bright, dark := luminance(a), luminance(b)
	if bright < dark {
		bright, dark = dark, bright
	}
	return int((bright + 0.05) / (dark + 0.05) * 100)
}

// luminance is the relative luminance of a colour written as #rrggbb.
func luminance(hex string) float64 {
	part := func(i int) float64 {
		n, _ := strconv.ParseUint(hex[i:i+2], 16, 8)
		c := float64(n) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*part(1) + 0.7152*part(3) + 0.0722*part(5)
}

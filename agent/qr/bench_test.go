package qr

import "testing"

// A payment code of EMVCo with a Chinese name, as a counter shows it.
const shownAtACounter = "00020126360016com.alipay.global011200000000000052045812530315654071234.505802CN5915老张茶馆 Zhang's T6008Shanghai6304ABCD"

func BenchmarkQRSVG(b *testing.B) {
	for b.Loop() {
		m, err := Encode(shownAtACounter, M)
		if err != nil {
			b.Fatal(err)
		}
		m.SVG("Scan to pay")
	}
}

package qr

import "testing"

// A payment code of EMVCo with a Chinese name, as a counter shows it.
const shownAtACounter = "00020126360016com.alipay.global011200000000000052045812530315654071234.505802CN5915老张茶馆 Zhang's T6008Shanghai6304ABCD"

// From the payload to the matrix: what the library takes.
func BenchmarkQREncode(b *testing.B) {
	for b.Loop() {
		mustBench(b)
	}
}

// From the payload to what a page shows.
func BenchmarkQRSVG(b *testing.B) {
	for b.Loop() {
		mustBench(b).SVG("Scan to pay")
	}
}

func mustBench(b *testing.B) Matrix {
	m, err := Encode(shownAtACounter, M)
	if err != nil {
		b.Fatal(err)
	}
	return m
}

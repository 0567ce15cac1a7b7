package main

import "testing"

// A shop that was made before Alipay finds its new wallet a port, and keeps the
// ports it had.
func TestAShopOfBeforeAlipayKeepsItsPorts(t *testing.T) {
	old, claim, err := randomPorts()
	if err != nil {
		t.Fatal(err)
	}
	if err := claim.Close(); err != nil {
		t.Fatal(err)
	}
	want := old
	old.Alipay = 0
	got, claim, err := choosePorts(&old, true)
	if err != nil {
		t.Fatal(err)
	}
	defer claim.Close()
	if got != want {
		t.Errorf("it has the ports %+v, want %+v", got, want)
	}
}

package main

import "testing"

// A shop that was made before Alipay and the acquirer finds its new wallets ports,
// and keeps the ports it had.
func TestAShopOfBeforeItsWalletsKeepsItsPorts(t *testing.T) {
	old, claim, err := randomPorts()
	if err != nil {
		t.Fatal(err)
	}
	if err := claim.Close(); err != nil {
		t.Fatal(err)
	}
	want := old
	old.Alipay, old.Gateway, old.PromptPay, old.Pix, old.UPI = 0, 0, 0, 0, 0
	old.UnionPay, old.Plus, old.WeChatTLS, old.Abroad, old.MQTT, old.Fleet = 0, 0, 0, 0, 0, 0
	got, claim, err := choosePorts(&old, true)
	if err != nil {
		t.Fatal(err)
	}
	defer claim.Close()
	if got != want {
		t.Errorf("it has the ports %+v, want %+v", got, want)
	}
}

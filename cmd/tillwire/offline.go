package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tillwire/agent"
	"tillwire/agent/checkout"
	"tillwire/agent/keyring"
	"tillwire/agent/wallet/voucher"
)

// openOffline puts together what selling without a line takes. Whether anything is
// accepted is the owner's setting; what is missing here leaves out one way of it.
func (d *agentd) openOffline() *checkout.Offline {
	o := &checkout.Offline{
		Journal: d.store, Policy: func() agent.OfflinePolicy { return d.book.Values().Offline() }, Keys: d.issuerKeys,
		Synced: d.clocks.synced, Confirmed: d.clocks.confirmed, Battery: keepsTime(clockFolder), Seal: d.keys.Seal, Unseal: d.keys.Unseal, PutBack: d.store.PutBack, ShopCodes: map[string]string{},
	}
	for _, w := range d.config.Wallets {
		if w.ShopCode != "" {
			o.ShopCodes[w.Name] = w.ShopCode
		}
		if d.trust == nil && len(w.IssuerRoots) > 0 && d.openTrust(w) {
			o.Issuers = append(o.Issuers, checkout.Issuer{Number: uint16(w.Issuer), Wallet: w.Name, Merchant: w.MerchantID, Groups: w.IssuerGroups})
		}
	}
	return o
}

// issuerKeys is the list of issuers in use, or nil.
func (d *agentd) issuerKeys() *voucher.KeySet {
	if d.trust == nil {
		return nil
	}
	return d.trust.Current()
}

// openTrust reads the roots of a wallet's issuer and the list that was last saved. A
// fault stops receipts and vouchers alone.
func (d *agentd) openTrust(w walletConfig) (opened bool) {
	source, ok := d.wallets.Wallet(w.Name)
	fetch, can := source.(interface {
		KeySet(context.Context) ([]byte, error)
	})
	if !ok || !can {
		return false // reported where the wallet was left out
	}
	var roots []voucher.Root
	for _, file := range w.IssuerRoots {
		key, err := keyring.LoadVerifyKey(file)
		if err == nil {
			var root voucher.Root
			root, err = voucher.NewRoot(key)
			roots = append(roots, root)
		}
		if err != nil {
			d.noteIssuer(w, err)
			return false
		}
	}
	trust, err := voucher.OpenTrust(roots, d.store)
	if err != nil {
		d.noteIssuer(w, err)
		return false
	}
	d.trust, d.keySets = trust, &keySets{trust: trust, clock: d.clock, log: d.log, fetch: fetch.KeySet, wake: make(chan struct{}, 1)}
	return true
}

func (d *agentd) noteIssuer(w walletConfig, err error) {
	faults := partFaults(w.where, err, func(string, string) string { return "issuer_roots" })
	for i := range faults {
		faults[i].Do = strings.TrimSpace(faults[i].Do + " Until then no receipt and no voucher is accepted.")
	}
	d.noteFaults(faults)
}

// issuerProblems says what keeps receipts and vouchers from being accepted, where the
// owner has asked for that.
func (d *agentd) issuerProblems() []agent.Problem {
	policy := d.book.Values().Offline()
	if d.trust == nil || !policy.On {
		return nil
	}
	set := d.trust.Current()
	switch trouble := d.trust.Trouble(); {
	case trouble != nil:
		return d.standing.problem(true, "issuer", agent.Problem{ID: "problem.issuer_list", Args: []string{trouble.Error()},
			What: "The saved list of issuers cannot be used: " + trouble.Error() + ".",
			Do:   "It is fetched anew with the next connection. Until then no receipt and no voucher is accepted without one."})
	case set == nil:
		return d.standing.problem(true, "issuer", agent.Problem{ID: "problem.issuer_none",
			What: "There is no list of issuers yet, so no receipt and no voucher can be accepted without a connection.",
			Do:   "It comes by itself with the next connection. Ask the acquirer if it does not."})
	}
	age := set.Age(voucher.Clock{Wall: d.clock.Now()})
	return d.standing.problem(age > policy.TrustAge, "issuer", agent.Problem{ID: "problem.issuer_old", Args: []string{fmt.Sprint(int(age / time.Hour))},
		What: fmt.Sprintf("The list of issuers is %d hours old, so no receipt and no voucher is accepted without a connection.", int(age/time.Hour)),
		Do:   "It is fetched every hour while there is a connection. Look at the line and at the log."})
}

// copyProblems says where nobody would find out that the store is not this terminal's
// latest: a code for paying offline could be accepted a second time then. parts are what
// the machine is known by.
func (d *agentd) copyProblems(parts []string) []agent.Problem {
	if !d.book.Values().Offline().On {
		return nil
	}
	list := d.standing.problem(len(parts) == 0, "unmarked", agent.Problem{ID: "problem.unmarked",
		What: "This machine has neither a network card nor a serial number of its own, so it is not noticed when its disk is copied.",
		Do:   "Nothing needs to be done as long as nobody runs a copy of this terminal. Sell without a connection only where nobody can copy the disk."})
	return append(list, d.standing.problem(d.store.WitnessMissing(), "no_witness", agent.Problem{ID: "problem.no_witness",
		What: "The store had no witness when it was opened, so it cannot be told whether somebody put an older one back.",
		Do:   "If the file was removed on purpose, nothing needs to be done: it is there again. Otherwise compare the wallets' bills with the payments listed here before anything is accepted without a connection."})...)
}

// seenEvery is how often a time that a wallet has confirmed is kept: a clock that is set back
// by more is noticed, and the disk is spared.
const seenEvery = 5 * time.Minute

// keepTime keeps the time on the disk while a wallet's answer says that it is right. What
// was seen never comes again, so a clock that is set back later makes nothing young
// again; and a clock that jumped ahead unnoticed must not be what was seen.
func (d *agentd) keepTime(ctx context.Context) error {
	kept := time.Duration(-seenEvery)
	for {
		if now := d.clock.Mono(); now-kept >= seenEvery && d.clocks.confirmed() {
			if err := d.store.Saw(ctx, d.clock.Now()); err != nil {
				d.log.Warn("the time could not be kept", "comp", "tillwire", "code", "keep_time", "err", err)
			}
			kept = now
		}
		select {
		case <-ctx.Done():
			return nil
		case <-d.clock.After(seenEvery / 10):
		}
	}
}

// syncedMark is what systemd's time service leaves when it has set the clock since the
// machine started. Asking the kernel itself is what the unit's filter of system calls
// ends a program for.
const syncedMark = "/run/systemd/timesync/synchronized"

// serviceSynced reports that the machine's time service has set the clock.
func serviceSynced() bool {
	_, err := os.Stat(syncedMark)
	return err == nil
}

// clockFolder lists the clocks that go on while a machine is off.
const clockFolder = "/sys/class/rtc"

// keepsTime reports that the machine began with the time of a battery's clock.
func keepsTime(folder string) bool {
	files, _ := filepath.Glob(filepath.Join(folder, "*", "hctosys"))
	for _, f := range files {
		if text, err := os.ReadFile(f); err == nil && strings.TrimSpace(string(text)) == "1" {
			return true
		}
	}
	return false
}

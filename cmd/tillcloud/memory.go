package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"tillwire/agent"
)

// memory is what a shop keeps from one start to the next.
type memory struct {
	Ports         *ports `json:"ports"`
	CashierPIN    string `json:"cashier_pin"`
	ManagerPIN    string `json:"manager_pin"`
	OwnerPassword string `json:"owner_password"`
	Token         string `json:"token"`

	FleetPassword  string `json:"fleet_password"`  // of whoever operates the fleet, at the broker
	BrokerPassword string `json:"broker_password"` // of the terminal
	People         bool   `json:"people"`          // the agent knows them already
	Codes          bool   `json:"codes"`           // and the codes of the shop's own cards
}

// lockPatience is how long a predecessor that is just dying may hold the shop.
const lockPatience = 3 * time.Second

// lockShop makes this process the only one on the data folder. It comes before
// everything else: a second start must not touch a running shop's files.
func lockShop(clock agent.Clock, dataDir string) (*os.File, error) {
	if err := os.MkdirAll(cloudDir(dataDir), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(cloudDir(dataDir), "shop.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for began := clock.Mono(); ; {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if clock.Mono()-began > lockPatience {
			return nil, errors.Join(fmt.Errorf("another tillcloud works on %s; end it or take another --data-dir: %w", dataDir, err), f.Close())
		}
		<-clock.After(50 * time.Millisecond)
	}
}

// memoryFile stands in the cloud's folder, which the agent never reads.
func memoryFile(dataDir string) string { return filepath.Join(cloudDir(dataDir), "shop.json") }

// recall reads what an earlier start remembered, or begins anew.
func recall(dataDir string) (*memory, error) {
	m := &memory{}
	b, err := os.ReadFile(memoryFile(dataDir))
	if err == nil {
		if err := json.Unmarshal(b, m); err != nil {
			return nil, fmt.Errorf("%s: %w; remove the data folder to begin anew", memoryFile(dataDir), err)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return m, m.complete()
}

// complete makes the secrets that are still missing.
func (m *memory) complete() error {
	for m.CashierPIN == "" || m.ManagerPIN == "" || m.CashierPIN == m.ManagerPIN {
		var err error
		if m.CashierPIN, err = pin(); err != nil {
			return err
		}
		if m.ManagerPIN, err = pin(); err != nil {
			return err
		}
	}
	if m.OwnerPassword == "" {
		m.OwnerPassword = secret(15) // 20 characters
	}
	if m.Token == "" {
		m.Token = secret(30) // 40 characters
	}
	for _, password := range []*string{&m.FleetPassword, &m.BrokerPassword} {
		if *password == "" {
			*password = secret(30)
		}
	}
	return nil
}

// save writes all of it at once; it holds every secret of the shop.
func (m *memory) save(dataDir string) error {
	b, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	return writeFile(memoryFile(dataDir), append(b, '\n'), 0o600)
}

// pin is random digits that the agent takes.
func pin() (string, error) {
	for {
		v, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
		if err != nil {
			return "", err
		}
		if p := fmt.Sprintf("%06d", v); agent.CheckSecret(agent.RoleCashier, p) == nil {
			return p, nil
		}
	}
}

// secret is random text that survives a shell and an HTTP header unquoted.
func secret(bytes int) string {
	b := make([]byte, bytes)
	rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

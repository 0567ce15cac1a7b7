package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

// serveReady is what `serve --ready-file` writes.
type serveReady struct {
	Sandbox  string `json:"sandbox"`
	Phone    string `json:"phone"`
	CloudPID int    `json:"cloud_pid"`
	Wallets  struct {
		WeChat  wechatInfo  `json:"wechat"`
		Abroad  wechatInfo  `json:"wechatglobal"`
		Alipay  alipayInfo  `json:"alipay"`
		Gateway gatewayInfo `json:"gateway"`
	} `json:"wallets"`
}

// tell is the ready file for a person.
func (r serveReady) tell(w io.Writer, keys string) {
	list := r.Wallets
	fmt.Fprintf(w, "The sandbox cloud is open.\n\n  Control   %s/\n  Phones    %s\n  WeChat    %s\n  and       %s\n  API v2    %s\n  abroad    %s\n  Alipay    %s\n  Gateway   %s\n  Keys      %s\n\nCtrl-C ends it.\n",
		r.Sandbox, r.Phone, list.WeChat.Hosts[0], list.WeChat.Hosts[1], list.WeChat.Secure[0], list.Abroad.Hosts[0], list.Alipay.Hosts[0], list.Gateway.Hosts[0], keys)
}

func serveCommand(s streams) *cobra.Command {
	var dataDir, readyFile, portMode string
	c := &cobra.Command{Use: "serve", Short: "Run the sandbox cloud alone", Args: noArgs,
		Long: "Runs the sandbox's wallets, its control API and the customers' phones, without a shop.\n" +
			"Point a till's WeChat Pay, Alipay or gateway client at the wallet's address and use the credentials it writes.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			auto, err := parsePortMode(portMode)
			if err != nil {
				return err
			}
			return serve(cmd.Context(), s, dataDir, readyFile, auto)
		}}
	c.Flags().StringVar(&dataDir, "data-dir", "", "folder of the ledger and the credentials (required)")
	c.Flags().StringVar(&readyFile, "ready-file", "", "file to write the addresses and credentials to, as JSON")
	c.Flags().StringVar(&portMode, "ports", "fixed", "fixed (8490 to 8505) or auto")
	return c
}

// parsePortMode takes the flag --ports.
func parsePortMode(mode string) (auto bool, err error) {
	switch mode {
	case "auto":
		return true, nil
	case "fixed":
		return false, nil
	}
	return false, fmt.Errorf("%w: --ports is %q, and can be fixed or auto", errUsage, mode)
}

// serve runs the cloud until ctx ends. The ready file comes last: whoever sees it
// can use everything in it.
func serve(ctx context.Context, s streams, dataDir, readyFile string, auto bool) (err error) {
	if dataDir == "" {
		return fmt.Errorf("%w: --data-dir is missing", errUsage)
	}
	if dataDir, err = filepath.Abs(dataDir); err != nil {
		return err
	}
	lock, err := lockShop(s.clock, dataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := forget(readyFile); err != nil {
		return err
	}
	memory, err := recall(dataDir)
	if err != nil {
		return err
	}
	claim, err := memory.choosePorts(auto)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, claim.Close()) }()
	c, err := openCloud(ctx, s, slog.New(slog.NewTextHandler(s.err, nil)), cloudDir(dataDir), *memory.Ports, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if err := memory.save(dataDir); err != nil {
		return err
	}
	keys := filepath.Join(dataDir, "credentials")
	ready := serveReady{Sandbox: c.ControlURL() + "/_sandbox", Phone: c.ControlURL() + "/phone", CloudPID: os.Getpid()}
	if ready.Wallets.WeChat, err = c.wechatInfo(keys, "", c.wechat); err != nil {
		return err
	}
	if ready.Wallets.Abroad, err = c.wechatInfo(keys, "abroad-", c.abroad); err != nil {
		return err
	}
	if ready.Wallets.Alipay, err = c.alipayInfo(keys); err != nil {
		return err
	}
	if ready.Wallets.Gateway, err = c.gatewayInfo(keys); err != nil {
		return err
	}
	if readyFile == "" {
		ready.tell(s.out, keys)
	} else if err := writeReady(readyFile, ready); err != nil {
		return err
	}
	<-ctx.Done()
	return forget(readyFile)
}

// choosePorts chooses for the memory's field.
func (m *memory) choosePorts(auto bool) (claim io.Closer, err error) {
	p, claim, err := choosePorts(m.Ports, auto)
	m.Ports = &p
	return claim, err
}

// cloudDir is where the cloud keeps its own: the ledger, its lock, the memory.
func cloudDir(dataDir string) string { return filepath.Join(dataDir, "cloud") }

// writeReady writes v where a program waits for it; it holds secrets.
func writeReady(path string, v any) error {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	return writeFile(path, append(b, '\n'), 0o600)
}

// forget removes a ready file: one from an earlier run would be believed.
func forget(path string) error {
	if path == "" {
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

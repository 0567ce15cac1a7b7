package main

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/oklog/ulid/v2"

	"tillwire/agent"
	"tillwire/agent/fleet"
)

// office is as much of a fleet's service as a demo needs: it says which keys may
// sign, stores what the terminal tells in a file, and acknowledges it. It sends
// no command and no configuration by itself.
type office struct {
	clock  agent.Clock
	log    *slog.Logger
	broker *broker
	keys   officeKeys
	file   *os.File
	heard  chan packets.Packet
	ended  chan struct{}

	mu       sync.Mutex
	presence fleet.Presence
	stored   map[fleet.Stream]fleet.AckMark
	nonce    string
	seq      uint64
}

// officeKeys are the keys of the demo's fleet. A real root lies in a safe.
type officeKeys struct{ root, online, first, second ed25519.PrivateKey }

// loadOfficeKeys reads the keys of a folder, or makes those that are missing.
func loadOfficeKeys(dir string) (k officeKeys, err error) {
	for name, key := range map[string]*ed25519.PrivateKey{"root": &k.root, "online": &k.online, "approver-1": &k.first, "approver-2": &k.second} {
		if *key, err = loadOfficeKey(filepath.Join(dir, name+".key")); err != nil {
			return k, err
		}
	}
	return k, nil
}

func loadOfficeKey(path string) (ed25519.PrivateKey, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, err
		}
		return key, writeFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s is no PEM file; remove it to have a new key", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(ed25519.PrivateKey)
	if err != nil || !ok {
		return nil, fmt.Errorf("%s holds no Ed25519 key; remove it to have a new one: %w", path, err)
	}
	return key, nil
}

// rootText is the root's public half as the agent's configuration names it.
func (k officeKeys) rootText() string {
	return base64.StdEncoding.EncodeToString(k.root.Public().(ed25519.PublicKey))
}

// openOffice goes on with the events that were stored, and says which keys hold.
func openOffice(clock agent.Clock, log *slog.Logger, b *broker, dir string, keys officeKeys) (*office, error) {
	o := &office{clock: clock, log: log.With("comp", "office"), broker: b, keys: keys, heard: make(chan packets.Packet, 256), ended: make(chan struct{}),
		stored: map[fleet.Stream]fleet.AckMark{}, seq: uint64(clock.Now().UnixNano())}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	var err error
	if o.file, err = os.OpenFile(filepath.Join(dir, "events.jsonl"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600); err != nil {
		return nil, err
	}
	if err := o.recall(); err != nil {
		return nil, errors.Join(err, o.file.Close())
	}
	go o.work()
	// A subscriber runs on the sender's goroutine and must not publish from there.
	err = b.server.Subscribe(fleet.Uplink(), 1, func(_ *mochi.Client, _ packets.Subscription, pk packets.Packet) {
		select {
		case o.heard <- pk:
		case <-o.ended:
		}
	})
	if err == nil {
		err = o.sayKeys()
	}
	if err != nil {
		return nil, errors.Join(err, o.Close())
	}
	return o, nil
}

// Close ends the office; the broker must be closed before.
func (o *office) Close() error {
	close(o.ended)
	return o.file.Close()
}

// storedEvent is one line of the file.
type storedEvent struct {
	TID    fleet.TID    `json:"tid"`
	Stream fleet.Stream `json:"stream"`
	Epoch  string       `json:"epoch"`
	Event  fleet.Event  `json:"event"`
}

// recall reads how far each stream is stored. A last line that was cut short by a
// power cut was never acknowledged and is cut off.
func (o *office) recall() error {
	var good int64
	lines := bufio.NewReader(o.file)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break // the end, or half a line
		}
		var e storedEvent
		if err := json.Unmarshal(line, &e); err != nil {
			break
		}
		good += int64(len(line))
		o.stored[e.Stream] = fleet.AckMark{Stream: e.Stream, Epoch: e.Epoch, Upto: uint64(e.Event.Sequence)}
	}
	return o.file.Truncate(good)
}

func (o *office) sayKeys() error {
	now := o.clock.Now()
	from, until := fleet.At(now.Add(-time.Hour)), fleet.At(now.AddDate(1, 0, 0))
	key := func(use fleet.Use, k ed25519.PrivateKey) fleet.Key {
		return fleet.NewKey(use, k.Public().(ed25519.PublicKey), from, until)
	}
	set := fleet.KeySet{Version: uint64(now.Unix()), Iat: from, Exp: until, Roots: []string{o.keys.rootText()},
		Keys: []fleet.Key{key(fleet.Online, o.keys.online), key(fleet.Approver, o.keys.first), key(fleet.Approver, o.keys.second)}}
	return o.send(fleet.DownKeys, fleet.TypeKeys, set, o.keys.root)
}

func (o *office) send(c fleet.Channel, kind string, document any, key ed25519.PrivateKey) error {
	raw, err := fleet.Seal(kind, document, key)
	if err != nil {
		return err
	}
	d, _ := c.Delivery()
	return o.broker.server.Publish(demoTID.Topic(c), raw, d.Retain, d.QoS)
}

// work takes what the terminal tells, one message after another.
func (o *office) work() {
	for {
		select {
		case <-o.ended:
			return
		case pk := <-o.heard:
			if err := o.take(pk); err != nil {
				o.log.Warn("a message of the terminal was not taken", "topic", pk.TopicName, "err", err)
			}
		}
	}
}

func (o *office) take(pk packets.Packet) error {
	_, channel, ours := fleet.ParseTopic(pk.TopicName)
	if !ours || len(pk.Payload) > fleet.MaxMessage {
		return errors.New("not a message of the contract")
	}
	switch channel {
	case fleet.UpPresence:
		var p fleet.Presence
		if err := json.Unmarshal(pk.Payload, &p); err != nil {
			return err
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		if p.Sess >= o.presence.Sess { // a lost of an older session says nothing
			o.presence = p
		}
		return nil
	case fleet.UpHello:
		var h fleet.Hello
		if err := json.Unmarshal(pk.Payload, &h); err != nil {
			return err
		}
		o.mu.Lock()
		o.nonce = h.Nonce
		o.mu.Unlock()
		return o.acknowledge()
	case fleet.UpState, fleet.UpConfig, fleet.UpBeat:
		return nil // the broker keeps the last one
	}
	var b fleet.Batch
	if err := json.Unmarshal(pk.Payload, &b); err != nil {
		return err
	}
	if err := o.store(b); err != nil {
		return err
	}
	return o.acknowledge()
}

// store writes the events of a batch that are new. They are on the disk when it
// returns: that is what the acknowledgement says.
func (o *office) store(b fleet.Batch) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	mark := o.stored[b.Stream]
	if mark.Epoch != b.Epoch {
		mark = fleet.AckMark{Stream: b.Stream, Epoch: b.Epoch}
	}
	var lines []byte
	for _, e := range b.Events {
		if uint64(e.Sequence) <= mark.Upto {
			continue
		}
		line, err := json.Marshal(storedEvent{demoTID, b.Stream, b.Epoch, e})
		if err != nil {
			return err
		}
		lines, mark.Upto = append(append(lines, line...), '\n'), uint64(e.Sequence)
	}
	if lines == nil {
		return nil
	}
	if _, err := o.file.Write(lines); err != nil {
		return err
	}
	if err := o.file.Sync(); err != nil {
		return err
	}
	o.stored[b.Stream] = mark
	return nil
}

func (o *office) acknowledge() error {
	o.mu.Lock()
	o.seq++
	now := o.clock.Now()
	ack := fleet.Ack{Claims: fleet.Claims{Aud: demoTID, Iss: "office.demo", Iat: fleet.At(now), Exp: fleet.At(now.Add(time.Hour)), Seq: o.seq,
		Jti: ulid.MustNew(ulid.Timestamp(now), rand.Reader).String()}, T: fleet.At(now), Nonce: o.nonce, Acks: []fleet.AckMark{}}
	for _, mark := range o.stored {
		ack.Acks = append(ack.Acks, mark)
	}
	o.mu.Unlock()
	return o.send(fleet.DownAck, fleet.TypeAck, ack, o.keys.online)
}

// present is the session in which the terminal is online; 0: it is not.
func (o *office) present() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.presence.State != fleet.StateOnline {
		return 0
	}
	return o.presence.Sess
}

// errAbsent reports that the terminal has not said at the broker that it is there.
var errAbsent = errors.New("the terminal is not at the fleet's broker yet")

// attend answers whether the terminal is there.
func (o *office) attend(context.Context) error {
	if o.present() == 0 {
		return errAbsent
	}
	return nil
}

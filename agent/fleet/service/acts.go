package service

import (
	"encoding/json"
	"fmt"

	"tillwire/agent/fleet"
)

// ActMark is the last act of a terminal's journal that was told with its place.
type ActMark struct {
	Epoch string         `json:"epoch"`
	Seq   fleet.Sequence `json:"seq"` // in the stream
	Life  string         `json:"life"`
	Row   int64          `json:"row"`
	Hash  string         `json:"hash"`
}

// act holds an act against the one that was told before it. A journal is only ever
// written behind its end, so its rows rise, and what it says of an earlier row stays
// as it was. What comes late or once more is not looked at again.
func (n *news) act(t *Terminal, epoch string, e fleet.Event) {
	var a fleet.Act
	if json.Unmarshal(e.Data, &a) != nil || a.Row <= 0 || a.Hash == "" || a.Life == "" || len(a.Hash) > longest || len(a.Life) > longest {
		return // of an agent that does not say
	}
	last := t.Act
	if last.Epoch == epoch && e.Sequence <= last.Seq {
		return
	}
	if last.Life == a.Life {
		switch {
		case a.Row <= last.Row:
			n.find(t, FoundChain, fmt.Sprintf("Its journal has told row %d and now begins again at row %d: what was behind that was cut off or written anew. Keep the machine as it is, and ask who could reach its disk.", last.Row, a.Row))
		case a.PrevRow == last.Row && a.PrevHash != last.Hash:
			n.find(t, FoundChain, fmt.Sprintf("Row %d of its journal, or something before it, is not what it was when it was told: the journal was rewritten. Keep the machine as it is, and ask who could reach its disk.", last.Row))
		}
	}
	t.Act = ActMark{Epoch: epoch, Seq: e.Sequence, Life: a.Life, Row: a.Row, Hash: a.Hash}
}

package printer

import (
	"bytes"

	"tillwire/agent"
)

// ReplyKind says what a printer sent.
type ReplyKind string

// The kinds of reply.
const (
	ReplyState ReplyKind = "state" // part of Status is known anew
	ReplyDone  ReplyKind = "done"  // the job called ID is on paper
	ReplyText  ReplyKind = "text"  // ID holds what it says of itself
	ReplyReady ReplyKind = "xon"   // takes data again
	ReplyBusy  ReplyKind = "xoff"  // takes no more for the moment
	ReplyNoise ReplyKind = "noise" // nothing that we asked for
)

// Reply is one thing a printer said.
type Reply struct {
	Kind   ReplyKind
	ID     string
	Status Status // what is known after it, with ReplyState
}

// Yes is a fact that a printer may not tell.
type Yes string

// The answers; the zero value is that it is not known.
const (
	Unknown Yes = ""
	True    Yes = "yes"
	False   Yes = "no"
)

func truth(b bool) Yes {
	if b {
		return True
	}
	return False
}

// Paper is how much paper is left.
type Paper string

// What a printer knows of its paper. A printer without a sensor says PaperOK.
const (
	PaperUnknown Paper = ""
	PaperOK      Paper = "ok"
	PaperLow     Paper = "low"
	PaperOut     Paper = "out"
)

// Status is what a printer says of itself. What it does not say stays unknown and is
// never taken for good.
type Status struct {
	Online Yes
	Cover  Yes // open
	Paper  Paper
	Knife  Yes // the cutter is stuck
	Broken Yes // an error that only a person can mend
	Hot    Yes // the head cools down by itself
	Drawer Yes // the drawer's line is high; which of open and closed that is depends on the drawer
}

// Demux reads what a printer sends: answers to DLE EOT, unasked status blocks of GS a,
// the ends of jobs, identities and flow control, all on one line without lengths. It
// knows them apart by their fixed bits and by what was asked.
type Demux struct {
	asked  []byte // parameters of DLE EOT that are not answered yet, oldest first
	block  []byte // 37h or 5Fh and what follows, up to 00
	auto   []byte // the four bytes of an unasked status
	status Status
}

// Asked notes a DLE EOT that was sent.
func (d *Demux) Asked(n byte) { d.asked = append(d.asked, n) }

// Forget drops what was asked and not answered, so that a late answer to one question
// is not taken for that to another, and what has begun and not ended: noise that looks
// like the beginning of a block would swallow every answer after it.
func (d *Demux) Forget() { d.asked, d.block, d.auto = nil, nil, nil }

// Within reports that the printer has begun to say something that has an end.
func (d *Demux) Within() bool { return len(d.block) > 0 || len(d.auto) > 0 }

// Waiting is how many questions are not answered.
func (d *Demux) Waiting() int { return len(d.asked) }

// Status is everything the printer has said so far.
func (d *Demux) Status() Status { return d.status }

// blockMost bounds a block: an identity is shorter, and a line that lost its end must
// not swallow everything after it.
const blockMost = 80

// Feed takes bytes that arrived and returns what they say.
func (d *Demux) Feed(data []byte) (list []Reply) {
	for _, b := range data {
		if r, complete := d.one(b); complete {
			list = append(list, r)
		}
	}
	return list
}

func (d *Demux) one(b byte) (Reply, bool) {
	switch {
	case b == 0x11:
		return Reply{Kind: ReplyReady}, true
	case b == 0x13:
		return Reply{Kind: ReplyBusy}, true
	case len(d.block) > 0:
		return d.grow(b)
	case b&0x93 == 0x12:
		return d.answer(b)
	case len(d.auto) > 0 && b&0x90 == 0:
		if d.auto = append(d.auto, b); len(d.auto) < 4 {
			return Reply{}, false
		}
		d.unasked()
		return Reply{Kind: ReplyState, Status: d.status}, true
	case b&0x93 == 0x10:
		d.auto = []byte{b}
		return Reply{}, false
	case b == 0x37 || b == 0x5f:
		d.block = []byte{b}
		return Reply{}, false
	}
	return Reply{Kind: ReplyNoise}, true
}

func (d *Demux) grow(b byte) (Reply, bool) {
	if b != nul {
		if d.block = append(d.block, b); len(d.block) <= blockMost {
			return Reply{}, false
		}
		d.block = nil
		return Reply{Kind: ReplyNoise}, true
	}
	block := d.block
	d.block = nil
	// 37h 22h begins the end of a job (GS ( H), 5Fh an identity (GS I).
	if id, ok := bytes.CutPrefix(block, []byte{0x37, 0x22}); ok {
		return Reply{Kind: ReplyDone, ID: string(id)}, true
	}
	if block[0] == 0x5f {
		return Reply{Kind: ReplyText, ID: string(block[1:])}, true
	}
	return Reply{Kind: ReplyNoise}, true
}

// answer takes the answer to the oldest question.
func (d *Demux) answer(b byte) (Reply, bool) {
	if len(d.asked) == 0 {
		return Reply{Kind: ReplyNoise}, true
	}
	n := d.asked[0]
	d.asked = d.asked[1:]
	s := &d.status
	switch n {
	case askPrinter:
		s.Drawer, s.Online = truth(b&0x04 != 0), truth(b&0x08 == 0)
	case askOffline:
		s.Cover = truth(b&0x04 != 0)
		if b&0x20 != 0 {
			s.Paper = PaperOut
		}
	case askError:
		s.Knife, s.Broken, s.Hot = truth(b&0x08 != 0), truth(b&0x20 != 0), truth(b&0x40 != 0)
	case askPaper:
		s.Paper = paperOf(b&0x0c != 0, b&0x60 != 0)
	}
	return Reply{Kind: ReplyState, Status: d.status}, true
}

// unasked takes the four bytes of a status that nobody asked for.
func (d *Demux) unasked() {
	a, s := d.auto, &d.status
	d.auto = nil
	s.Drawer, s.Online, s.Cover = truth(a[0]&0x04 != 0), truth(a[0]&0x08 == 0), truth(a[0]&0x20 != 0)
	s.Knife, s.Broken, s.Hot = truth(a[1]&0x08 != 0), truth(a[1]&0x20 != 0), truth(a[1]&0x40 != 0)
	s.Paper = paperOf(a[2]&0x03 != 0, a[2]&0x0c != 0)
}

func paperOf(low, out bool) Paper {
	switch {
	case out:
		return PaperOut
	case low:
		return PaperLow
	}
	return PaperOK
}

// Trouble says in words what keeps the printer from printing, "" when nothing does.
// A person can mend all of it.
func (s Status) Trouble() agent.Sentence {
	say := func(id, english string) agent.Sentence { return agent.Sentence{ID: "device." + id, English: english} }
	switch {
	case s.Paper == PaperOut:
		return say("paper_out", "the paper is out: put in a new roll")
	case s.Cover == True:
		return say("cover", "the cover is open: close it")
	case s.Knife == True:
		return say("knife", "the cutter is stuck: switch the printer off, free the knife and switch it on")
	case s.Broken == True:
		return say("broken", "the printer reports an error: switch it off and on")
	case s.Hot == True:
		return say("hot", "the head is hot: it goes on by itself when it has cooled")
	case s.Online == False:
		return say("offline", "the printer is offline: press its FEED or ONLINE button, or switch it off and on")
	}
	return agent.Sentence{}
}

package agent

// Sentence is something to say to a person: an id and arguments that agent/words
// translates, and the English text for logs, programs and missing languages.
type Sentence struct {
	ID      string   `json:"id"`
	Args    []string `json:"args,omitempty"`
	English string   `json:"text"`
}

// String returns the English text.
func (s Sentence) String() string { return s.English }

// Tone is the weight of a sentence on a screen. A screen shows it as colour,
// shape and word together, never as colour alone.
type Tone string

// The tones.
const (
	ToneCalm    Tone = "calm"    // blue: somebody must act, nothing is wrong
	ToneDoubt   Tone = "doubt"   // amber: not known yet
	ToneGood    Tone = "good"    // green: durable success
	ToneStriped Tone = "striped" // green stripes: accepted, not yet collected
	ToneBad     Tone = "bad"     // red: not charged
	ToneOffice  Tone = "office"  // purple: the office settles it
)

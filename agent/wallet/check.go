package wallet

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"

	"tillwire/agent"
)

// CheckRules looks at a table of rules before it is used. Beside the mistakes of a
// single pattern it finds the surprises between them: a changed rule that takes
// codes which were another scheme's, or that takes goods barcodes, and one that
// never gets a code because a rule before it takes them all. It tries the rules on
// texts made from the patterns themselves. The error is an *agent.Error with a
// sentence for the person who changed the rule.
func CheckRules(rules []Rule) error {
	ready, err := compile(rules)
	if err != nil {
		return refuse(err)
	}
	known, err := compile(defaultRules)
	if err != nil {
		return refuse(err)
	}
	return refuse(surprises(ready, known))
}

// refuse puts what is wrong with a rule into a sentence.
func refuse(err error) error {
	if err == nil {
		return nil
	}
	return &agent.Error{Op: "codes", Class: agent.Invalid, Code: agent.CodeUnreadable,
		Say: agent.Sentence{ID: "error.setting_codes", Args: []string{err.Error()}, English: "This rule for codes cannot be used: " + err.Error() + "."}}
}

func surprises(ready, known []rule) error {
	for _, r := range ready {
		if same(r.Rule, known) {
			if err := undisturbed(r, ready, known); err != nil {
				return err
			}
		}
	}
	for _, r := range ready {
		if !same(r.Rule, known) {
			if err := useful(r, ready); err != nil {
				return err
			}
		}
	}
	return nil
}

func same(r Rule, known []rule) bool {
	for _, k := range known {
		if k.Name == r.Name {
			return k.Rule == r
		}
	}
	return false
}

// undisturbed holds when an unchanged rule still gets the codes that it gets by
// default.
func undisturbed(r rule, now, known []rule) error {
	for _, text := range samples(r.match.String()) {
		if decide(known, text, r).Scheme != r.Scheme {
			continue
		}
		if taken := decide(now, text, r); taken.Scheme != r.Scheme {
			return fmt.Errorf("the pattern %q of %s also takes codes of %s; make it narrower", taken.Pattern, Brand(taken.Scheme), Brand(r.Scheme))
		}
	}
	return nil
}

// useful holds when a changed rule gets codes at all, and only payment codes.
func useful(r rule, now []rule) error {
	goods := map[byte]bool{}
	for _, text := range shelf {
		if r.Kind == consumer && !r.Weak && r.match.MatchString(text) {
			goods[text[0]] = true
		}
	}
	// One kind of goods may share a prefix by accident; more is a pattern that
	// looks at nothing but the length.
	if len(goods) > 1 {
		return fmt.Errorf("the pattern %q of %s also takes the barcodes of goods; begin it with the digits that only this wallet has", r.Pattern, Brand(r.Scheme))
	}
	texts, before := samples(r.Pattern), rule{}
	for _, text := range texts {
		if before = decide(now, text, r); before.Scheme == r.Scheme {
			return nil
		}
	}
	if len(texts) == 0 {
		return fmt.Errorf("the pattern %q of %s matches nothing; write it with digits, letters, classes and counts", r.Pattern, Brand(r.Scheme))
	}
	return fmt.Errorf("the pattern %q of %s never gets a code: %s takes them all before it; make it narrower or change the other one", r.Pattern, Brand(r.Scheme), Brand(before.Scheme))
}

// shelf are article numbers of many kinds: EAN-13, EAN-8, UPC-A.
var shelf = []string{"0012345678905", "2012345678900", "3012345678909", "4006381333931", "5012345678900", "6901234567892", "7612345678900",
	"8012345678901", "9012345678908", "96385074", "40170725", "73513537", "036000291452", "725272730706"}

// decide is the rule that a text goes to, with every weak rule but this one left
// out: whether they count is for the configured wallets to say.
func decide(rules []rule, text string, this rule) rule {
	for _, r := range rules {
		if (!r.Weak || r.Name == this.Name) && r.match.MatchString(text) {
			return r
		}
	}
	return rule{}
}

// samples are texts that a pattern matches: each choice that it leaves is taken in
// several ways. None comes back that does not match.
func samples(pattern string) []string {
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil
	}
	match, err := regexp.Compile(pattern)
	if err != nil {
		return nil
	}
	var list []string
	const ways = 24
	for way := range ways {
		var b strings.Builder
		if sample(&b, tree, &chooser{way, way}, 0); match.MatchString(b.String()) {
			list = append(list, b.String())
		}
	}
	return list
}

// chooser picks, differently at each place and in each way, without chance: the
// same change is judged the same every time.
type chooser struct{ way, step int }

func (c *chooser) of(n int) int {
	c.step = (c.step*5 + c.way + 3) % 1009
	return c.step % n
}

func sample(b *strings.Builder, re *syntax.Regexp, c *chooser, depth int) {
	const longest, deepest = 512, 20
	if b.Len() > longest || depth > deepest {
		return
	}
	switch re.Op {
	case syntax.OpLiteral:
		b.WriteString(string(re.Rune))
	case syntax.OpCharClass:
		if n := len(re.Rune) / 2; n > 0 {
			i := c.of(n)
			low, high := re.Rune[2*i], re.Rune[2*i+1]
			b.WriteRune(low + rune(c.of(int(min(high-low, 93))+1)))
		}
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte(byte('0' + c.of(10)))
	case syntax.OpConcat, syntax.OpCapture:
		for _, sub := range re.Sub {
			sample(b, sub, c, depth+1)
		}
	case syntax.OpAlternate:
		sample(b, re.Sub[c.of(len(re.Sub))], c, depth+1)
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat:
		for range times(re, c) {
			sample(b, re.Sub[0], c, depth+1)
		}
	}
}

// times is how often a repetition is taken.
func times(re *syntax.Regexp, c *chooser) int {
	const open = 8 // more than the least, where there is no most
	least, most := re.Min, re.Max
	switch re.Op {
	case syntax.OpStar:
		least, most = 0, open
	case syntax.OpPlus:
		least, most = 1, open
	case syntax.OpQuest:
		least, most = 0, 1
	}
	if most < 0 {
		most = least + open
	}
	return least + c.of(most-least+1)
}

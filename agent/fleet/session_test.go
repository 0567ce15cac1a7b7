package fleet

import (
	"testing"
	"time"
)

// TestAHelloThatNobodyAnswersIsSaidAgain: a service that was not there when the
// terminal came still learns of its session.
func TestAHelloThatNobodyAnswersIsSaidAgain(t *testing.T) {
	inOffice(t, asItIs, func(o *office) {
		o.pass(13 * time.Minute)
		hello := said[Hello](o, UpHello)
		if len(hello) != 3 || hello[2].Nonce != hello[0].Nonce || hello[2].Sess != 1 {
			t.Fatalf("in thirteen minutes: %+v", hello)
		}
		o.ackAll()
		o.pass(time.Hour)
		if n := len(said[Hello](o, UpHello)); n != 3 {
			t.Errorf("answered, and said %d times more", n-3)
		}
		o.wire.cut()
		o.pass(time.Minute)
		if hello = said[Hello](o, UpHello); len(hello) != 4 || hello[3].Nonce == hello[0].Nonce {
			t.Fatalf("in the next session: %+v", hello)
		}
		o.pass(6 * time.Minute)
		if n := len(said[Hello](o, UpHello)); n != 5 {
			t.Errorf("in the next session without an answer: %d hellos", n-3)
		}
	})
}

package crowd_test

import (
	"fmt"
	"testing"

	"github.com/anishathalye/porcupine"

	"tillwire/agent"
)

// told is a call of a history written by hand; calls with the same moment overlap.
type told struct {
	in     input
	out    output
	moment int
}

func opened(slot, lane int) input { return input{op: opOpen, slot: slot, lane: lane} }

func scanned(code int) input { return input{op: opScan, code: code} }

func about(op operation, slot int) input { return input{op: op, slot: slot} }

func paidBack(ref int, amount int64, approval int) input {
	return input{op: opRefund, slot: 1, ref: ref, amount: amount, approval: approval}
}

// showed is an answer with a payment in some version; refunds are of 500.
func showed(status, slot int, at place, version int, refunds ...int) output {
	s := sight{id: agent.PaymentID(fmt.Sprint(slot)), at: at}
	for i := range version {
		s.facts = append(s.facts, fmt.Sprint(i))
	}
	for _, ref := range refunds {
		s.refunds = append(s.refunds, refund{ref, 500})
	}
	return output{status: status, sights: []sight{s}, slots: []int{slot}}
}

func refused(status int, code string) output { return output{status: status, say: code} }

// TestTheLawTellsRightFromWrong: each wrong history is one that a defect would make.
func TestTheLawTellsRightFromWrong(t *testing.T) {
	bought := []told{{opened(1, 0), showed(201, 1, created, 1), 1}, {scanned(1), showed(202, 1, sending, 2), 2}, {about(opRead, 1), showed(200, 1, paid, 3), 3}}
	tests := []struct {
		name  string
		right bool
		calls []told
	}{
		{"a sale", true, bought},
		{"a second click is a repeat", true, []told{{opened(1, 0), showed(201, 1, created, 1), 1}, {opened(1, 0), showed(200, 1, created, 1), 1}}},
		{"a second click is a second payment", false, []told{{opened(1, 0), showed(201, 1, created, 1), 1}, {opened(1, 0), showed(201, 1, created, 1), 1}}},
		{"a click in other words is told so", true, []told{{opened(1, 0), showed(201, 1, created, 1), 1}, {input{op: opOpen, slot: 1, show: true}, refused(409, agent.CodeRequestReused), 2}}},
		{"a click in the same words is told so", false, []told{{opened(1, 0), showed(201, 1, created, 1), 1}, {opened(1, 0), refused(409, agent.CodeRequestReused), 2}}},
		{"a second click finds the lane busy", false, []told{{opened(1, 0), showed(201, 1, created, 1), 1}, {opened(1, 0), refused(409, agent.CodeLaneBusy), 2}}},
		{"a lane is given twice", false, []told{{opened(1, 0), showed(201, 1, created, 1), 1}, {opened(2, 0), showed(201, 2, created, 1), 2}}},
		{"a lane is busy, and nothing is on it", false, []told{{opened(1, 0), refused(409, agent.CodeLaneBusy), 1}}},
		{"a lane is busy with what is over", false, append(bought[:3:3], told{opened(2, 0), refused(409, agent.CodeLaneBusy), 4})},
		{"a lane was free, so its payment had ended", false, []told{{opened(1, 0), showed(201, 1, created, 1), 1}, {scanned(1), showed(202, 1, sending, 2), 2},
			{opened(2, 0), showed(201, 2, created, 1), 3}, {about(opRead, 1), showed(200, 1, awaiting, 3), 4}}},
		{"a look into the past", false, append(bought[:3:3], told{about(opRead, 1), showed(200, 1, sending, 2), 4})},
		{"a paid sale is cancelled", false, append(bought[:3:3], told{about(opCancel, 1), showed(202, 1, reversing, 4), 4})},
		{"a cancelled sale is paid", false, []told{{opened(1, 0), showed(201, 1, created, 1), 1}, {scanned(1), showed(202, 1, sending, 2), 2},
			{about(opCancel, 1), showed(202, 1, reversing, 3), 3}, {about(opRead, 1), showed(200, 1, paid, 4), 4}}},
		{"a code pays twice", false, []told{{opened(1, 0), showed(201, 1, created, 1), 1}, {opened(2, 1), showed(201, 2, created, 1), 1},
			{scanned(1), showed(202, 1, sending, 2), 2}, {input{op: opScan, lane: 1, code: 1}, showed(202, 2, sending, 2), 3}}},
		{"a list forgets a payment", false, []told{{opened(1, 0), showed(201, 1, created, 1), 1}, {input{op: opList}, output{status: 200}, 2}}},
		{"two refunds within the sum", true, append(bought[:3:3], told{paidBack(1, 500, 1), showed(201, 1, paid, 4, 1), 4}, told{paidBack(2, 500, 2), showed(201, 1, paid, 5, 1, 2), 5})},
		{"three refunds beyond the sum", false, append(bought[:3:3], told{paidBack(1, 500, 1), showed(201, 1, paid, 4, 1), 4},
			told{paidBack(2, 500, 2), showed(201, 1, paid, 5, 1, 2), 5}, told{paidBack(3, 500, 3), showed(201, 1, paid, 6, 1, 2, 3), 6})},
		{"an approval serves twice", false, append(bought[:3:3], told{paidBack(1, 500, 1), showed(201, 1, paid, 4, 1), 4}, told{paidBack(2, 500, 1), showed(201, 1, paid, 5, 1, 2), 5})},
		{"a refund is lost", false, append(bought[:3:3], told{paidBack(1, 500, 1), showed(201, 1, paid, 4, 1), 4}, told{about(opRead, 1), showed(200, 1, paid, 5), 5})},
		{"nobody knows whether a lane was taken", true, []told{{opened(1, 0), output{failed: true}, 1}, {opened(2, 0), showed(201, 2, created, 1), 2}}},
		{"nobody knows, but it was", true, []told{{opened(1, 0), output{failed: true}, 1}, {opened(2, 0), refused(409, agent.CodeLaneBusy), 2}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var list []porcupine.Operation
			for i, c := range test.calls {
				list = append(list, porcupine.Operation{ClientId: i, Input: c.in, Call: int64(10 * c.moment), Output: c.out, Return: int64(10*c.moment + 5)})
			}
			if got := porcupine.CheckOperations(newLaw(false).model(), list); got != test.right {
				t.Errorf("the law finds it right: %t, want %t", got, test.right)
			}
		})
	}
}

package web

import (
	"context"

	"tillwire/agent"
)

// shiftLine is a shift in the list of a day.
type shiftLine struct {
	agent.Shift
	// Change is how the drawer's second count differs from its first. What wallets pay does not
	// pass through the drawer, so without sales in cash it is zero.
	Change agent.Money
}

// dayShifts lists the shifts that were open at some time of a day.
func (s *Server) dayShifts(ctx context.Context, d day) ([]shiftLine, error) {
	list, err := s.Store.Shifts(ctx, d.Start, d.End)
	lines := make([]shiftLine, 0, len(list))
	for _, n := range list {
		lines = append(lines, shiftLine{n, agent.Money{Value: n.End.Value - n.Begin.Value, Currency: n.Begin.Currency}})
	}
	return lines, err
}

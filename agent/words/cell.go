package words

import "strings"

// Cell keeps a spreadsheet from taking text of others for a formula: what begins like
// one gets an apostrophe before it (OWASP, CSV injection). It is for text that people
// or wallets wrote, not for amounts.
func Cell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

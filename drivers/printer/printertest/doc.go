// Package printertest is a receipt printer without hardware: it takes the bytes of an
// ESC/POS job, keeps the paper that would come out, answers when it is asked how it is,
// and can be run out of paper, opened, unplugged and made silent. Tests put it behind a
// socket, a pipe or a pseudo-terminal.
//
// Run is the contract of agent.Printer as a suite, for drivers that sit on such a line.
//
// It shares no code with the drivers that it judges. It imports the standard library, the root
// agent, golang.org/x/text and the leaf agent/qr, whose matrix stands for the code that a
// printer draws by itself.
package printertest

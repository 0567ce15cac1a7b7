// Package display drives what stands before a customer on a cable of its own: pole
// displays with two lines of letters, price displays, panels that draw a QR code, and the
// framebuffer of a board.
// Codecs come first and are pure: what is to be seen to bytes. On top stands one
// device for all of them, which keeps the contract of agent.Display.
//
// It imports the roots agent and drivers, the leaves agent/qr and drivers/serial, and
// golang.org/x/sys. Letters on these
// displays are ASCII, so they say their few words in English; amounts carry the
// currency's code. The kiosk page speaks every language.
package display

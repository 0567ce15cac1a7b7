// Package display drives what stands before a customer on a cable of its own: pole
// displays with two lines of letters, price displays, and panels that draw a QR code.
// Codecs come first and are pure: what is to be seen to bytes. On top stands one
// device for all of them, which keeps the contract of agent.Display.
//
// It imports the roots agent and drivers and the leaf drivers/serial. Letters on these
// displays are ASCII, so they say their few words in English; amounts carry the
// currency's code. The kiosk page speaks every language.
package display

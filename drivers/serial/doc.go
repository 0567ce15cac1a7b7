// Package serial owns serial ports safely. It is the only place that touches
// go.bug.st/serial, whose ports may write to a recycled descriptor after Close,
// panic on high descriptor numbers, hang in Write for ever and cannot tell an
// unplugged device from a closed one; the tests name every such trap. It also
// has a scripted port for tests.
//
// It is a leaf: it imports the root agent and the library, and every driver may
// import it. It does not find ports and does not keep other processes away:
// that is the work of the root drivers (the library's own port list opens and
// reconfigures every port of the machine, and its exclusive flag binds nobody).
package serial

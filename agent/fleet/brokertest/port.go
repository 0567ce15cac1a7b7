package brokertest

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// The ports that are looked through lie below those that the system gives to whoever
// asks for any, so that no connection of another test takes one between the look and
// the broker's start.
const (
	portsFrom = 12000
	portsTo   = 32000
)

// Ports finds so many ports of this machine that nobody listens on.
func Ports(count int) (ports []string, err error) {
	var held []net.Listener
	defer func() {
		for _, l := range held {
			_ = l.Close() // it was only held so that no port is found twice
		}
	}()
	for range 100 * count {
		if len(ports) == count {
			return ports, nil
		}
		port := strconv.Itoa(portsFrom + rand.IntN(portsTo-portsFrom))
		if l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port)); err == nil {
			held, ports = append(held, l), append(ports, port)
		}
	}
	return nil, errors.New("this machine has no free ports")
}

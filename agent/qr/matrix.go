package qr

// QuietZone is the light border on each side, in modules (ISO/IEC 18004, 4).
const QuietZone = 4

// Matrix is a rendered symbol with its quiet zone. It never changes after
// Encode, so copies may be shared between goroutines. The zero Matrix has
// size 0 and is all light.
type Matrix struct {
	modules int // without the quiet zone
	version int // of the symbol, 1 to 40: it has 17+4*version modules a side
	level   Level
	dark    []uint64 // row-major, bit i of word i/64; never written after newMatrix
}

func newMatrix(bitmap [][]bool, version int, level Level) Matrix {
	n := len(bitmap)
	m := Matrix{modules: n, version: version, level: level, dark: make([]uint64, (n*n+63)/64)}
	for y, row := range bitmap {
		for x, dark := range row {
			if dark {
				i := y*n + x
				m.dark[i/64] |= 1 << (i % 64)
			}
		}
	}
	return m
}

// Size is the side of the square in modules, quiet zone included.
func (m Matrix) Size() int {
	if m.modules == 0 {
		return 0
	}
	return m.modules + 2*QuietZone
}

// At tells whether the module in column x and row y is dark. Both count from
// the outer corner of the quiet zone; everything outside the symbol is light.
func (m Matrix) At(x, y int) bool {
	x, y = x-QuietZone, y-QuietZone
	if x < 0 || y < 0 || x >= m.modules || y >= m.modules {
		return false
	}
	i := y*m.modules + x
	return m.dark[i/64]>>(i%64)&1 == 1
}

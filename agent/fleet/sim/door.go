package sim

import (
	"context"
	"errors"
	"maps"
	"sync"
)

// door is the settings of a simulated shop.
type door struct {
	refuses bool

	mu     sync.Mutex
	values map[string]string
}

func newDoor(refuses bool) *door {
	return &door{refuses: refuses, values: map[string]string{"shop.name": "Simulated shop", "shop.language": "en", "log.level": "info", "fleet.spread": "30s", "print.copies": "1"}}
}

var errRefused = errors.New("this simulated terminal takes no settings")

// Current implements fleet.Settings.
func (d *door) Current(key string) (string, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	text, ok := d.values[key]
	return text, ok
}

// Apply implements fleet.Settings.
func (d *door) Apply(_ context.Context, values map[string]string, _ string) (map[string]string, error) {
	if d.refuses {
		return nil, errRefused
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	effects := map[string]string{}
	for key := range values {
		effects[key] = "live"
	}
	maps.Copy(d.values, values)
	return effects, nil
}

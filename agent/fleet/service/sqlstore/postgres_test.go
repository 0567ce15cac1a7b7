package sqlstore_test

import (
	"testing"
	"time"

	"tillwire/agent/fleet/service"
	"tillwire/agent/fleet/service/sqlstore"
	"tillwire/agent/fleet/service/storetest"
	"tillwire/agent/fleet/service/storetest/postgres"
)

// patience is how long a busy machine may take for what should take a second.
const patience = 60 * time.Second

// open opens a service's store on a schema.
func open(t *testing.T, p *postgres.Server, schema string) service.Store {
	t.Helper()
	db := p.Open(schema)
	s, err := sqlstore.Open(t.Context(), sqlstore.PostgreSQL(), db, db)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestPostgreSQL(t *testing.T) {
	p := postgres.Start(t)
	t.Run("keeps the contract", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) func() service.Store {
			schema := p.Empty()
			return func() service.Store { return open(t, p, schema) }
		})
	})
	t.Run("carries two services of which one is killed", func(t *testing.T) { twoServices(t, p) })
}

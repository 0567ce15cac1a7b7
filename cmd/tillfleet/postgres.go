package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"tillwire/agent/fleet/service/sqlstore"
)

// connections is how many the service keeps to PostgreSQL at most.
const connections = 16

// openPostgres opens the database that several services share. The connection
// string is a secret, so it is a file.
func openPostgres(ctx context.Context, file string) (*sqlstore.Store, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("the connection string of PostgreSQL: %w", err)
	}
	c, err := pgx.ParseConfig(strings.TrimSpace(string(text)))
	if err != nil {
		// The library's error may repeat the string, and with it the password.
		return nil, fmt.Errorf("%s holds no connection string such as postgres://user:password@host/database", file)
	}
	db := stdlib.OpenDB(*c)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return sqlstore.Open(ctx, sqlstore.PostgreSQL(), db, db)
}

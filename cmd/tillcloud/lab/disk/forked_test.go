//go:build faultfs

package disk_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"tillwire/agent"
)

// mostDays bounds how long a copy trades until it has come as far as its twin.
const mostDays = 40

// forked lets a copy go its own way until its journal is as long as that of the disk
// it was copied from, or longer, and puts it into the agent that has seen the other:
// nothing is missing, and still it is another story.
func (c *copied) forked(ctx context.Context) error {
	c.two = true
	if err := c.copyTo(ctx, c.at("image")); err != nil {
		return err
	}
	if err := c.meanwhile(ctx); err != nil {
		return err
	}
	if err := c.off(ctx); err != nil {
		return err
	}
	seen, err := os.ReadFile(c.at("witness"))
	if err != nil {
		return err
	}
	if err := c.turn(ctx); err != nil {
		return err
	}
	if err := c.comesAsFar(ctx, seen); err != nil {
		return err
	}
	was, err := c.shop.Store().Incarnation(ctx)
	if err != nil {
		return err
	}
	c.shop.PowerOff()
	if err := c.shop.Bury(); err != nil {
		return err
	}
	if err := errors.Join(os.WriteFile(c.at("witness"), seen, 0o600), c.shop.PowerOn(ctx)); err != nil {
		return err
	}
	now, err := c.shop.Store().Incarnation(ctx)
	problems := c.shop.Store().Problems()
	told := slices.ContainsFunc(problems, func(p agent.Problem) bool { return strings.Contains(p.What, "another story") })
	if err == nil && (now == was || !told) {
		c.accuse(CheckNoticed, "a copy that went its own way was put in; problems %v, a new incarnation: %v", problems, now != was)
	}
	return errors.Join(err, c.later(ctx), c.judged(ctx), c.swap(ctx), c.judged(ctx))
}

// comesAsFar trades until the running store's journal is at least as long as a
// witness of another one says.
func (c *copied) comesAsFar(ctx context.Context, seen []byte) error {
	want, err := rowOf(seen)
	if err != nil {
		return err
	}
	for range mostDays {
		if err := c.later(ctx); err != nil {
			return err
		}
		// A stop notes the last row.
		c.shop.PowerOff()
		if err := c.shop.Bury(); err != nil {
			return err
		}
		here, err := os.ReadFile(c.at("witness"))
		if err == nil {
			err = c.shop.PowerOn(ctx)
		}
		if err != nil {
			return err
		}
		is, err := rowOf(here)
		if err != nil {
			return err
		}
		if is >= want {
			return nil
		}
	}
	return fmt.Errorf("the copy has not come to row %d", want)
}

// rowOf reads the row of the journal that a witness names.
func rowOf(witness []byte) (seq int64, err error) {
	var mark, incarnation string
	if _, err = fmt.Sscan(string(witness), &mark, &incarnation, &seq); err != nil {
		err = fmt.Errorf("a witness reads %q: %w", witness, err)
	}
	return seq, err
}

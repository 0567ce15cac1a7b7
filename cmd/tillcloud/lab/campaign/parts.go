package main

import (
	"fmt"
	"strings"
)

// part is one campaign: what it is called and which test binary holds it.
type part struct {
	ID      string
	Title   string
	Folder  string // below the laboratory
	Tags    string // beside those of every build
	Cheap   bool   // built with the cheap signer, faulty or not
	Real    bool   // with real signatures all the same where it is a release
	Wide    bool   // keeps all processors busy by itself
	Light   bool   // waits more than it computes: runs beside the others
	Long    bool   // has a size beyond that of a release
	Unit    string // of Least
	Least   int    // what a release must do at least; 0: every one there is
	Minutes int    // at release size on two processors, for the estimate
}

// parts lists the campaigns in the order of the page.
func parts() []part {
	return []part{
		{ID: "C1", Title: "power cuts, rebuilt from a recording disk", Folder: "disk", Tags: "faultfs", Cheap: true, Wide: true, Minutes: 16, Unit: "images", Least: 200_000},
		{ID: "C2", Title: "power cut at every point of a payment", Folder: "points", Cheap: true, Minutes: 3, Unit: "crashes", Least: 5_000},
		{ID: "C3", Title: "kill -9 while eight lanes pay", Folder: "kill", Light: true, Minutes: 28, Unit: "kills", Least: 5000},
		{ID: "C4", Title: "every message cut at every byte", Folder: "network", Cheap: true, Real: true, Minutes: 20, Unit: "cuts"},
		{ID: "C5", Title: "late, doubled, forged and strange answers", Folder: "network", Minutes: 3, Unit: "answers", Least: 10_000},
		{ID: "C6", Title: "whole shops in virtual time", Folder: "sim", Cheap: true, Wide: true, Minutes: 30, Unit: "payments", Least: 1_000_000},
		{ID: "queue", Title: "a queue drains, with a poisoned item in it", Folder: "sim", Cheap: true, Minutes: 2, Unit: "queues", Least: 30},
		{ID: "C7", Title: "the payment against its model", Folder: "model", Minutes: 4, Unit: "runs", Least: 10_000},
		{ID: "C8", Title: "failing, full and lying disks", Folder: "disk", Tags: "faultfs", Cheap: true, Minutes: 4, Unit: "errors", Least: 5000},
		{ID: "C9", Title: "clocks that jump", Folder: "clock", Minutes: 1, Unit: "cases", Least: 1000},
		{ID: "C10", Title: "restored and cloned disks", Folder: "disk", Tags: "faultfs", Cheap: true, Minutes: 1, Unit: "disks", Least: 300},
		{ID: "C11", Title: "stolen, forged and damaged codes", Folder: "abuse", Wide: true, Long: true, Minutes: 3, Unit: "executions", Least: 2_000_000},
		{ID: "C12", Title: "double clicks, double scans, two tills", Folder: "crowd", Minutes: 3, Unit: "histories", Least: 5000},
	}
}

// soakPart is the campaign that runs by the clock.
func soakPart() part {
	return part{ID: "C13", Title: "everything at random for an hour", Folder: "soak"}
}

func partOf(id string) (part, error) {
	var ids []string
	for _, p := range append(parts(), soakPart()) {
		if strings.EqualFold(p.ID, id) {
			return p, nil
		}
		ids = append(ids, p.ID)
	}
	return part{}, fmt.Errorf("no campaign is called %q; there are %s", id, strings.Join(ids, ", "))
}

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
	Wide    bool   // keeps all processors busy by itself
	Minutes int    // at release size on two processors, for the estimate
}

// parts lists the campaigns in the order of the page.
func parts() []part {
	return []part{
		{ID: "C1", Title: "power cuts, rebuilt from a recording disk", Folder: "disk", Tags: "faultfs", Wide: true, Minutes: 15},
		{ID: "C2", Title: "power cut at every point of a payment", Folder: "points", Minutes: 3},
		{ID: "C3", Title: "kill -9 while eight lanes pay", Folder: "kill", Minutes: 6},
		{ID: "C4", Title: "every message cut at every byte", Folder: "network", Minutes: 10},
		{ID: "C5", Title: "late, doubled, forged and strange answers", Folder: "network", Minutes: 5},
		{ID: "C6", Title: "whole shops in virtual time", Folder: "sim", Cheap: true, Wide: true, Minutes: 25},
		{ID: "queue", Title: "a queue drains, with a poisoned item in it", Folder: "sim", Cheap: true, Minutes: 2},
		{ID: "C7", Title: "the payment against its model", Folder: "model", Minutes: 5},
		{ID: "C8", Title: "failing, full and lying disks", Folder: "disk", Tags: "faultfs", Minutes: 4},
		{ID: "C9", Title: "clocks that jump", Folder: "clock", Minutes: 3},
		{ID: "C10", Title: "restored and cloned disks", Folder: "disk", Tags: "faultfs", Minutes: 2},
		{ID: "C12", Title: "double clicks, double scans, two tills", Folder: "crowd", Minutes: 5},
	}
}

// soakPart is the campaign that runs by the clock.
func soakPart() part {
	return part{ID: "C13", Title: "everything at random for an hour", Folder: "soak"}
}

func partOf(id string) (part, error) {
	var ids []string
	for _, p := range append(parts(), soakPart()) {
		if p.ID == id {
			return p, nil
		}
		ids = append(ids, p.ID)
	}
	return part{}, fmt.Errorf("no campaign is called %q; there are %s", id, strings.Join(ids, ", "))
}

//go:build !inside

package main

const insideModule = false

func newDecision([]string) func(string) bool { return nil }

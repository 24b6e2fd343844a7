//go:build inside

package main

import "github.com/jub0bs/cors/internal/origins"

// insideModule says whether this program was built inside a copy of the library's module, where Go
// lets it use the library's internal packages.
const insideModule = true

// newDecision makes the origin decision alone, as the library's handler makes it.
func newDecision(entries []string) func(string) bool {
	patterns := make([]*origins.Pattern, 0, len(entries))
	for _, entry := range entries {
		pattern, err := origins.ParsePattern(entry)
		if err != nil {
			panic(err) // The handler was made of the same entries.
		}
		patterns = append(patterns, &pattern)
	}
	tree := origins.NewTree(patterns...)
	return func(origin string) bool {
		parsed, ok := origins.Parse(origin)
		return ok && tree.Contains(&parsed)
	}
}

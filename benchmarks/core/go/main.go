// Command core measures the origin decision of jub0bs/cors: core CASES MILLISECONDS. It prints one
// JSON object a line: a case's name and the processor time of its thread in nanoseconds. Every case
// is checked to give the right answer before it is timed. It is built inside a copy of the library's
// module, where Go lets it use the internal packages with which the handler decides.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/jub0bs/cors/internal/origins"
)

// allCases is what the file has: origins, policies, and cases that name a policy by its place.
type allCases struct {
	Listed   []string
	Policies []struct {
		Entries []string
		Listed  int
	}
	Cases []struct {
		Name, Measure, Expect string
		Turns                 []string
		Policy                int
	}
}

// packed gives the same strings, one after the other in memory, as the C++ program has them.
func packed(texts []string) []string {
	all := strings.Join(texts, "")
	found := make([]string, 0, len(texts))
	for _, text := range texts {
		found, all = append(found, all[:len(text)]), all[len(text):]
	}
	return found
}

// measure gives the processor time of the thread for each decision, as the C++ program does: other
// work on the machine is not counted, nor is the garbage collector's on other threads.
func measure(decide func(string) bool, turns []string) float64 {
	result := testing.Benchmark(func(b *testing.B) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		turn := 0
		before := threadTime()
		for range b.N {
			decide(turns[turn])
			if turn++; turn == len(turns) {
				turn = 0
			}
		}
		b.ReportMetric(float64(threadTime()-before)/float64(b.N), "cpu-ns/op")
	})
	return result.Extra["cpu-ns/op"]
}

// threadTime reads the clock that the C++ program reads; getrusage counts ticks of milliseconds.
func threadTime() int64 {
	const threadClock = 3 // CLOCK_THREAD_CPUTIME_ID of Linux.
	var now syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, threadClock, uintptr(unsafe.Pointer(&now)), 0)
	return now.Nano()
}

func run(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var all allCases
	if err := json.Unmarshal(content, &all); err != nil {
		return err
	}
	latest := -1
	var tree origins.Tree
	decide := func(origin string) bool {
		parsed, ok := origins.Parse(origin)
		return ok && tree.Contains(&parsed)
	}
	for _, c := range all.Cases {
		if c.Measure != "origin" {
			continue
		}
		if c.Policy != latest {
			latest, tree = c.Policy, origins.Tree{} // So that a large one is collected.
			policy := all.Policies[latest]
			var patterns []*origins.Pattern
			for _, entry := range append(policy.Entries, all.Listed[:policy.Listed]...) {
				pattern, err := origins.ParsePattern(entry)
				if err != nil {
					return err
				}
				patterns = append(patterns, &pattern)
			}
			tree = origins.NewTree(patterns...)
			runtime.GC()
		}
		turns := packed(c.Turns)
		for _, origin := range turns {
			if decide(origin) != (c.Expect == "allowed") {
				return fmt.Errorf("%q gives a wrong answer", c.Name)
			}
		}
		row := map[string]any{"name": c.Name, "ns": measure(decide, turns)}
		json.NewEncoder(os.Stdout).Encode(row)
	}
	return nil
}

func main() {
	testing.Init()
	flag.Parse()
	if flag.NArg() != 2 || flag.Set("test.benchtime", flag.Arg(1)+"ms") != nil {
		fmt.Fprintln(os.Stderr, "usage: core CASES MILLISECONDS")
		os.Exit(2)
	}
	if err := run(flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "core:", err)
		os.Exit(1)
	}
}

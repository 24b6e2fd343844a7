// Command core measures jub0bs/cors on the cases of the benchmark of Corsac's core.
//
// Usage: core FOLDER LARGEST TIME. It prints one JSON object a line: a case's name, the processor
// time of its thread in nanoseconds, and its allocations. Every case is checked to give the right
// answer before it is timed.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jub0bs/cors"
)

// browserLines are what the C++ program's kBrowserLines are.
var browserLines = map[string]string{
	"Host":            "api.example.com",
	"Connection":      "keep-alive",
	"User-Agent":      "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
	"Accept":          "*/*",
	"Sec-Fetch-Site":  "same-site",
	"Sec-Fetch-Mode":  "cors",
	"Sec-Fetch-Dest":  "empty",
	"Accept-Encoding": "gzip, deflate, br, zstd",
	"Accept-Language": "en-US,en;q=0.9",
}

// exchange is a case ready to run: next handles one more request, check says what became of it, and
// turns is how often next is called so that each origin has its turn.
type exchange struct {
	next  func()
	check func() string
	turns int
}

// writer is the least that a handler can write to: a map of headers and the status.
type writer struct {
	header http.Header
	status int
}

func (w *writer) Header() http.Header            { return w.header }
func (w *writer) Write(body []byte) (int, error) { return len(body), nil }
func (w *writer) WriteHeader(status int)         { w.status = status }

func inner(http.ResponseWriter, *http.Request) {}

// newHandlerExchange makes requests whose Origin line is exchanged in place, and clears the
// response's headers, so that nothing but the handler is measured beside the clearing.
func newHandlerExchange(c *benchmarkCase, handler http.Handler, turns []string) *exchange {
	request := &http.Request{Method: c.method, Header: make(http.Header)}
	for name, value := range browserLines {
		request.Header.Set(name, value)
	}
	for _, line := range c.lines {
		for range line.count {
			request.Header.Add(line.name, line.value)
		}
	}
	origin := []string{""}
	if len(turns) > 0 {
		request.Header["Origin"] = origin
	}
	w := &writer{header: make(http.Header)}
	turn := 0
	return &exchange{
		next: func() {
			if len(turns) > 0 {
				origin[0] = turns[turn]
				if turn++; turn == len(turns) {
					turn = 0
				}
			}
			clear(w.header)
			handler.ServeHTTP(w, request)
		},
		check: func() string {
			switch sent := w.header.Get("Access-Control-Allow-Origin"); {
			case w.status == http.StatusForbidden:
				return "refused"
			case sent == "*":
				return "any"
			case sent == "" && request.Header.Get("Origin") == "":
				return "none"
			case sent == "":
				return "refused"
			case sent == origin[0]:
				return "allowed"
			}
			return "odd"
		},
		turns: max(1, len(turns)),
	}
}

func newHandler(p *policy, entries []string) (http.Handler, error) {
	middleware, err := cors.NewMiddleware(cors.Config{
		Origins:         entries,
		Credentialed:    p.credentials,
		Methods:         p.methods,
		RequestHeaders:  p.headers,
		ResponseHeaders: p.exposed,
		MaxAgeInSeconds: 600,
	})
	if err != nil {
		return nil, err
	}
	return middleware.Wrap(http.HandlerFunc(inner)), nil
}

// measure times an exchange by the processor time of its thread, as the C++ program does: other
// work on the machine is not counted, nor is the garbage collector's on other threads.
func measure(name string, e *exchange) {
	result := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for range min(e.turns, 1024) {
			e.next()
		}
		b.ResetTimer()
		before := threadTime()
		for range b.N {
			e.next()
		}
		b.ReportMetric(float64(threadTime()-before)/float64(b.N), "cpu-ns/op")
	})
	json.NewEncoder(os.Stdout).Encode(map[string]any{
		"name":        name,
		"ns":          result.Extra["cpu-ns/op"],
		"allocations": float64(result.MemAllocs) / float64(result.N),
	})
}

func threadTime() time.Duration {
	const thread = 1 // RUSAGE_THREAD of Linux.
	var usage syscall.Rusage
	if err := syscall.Getrusage(thread, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func run(folder string, largest int) error {
	cases, err := readCases(folder, largest)
	if err != nil {
		return err
	}
	bare := &benchmarkCase{method: http.MethodGet}
	measure("bare handler", newHandlerExchange(bare, http.HandlerFunc(inner), nil))
	var latest *policy
	var handler http.Handler
	var decide func(string) bool
	for _, c := range cases {
		if c.measure == "build" || c.expect == "absent" || (c.measure == "origin" && !insideModule) {
			continue
		}
		if c.policy != latest {
			latest, handler, decide = c.policy, nil, nil // So that the large ones are collected.
			entries, err := c.policy.entries(folder)
			if err != nil {
				return err
			}
			if handler, err = newHandler(c.policy, entries); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			if !c.policy.any {
				decide = newDecision(entries)
			}
			runtime.GC()
		}
		turns, err := c.origins(folder)
		if err != nil {
			return err
		}
		e := newHandlerExchange(c, handler, turns)
		if c.measure == "origin" {
			if len(turns) == 0 {
				turns = []string{c.lines[0].value}
			}
			e = newDecisionExchange(decide, turns)
		}
		for range e.turns {
			e.next()
			if got := e.check(); got != c.expect {
				return fmt.Errorf("%q gives %q where %q was expected", c.name, got, c.expect)
			}
		}
		measure(c.name, e)
	}
	return nil
}

func newDecisionExchange(decide func(string) bool, turns []string) *exchange {
	turn := 0
	allowed := false
	return &exchange{
		next: func() {
			allowed = decide(turns[turn])
			if turn++; turn == len(turns) {
				turn = 0
			}
		},
		check: func() string {
			if allowed {
				return "allowed"
			}
			return "refused"
		},
		turns: len(turns),
	}
}

func main() {
	testing.Init()
	flag.Parse()
	largest, err := strconv.Atoi(flag.Arg(1))
	if flag.NArg() != 3 || err != nil || flag.Set("test.benchtime", flag.Arg(2)) != nil {
		fmt.Fprintln(os.Stderr, "usage: core FOLDER LARGEST TIME")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), largest); err != nil {
		fmt.Fprintln(os.Stderr, "core:", err)
		os.Exit(1)
	}
}

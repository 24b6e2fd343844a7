package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// stride gives the same turns as the C++ program's kStride.
const stride = 2654435761

// policy is what the cases up to the next one are decided by; see cases.txt.
type policy struct {
	origins, patterns         int
	any, credentials          bool
	methods, headers, exposed []string
}

// repeatedLine stands for several header lines of one name and value.
type repeatedLine struct {
	name, value string
	count       int
}

// benchmarkCase is one case of cases.txt, with the answer that this library is to give.
type benchmarkCase struct {
	measure, name, method, turnKind, expect string
	policy                                  *policy
	lines                                   []repeatedLine
	turns                                   int
}

// readCases reads the cases whose policy has at most largest origins.
func readCases(folder string, largest int) ([]*benchmarkCase, error) {
	content, err := os.ReadFile(filepath.Join(folder, "cases.txt"))
	if err != nil {
		return nil, err
	}
	var cases []*benchmarkCase
	var current *benchmarkCase
	var shared *policy
	for _, line := range strings.Split(string(content), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case word == "policy":
			shared, current = new(policy), nil
		case word == "case":
			measure, name, _ := strings.Cut(rest, " ")
			current = &benchmarkCase{measure: measure, name: name, method: "GET", policy: shared}
			if shared.origins <= largest {
				cases = append(cases, current)
			}
		case current != nil:
			current.read(word, rest)
		default:
			shared.read(word, rest)
		}
	}
	for _, c := range cases {
		c.name = c.measure + ": " + c.name
		if c.turns == 1 {
			c.name += " [always the same]"
		} else if c.turns > 1 {
			c.name += fmt.Sprintf(" [%d in turn]", c.turns)
		}
	}
	return cases, nil
}

func (p *policy) read(word, rest string) {
	switch word {
	case "origins":
		p.origins, _ = strconv.Atoi(rest)
	case "patterns":
		p.patterns, _ = strconv.Atoi(rest)
	case "any":
		p.any = true
	case "credentials":
		p.credentials = true
	case "methods":
		p.methods = strings.Fields(rest)
	case "headers":
		p.headers = strings.Fields(rest)
	case "expose":
		p.exposed = strings.Fields(rest)
	}
}

func (c *benchmarkCase) read(word, rest string) {
	switch word {
	case "method":
		c.method = rest
	case "turns":
		fmt.Sscan(rest, &c.turnKind, &c.turns)
	case "line":
		name, value, _ := strings.Cut(rest, ": ")
		c.lines = append(c.lines, repeatedLine{name, value, 1})
	case "lines":
		var line repeatedLine
		var bytes int
		var text string
		fmt.Sscan(rest, &line.name, &line.count, &bytes, &text)
		line.value = strings.Repeat(text, bytes/len(text)+1)[:bytes]
		c.lines = append(c.lines, line)
	case "expect", "peer-expect": // The latter comes later, and is the one that holds here.
		c.expect = rest
	}
}

// entries gives what the policy lists, as it is configured.
func (p *policy) entries(folder string) ([]string, error) {
	if p.any {
		return []string{"*"}, nil
	}
	entries, err := firstLines(folder, "listed.txt", p.origins)
	if err != nil {
		return nil, err
	}
	patterns, err := firstLines(folder, "listed.txt", p.patterns)
	for _, origin := range patterns {
		entries = append(entries, strings.Replace(origin, "://", "://*.", 1))
	}
	return entries, err
}

// origins gives the origins that a case asks about in turn, one after the other in memory.
func (c *benchmarkCase) origins(folder string) ([]string, error) {
	file, among := "listed.txt", c.policy.origins
	switch {
	case c.turnKind == "unlisted":
		file, among = "unlisted.txt", c.turns
	case c.turnKind == "below":
		among = c.policy.patterns
	}
	if among == 0 {
		among = c.turns
	}
	lines, err := firstLines(folder, file, among)
	if err != nil {
		return nil, err
	}
	var ends []int
	var bytes strings.Builder
	for turn := range uint64(c.turns) {
		origin := lines[turn*stride%uint64(among)]
		if c.turnKind == "below" {
			origin = strings.Replace(origin, "://", "://shop.eu.", 1)
		}
		bytes.WriteString(origin)
		ends = append(ends, bytes.Len())
	}
	var turns []string
	begin := 0
	for _, end := range ends {
		turns = append(turns, bytes.String()[begin:end])
		begin = end
	}
	return turns, nil
}

func firstLines(folder, name string, count int) ([]string, error) {
	file, err := os.Open(filepath.Join(folder, name))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	lines := make([]string, 0, count)
	for scanner := bufio.NewScanner(file); len(lines) < count && scanner.Scan(); {
		lines = append(lines, scanner.Text())
	}
	if len(lines) < count {
		return nil, fmt.Errorf("%s has fewer than %d lines", name, count)
	}
	return lines, nil
}

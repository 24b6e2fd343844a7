"use strict";

// The search of a message that a browser printed: its own page first. The words of a message alone
// would not do, since it has URLs that stand on no page.
//
// CONSOLE_MESSAGES is made of the table of corsac.console: the literal texts of each message; whether
// the last of them ends its line; and whether it is an error's name, which begins a word. And so is
// CONSOLE_ESCAPED: what JSON escapes, as a mark or by its code.

const CONSOLE_ALIKE = [
  [
    new RegExp(CONSOLE_ESCAPED, "g"),
    (_, mark, code) => mark ?? String.fromCharCode(parseInt(code, 16)),
  ],
  [/[\u2018\u2019\u201a\u201b\u2032]/g, "'"],
  [/[\u201c\u201d\u201e\u2033]/g, '"'],
  [/[^\S\n]+/g, " "],
  [/\s*\n\s*/g, "\n"],
  [/(\S{100})\S+(\S{50})/g, "$1$2"], // The middle of a long URL says nothing.
];

const consoleText = (text) =>
  CONSOLE_ALIKE.reduce((made, [from, to]) => made.replace(from, to), text);

// What stands between literal texts: a URL, or other words.
const CONSOLE_URL = "\\S{0,400}?";
const CONSOLE_WORDS = "[^]{0,400}?";
const CONSOLE_LINE_END = " ?(?:\\([^()\\n]{1,200}, line \\d{1,9}\\))?$";

const consoleExpression = ({ parts, ends, starts }) => {
  const literal = parts
    .map((part) => consoleText(part).replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
    .map((part) => part.replace(/ /g, "\\s")) // A line may have been broken at each space.
    .join(ends ? CONSOLE_URL : CONSOLE_WORDS);
  if (ends) return new RegExp(literal + CONSOLE_LINE_END, "im");
  // Who copies a line by hand often leaves out its last full stop.
  const shorter = literal.replace(/(\w)\\\.$/, "$1");
  return new RegExp(starts ? `(?<![^\\s(])(?:net::)?${shorter}(?!\\w)` : shorter, "i");
};

const CONSOLE_ROWS = CONSOLE_MESSAGES.map((row) => ({
  ...row,
  expression: consoleExpression(row),
  length: row.parts.join("").length,
})).sort((a, b) => (a.level > 0) - (b.level > 0) || b.length - a.length);

/** Whether a message is that of a policy that only reports, and has blocked nothing. */
const isOnlyReported = (text, { 0: message, index }) => {
  if (text.slice(0, index).trimEnd().endsWith("[Report Only]")) return true;
  const [notes, ...more] = text.slice(index + message.length).split("The policy is report-only");
  return more.length > 0 && notes.length < 1000 && !/blocked|violates/.test(notes);
};

/** The rows of the messages in a text, the surest first: what says most is taken out first. */
const findConsoleMessages = (text) => {
  let rest = consoleText(text);
  const found = [];
  for (const row of CONSOLE_ROWS) {
    let match = row.expression.exec(rest);
    while (match) {
      const isNew = !found.some((other) => other.page === row.page);
      if (isNew && !isOnlyReported(rest, match)) found.push(row);
      rest = rest.replace(match[0], () => "\n");
      match = row.expression.exec(rest);
    }
  }
  const level = Math.min(...found.map((row) => row.level));
  return found.filter((row) => row.level === level);
};

if (typeof Search !== "undefined") {
  // Pages that are files may not read others, for the same reason: each has an origin of its own.
  if (window.location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

  const parseQuery = Search._parseQuery;
  const performSearch = Search._performSearch;

  const isKnown = (term) => {
    const { terms, titleterms } = Search._index;
    return [terms, titleterms].some((index) =>
      Object.keys(index).some((word) => word.includes(term)),
    );
  };

  Search._parseQuery = (query) => {
    // URLs of a paste stand on no page, and a page has to have every word.
    const words = query.replace(/\b[a-z][a-z0-9+.-]*:\/\/[^\s'"\u2019\u201d]+/gi, " ");
    const parsed = parseQuery(words.trim() || query);
    const known = [...parsed[1]].filter(isKnown);
    if (known.length) parsed[1] = new Set(known);
    return parsed;
  };

  Search._performSearch = (query, ...terms) => {
    const results = performSearch(query, ...terms);
    const asked = new URLSearchParams(window.location.search).get("q") || query;
    // The last one is shown first. Of a result: page, title, anchor, what is said of it, score.
    const messages = findConsoleMessages(asked).reverse();
    // The words of a message are on every second page: to mark them there would say nothing.
    if (messages.length) localStorage.removeItem("sphinx_highlight_terms");
    const pages = new Set(messages.map((row) => row.page));
    return [
      ...results.filter(([page]) => !pages.has(page)),
      ...messages.map(({ page, title, engines }) => {
        const said = `what ${engines.join(", ")} prints`;
        return [page, title, "", said, 1000, `${page}.md`, "title"];
      }),
    ];
  };
}

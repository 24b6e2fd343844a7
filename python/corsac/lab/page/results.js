// What came of a case, as elements. Nothing here is markup from the server: text stays text.

const NAMES = { chromium: "Chromium", firefox: "Firefox", webkit: "WebKit" };

/** An element with classes, and children that are elements or text. */
export function element(tag, className = "", ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children.filter((it) => it !== null && it !== undefined));
  return made;
}

const GUARDED = "Sent, refused by the server (guard)";
/** Allowed, blocked, or neither: sent, and a protection of the server's at work. */
const tone = ({ ok, guarded }) => (!ok ? "blocked" : guarded ? "guarded" : "allowed");
const state = (outcome) => ({ allowed: "Allowed", blocked: "Blocked", guarded: GUARDED })[tone(outcome)];

const lowered = (text) => text[0].toLowerCase() + text.slice(1);

/** The sentence that everything below is about. */
function headline(outcome, request) {
  const guarded = "the server's guard refused it before the application ran";
  if (!outcome.ok) return `Blocked: ${outcome.explanation}${outcome.guarded ? `; and ${guarded}` : ""}`;
  if (outcome.guarded) return `Sent, and ${guarded}`;
  if (outcome.type === "opaque") return "Sent, but the script sees nothing of the response";
  if (outcome.type === "opaqueredirect") return "Sent; the script sees only that it was redirected";
  const names = outcome.readable.filter((name) => name !== "content-length");
  const reads = names.length ? `, and can read ${names.join(", ")}` : ", and can read no header";
  return `Allowed: the script gets the ${outcome.status}${reads}`;
}

/** The verdicts of all engines and of this browser; `real` is null until it is known. */
export function verdict(evaluation, real, mine) {
  const standard = evaluation.outcomes.standard;
  const differ = Object.values(evaluation.outcomes).some((it) => tone(it) !== tone(standard));
  const box = element("div", `verdict ${differ ? "mixed" : tone(standard)}`);
  const text = headline(standard);
  box.append(element("p", "", differ ? `Engines differ. By the standard: ${lowered(text)}` : text));
  const list = element("ul", "engines");
  list.setAttribute("aria-label", "What each browser does");
  for (const [profile, outcome] of Object.entries(evaluation.outcomes)) {
    const item = element(
      "li", "",
      element("span", "name", outcome.observed),
      element("span", `state ${tone(outcome)}`, state(outcome)),
      outcome.reason ? element("code", "", outcome.reason.replaceAll(":", ":\u200b")) : null,
    );
    item.dataset.engine = profile;
    item.dataset.outcome = tone(outcome);
    list.append(item);
  }
  const item = element("li", "real", element("span", "name", "This browser, really"));
  item.dataset.engine = "real";
  if (real) {
    const did = { ok: real.result.ok, guarded: real.comparison.guarded };
    item.dataset.outcome = tone(did);
    item.append(element("span", `state ${tone(did)}`, state(did)));
    item.append(element("code", "", real.result.ok ? real.result.type : "TypeError, and no reason"));
  } else {
    item.append(element("span", "state", "..."));
  }
  list.append(item);
  box.append(list);
  if (real) box.append(agreement(real, mine));
  box.append(...consoles(evaluation.outcomes));
  const blocked = Object.values(evaluation.outcomes).find((it) => it.reason);
  if (blocked) box.append(element("p", "help", "More: ", element("code", "", `corsac explain-code ${blocked.reason}`)));
  for (const note of new Set([...evaluation.notes, ...standard.notes])) box.append(element("p", "help", note));
  return box;
}

/** What each browser that blocks it would print into its console. */
function consoles(outcomes) {
  const parts = [];
  for (const [profile, { console: lines }] of Object.entries(outcomes)) {
    if (!lines.length) continue;
    const part = element("div", "console", element("p", "name", `${NAMES[profile]}'s console`));
    part.dataset.engine = profile;
    part.append(...lines.map((line) => element("p", "mono", line)));
    parts.push(part);
  }
  return parts;
}

function agreement(real, mine) {
  const { agrees, differences } = real.comparison;
  const line = element("p", `agreement ${agrees ? "agrees" : "differs"}`);
  line.dataset.agrees = String(agrees);
  line.textContent = agrees
    ? `\u2713 This browser did exactly what the simulated ${NAMES[mine]} does: verdict, requests and readable headers.`
    : `\u2717 This browser and the simulated ${NAMES[mine]} differ: ${differences.join("; ")}.`;
  return line;
}

/** Corsac's explanation of every request of the fetch. */
export function explanation(evaluation) {
  const parts = evaluation.explanations.map((explained) => {
    const part = element("div", "exchange");
    const kind = { preflight: "Preflight request", actual: "Request", "not-cors": "Request, not CORS" };
    const where = new URL(explained.url).host.split(".")[0];
    const title = `${kind[explained.kind]}: ${explained.method} ${explained.path} at ${where}`;
    part.append(element("h4", "", title));
    for (const side of ["server", "browser"]) {
      const steps = explained.steps.filter((step) => step.side === side);
      if (!steps.length) continue;
      part.append(element("p", "side", side === "server" ? "The server" : "The browser"));
      part.append(stepList(steps));
    }
    if (explained.change) part.append(change(explained.change));
    return part;
  });
  if (parts.length) return parts;
  const steps = evaluation.outcomes.standard.steps.map((text) => element("li", "", "", element("span", "", text)));
  return [element("p", "empty", "No request was sent, so the policy was not asked."), element("ul", "steps", ...steps)];
}

function stepList(steps) {
  const list = element("ul", "steps");
  for (const { passed, text, section } of steps) {
    const mark = { true: "\u2713", false: "\u2717", null: "\u00b7" }[passed];
    const word = { true: "passed: ", false: "failed: ", null: "" }[passed];
    const item = element("li", { true: "passed", false: "failed", null: "" }[passed]);
    const sign = element("span", "mark", mark);
    sign.setAttribute("aria-hidden", "true");
    const body = element("span", "", element("span", "hidden", word), text);
    if (section) body.title = section;
    item.append(sign, body);
    list.append(item);
  }
  return list;
}

function change({ text, caution }) {
  const box = element("div", "change", element("strong", "", "To allow it: "), text);
  if (caution) box.append(element("p", "help", caution));
  return box;
}

/** What the API saw of this browser, with the headers that matter. */
export function wire(real) {
  if (!real) return [element("p", "empty", "Waiting for this browser ...")];
  const { seen } = real.comparison;
  if (!seen.length) return [element("p", "empty", "Nothing was sent.")];
  return seen.map((exchange) => {
    const kind = exchange.is_preflight ? "Preflight request" : "Request";
    const part = element("div", "exchange", element("h4", "", `${kind}: ${exchange.method} ${exchange.url}`));
    part.append(lines("sent", exchange.headers.filter(([name]) => SENT.test(name))));
    part.append(lines(`${exchange.status}`, exchange.response_headers.filter(([name]) => ANSWERED.test(name))));
    return part;
  });
}

const SENT = /^(origin|cookie|authorization|content-type|access-control-.*|sec-fetch-site|x-.*)$/;
const ANSWERED = /^(access-control-.*|vary|location|x-.*|etag)$/;

function lines(label, pairs) {
  const box = element("div", "lines mono", element("div", "label", label));
  for (const [name, value] of pairs) {
    const isCors = name.startsWith("access-control-") || name === "origin";
    box.append(element("div", isCors ? "cors" : "", `${name}: ${value}`));
  }
  if (!pairs.length) box.append(element("div", "empty", "no header of CORS"));
  return box;
}

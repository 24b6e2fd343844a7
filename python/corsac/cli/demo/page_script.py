"""The demo page's scripts. Kept in Python so that the wheel holds nothing but modules."""

from __future__ import annotations

__all__ = ["APP_JS", "FRAME_JS", "REQUEST_JS"]

REQUEST_JS = """\
// Sends one scenario's request as any script would, and tells what the browser lets it see.

export async function loadConfig() {
  const response = await fetch("/config.json");
  return response.json();
}

export async function send(config, scenario, exchange) {
  const at = (path) => `${config.api}${path}?exchange=${exchange}`;
  if (scenario.signs_in) {
    await fetch(at("/sign-in"), { method: "POST", credentials: "include" });
  }
  try {
    const response = await fetch(at(scenario.path), {
      method: scenario.method,
      headers: Object.fromEntries(scenario.headers),
      body: scenario.body ?? undefined,
      credentials: scenario.credentials,
    });
    const readable = [...response.headers.keys()].sort();
    return { allowed: true, status: response.status, readable, body: await response.text() };
  } catch (error) {
    // All that a script ever learns: a TypeError without a reason.
    return { allowed: false, status: 0, readable: [], error: String(error) };
  }
}
"""

FRAME_JS = """\
// The refused page: does what the page that embeds it asks for, under its own origin.
import { loadConfig, send } from "/request.js";

const config = await loadConfig();
document.getElementById("origin").textContent = location.origin;

addEventListener("message", async (event) => {
  if (event.origin !== config.allowedPage || event.source !== parent) return;
  const { exchange, scenario } = event.data;
  const outcome = await send(config, scenario, exchange);
  parent.postMessage({ exchange, outcome }, config.allowedPage);
});
parent.postMessage({ ready: true }, config.allowedPage);
"""

APP_JS = """\
// The page: one card for each scenario; a button sends the request and the steps appear below it.
import { loadConfig, send } from "/request.js";

const config = await loadConfig();
const frame = document.getElementById("refused-page");
const progress = document.getElementById("progress");
const runAll = document.getElementById("run-all");
const waiting = new Map();

// --- The refused page, which answers by message ---

const frameReady = new Promise((resolve) => {
  addEventListener("message", (event) => {
    if (event.origin !== config.refusedPage || event.source !== frame.contentWindow) return;
    if (event.data.ready) resolve();
    waiting.get(event.data.exchange)?.(event.data.outcome);
    waiting.delete(event.data.exchange);
  });
});

async function sendFromRefusedPage(scenario, exchange) {
  await frameReady;
  return new Promise((resolve) => {
    waiting.set(exchange, resolve);
    frame.contentWindow.postMessage({ scenario, exchange }, config.refusedPage);
  });
}

// --- Small helpers: text is set as text, never as markup ---

function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

const code = (text, className) => element("code", className, text);

// --- Results ---

// The server tells seven steps; what the browser did with the answer is known only here.
function resultStep(step, outcome, verdict) {
  if (outcome.allowed) {
    const names = outcome.readable.flatMap((name) => [" ", code(name, "chip")]);
    const seen = `The script sees status ${outcome.status} and can read`;
    const text = "The browser gave the script the answer.";
    return stepItem({ ...step, tone: "good", text, headers: [] }, element("p", "", seen, ...names));
  }
  const where = verdict.application_ran
    ? "The application ran all the same; only its answer is hidden."
    : "The request never reached the application.";
  const told = element("p", "", "All that the script learns: ", code(outcome.error));
  return stepItem({ ...step, tone: "bad", text: `The browser blocked it. ${where}` }, told);
}

function stepItem(step, ...more) {
  const item = element("li", `step ${step.tone}`);
  const [number, title] = [element("span", "number", step.number), element("h3", "", step.title)];
  item.append(number, title, element("p", "", step.text), ...more);
  if (step.headers.length) {
    const lines = element("dl", "headers");
    for (const [name, value] of step.headers) {
      const [term, detail] = [element("dt", "", code(`${name}:`)), element("dd", "", code(value))];
      lines.append(element("div", "", term, detail));
    }
    item.append(lines);
  }
  return item;
}

function isAsExpected(scenario, outcome, verdict) {
  const expected = scenario.expected;
  return (
    outcome.allowed === (expected.reason === "") &&
    outcome.status === expected.status &&
    outcome.readable.join() === expected.readable_headers.join() &&
    verdict.preflight_sent === expected.preflight_sent &&
    verdict.application_ran === expected.application_ran &&
    verdict.reason === expected.reason
  );
}

function show(card, scenario, outcome, { steps, verdict }) {
  const asExpected = isAsExpected(scenario, outcome, verdict);
  const badge = card.querySelector(".badge");
  badge.hidden = false;
  badge.textContent = outcome.allowed ? "Allowed" : "Blocked";
  const list = element("ul", "steps");
  for (const step of steps) {
    list.append(step.number === "7" ? resultStep(step, outcome, verdict) : stepItem(step));
  }
  const check = element("p", asExpected ? "check" : "check wrong");
  check.textContent = asExpected ? "As expected." : "NOT as expected.";
  card.querySelector(".result").replaceChildren(list, check);
  Object.assign(card.dataset, {
    outcome: outcome.allowed ? "allowed" : "blocked",
    preflight: verdict.preflight_sent ? "sent" : "not-sent",
    application: verdict.application_ran ? "ran" : "not-run",
    readable: outcome.readable.join(" "),
    check: asExpected ? "right" : "wrong",
  });
}

// --- Running ---

async function run(card, scenario) {
  if (card.dataset.state === "running") return;
  const exchange = crypto.randomUUID();
  card.dataset.state = "running";
  card.setAttribute("aria-busy", "true");
  try {
    const outcome =
      scenario.page === "refused"
        ? await sendFromRefusedPage(scenario, exchange)
        : await send(config, scenario, exchange);
    const seen = await fetch(`/exchanges/${exchange}?scenario=${scenario.id}`);
    show(card, scenario, outcome, await seen.json());
    card.dataset.exchange = exchange;
    card.dataset.state = "done";
  } catch (error) {
    const text = `The demo itself failed: ${error}. Is it still running?`;
    card.querySelector(".result").replaceChildren(element("p", "check wrong", text));
    card.dataset.state = "failed";
  } finally {
    card.removeAttribute("aria-busy");
  }
}

function makeCard(scenario) {
  const template = document.getElementById("scenario-template");
  const card = template.content.firstElementChild.cloneNode(true);
  const set = (selector, text) => { card.querySelector(selector).textContent = text; };
  card.dataset.scenario = scenario.id;
  card.dataset.state = "idle";
  set("h2", scenario.title);
  set(".method", scenario.method);
  set(".url", config.api + scenario.path);
  set(".origin", scenario.page === "refused" ? config.refusedPage : config.allowedPage);
  set(".lesson", scenario.lesson);
  const button = card.querySelector("button");
  button.setAttribute("aria-label", `Send: ${scenario.title}`);
  button.addEventListener("click", () => run(card, scenario));
  return card;
}

const cards = config.scenarios.map((scenario) => ({ scenario, card: makeCard(scenario) }));
document.getElementById("scenarios").append(...cards.map(({ card }) => card));
document.getElementById("place-api").textContent = config.api;
document.getElementById("place-allowed").textContent = config.allowedPage;
document.getElementById("place-refused").textContent = config.refusedPage;
document.getElementById("policy").textContent = config.policy;

runAll.addEventListener("click", async () => {
  for (const { card, scenario } of cards) {
    progress.textContent = `Sending: ${scenario.title}`;
    await run(card, scenario);
  }
  const right = cards.filter(({ card }) => card.dataset.check === "right").length;
  progress.textContent = `${right} of ${cards.length} as expected.`;
});

frame.src = `${config.refusedPage}/frame`;
await frameReady;
progress.textContent = "";
runAll.disabled = false;
document.body.dataset.ready = "true";
"""

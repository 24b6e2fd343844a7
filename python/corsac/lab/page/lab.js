// The page: an edit is evaluated by the server, then really sent by a frame of another origin.
import { DEFAULTS, readForms, showProblems, writeForms } from "./form.js";
import { presets } from "./presets.js";
import { element, explanation, verdict, wire } from "./results.js";

const config = JSON.parse(document.getElementById("config").textContent);
const PORTS = [config.pages.app, config.pages.port].map((origin) => new URL(origin).port);
const TYPING = 250; // Milliseconds without a key until an edit is evaluated.
const PATIENCE = 30000; // Until a frame that does not answer is given up.
const PAGES = {
  app: "the app",
  admin: "below the app",
  port: "the app, another port",
  stranger: "another site",
  sandbox: "in a sandbox",
};
const byId = (id) => document.getElementById(id);
const show = (id, ...children) => byId(id).replaceChildren(...children);

/** Which simulated browser this one is like. */
function engine() {
  const agent = navigator.userAgent;
  if (/Firefox\//.test(agent)) return "firefox";
  return /Chrom(e|ium)\//.test(agent) ? "chromium" : "webkit";
}

async function call(path, content) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Lab-Token": config.token },
    body: JSON.stringify(content),
  });
  const result = await response.json();
  if (!response.ok) throw Object.assign(new Error(result.error), { field: result.field });
  return result;
}

// Frames, made when they are first needed, and told what to ask.
const frames = new Map();
const waiting = new Map();

addEventListener("message", (event) => {
  const page = [...frames].find(([, it]) => it.frame.contentWindow === event.source);
  if (!page || event.origin !== config.pages[page[0]]) return;
  if (event.data?.ready) page[1].ready();
  waiting.get(event.data?.id)?.(event.data.result);
});

function frameOf(page) {
  if (!frames.has(page)) {
    const frame = element("iframe");
    frame.title = `Page: ${PAGES[page]}`;
    if (config.pages[page] === "null") frame.sandbox = "allow-scripts";
    let ready;
    const loaded = new Promise((resolve) => { ready = resolve; });
    frames.set(page, { frame, ready, loaded });
    frame.src = config.frames[page];
    byId("frames").append(frame);
  }
  return frames.get(page);
}

async function reallyFetch(page, { url, options }) {
  const { frame, loaded } = frameOf(page);
  const id = crypto.randomUUID();
  const target = config.pages[page] === "null" ? "*" : config.pages[page];
  const answer = new Promise((resolve) => waiting.set(id, resolve));
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE, null));
  const result = await Promise.race([loaded.then(() => {
    frame.contentWindow.postMessage({ id, url, options }, target);
    return answer;
  }), late]);
  waiting.delete(id);
  return result;
}

let edition = 0;

async function update() {
  const mine = ++edition;
  const state = readForms();
  remember(state);
  document.body.dataset.state = "working";
  let evaluation;
  try {
    evaluation = await call("/api/evaluate", state);
  } catch (error) {
    if (mine === edition) failed(error);
    return;
  }
  if (mine !== edition) return;
  showProblems(evaluation.problems);
  if (!evaluation.valid) {
    invalid(evaluation.problems);
    return;
  }
  const like = engine();
  show("verdict", verdict(evaluation, null, like));
  show("explanation", ...explanation(evaluation));
  show("code", evaluation.code);
  show("wire", ...wire(null));
  const result = await reallyFetch(state.request.page, evaluation.fetch);
  if (mine !== edition) return;
  if (!result) {
    failed(new Error("the frame of the page did not answer: does this browser know *.localhost?"));
    return;
  }
  let comparison;
  try {
    comparison = await call("/api/compare", { case: evaluation.case, profile: like, result });
  } catch (error) {
    if (mine === edition) failed(error);
    return;
  }
  if (mine !== edition) return;
  const real = { result, comparison };
  show("verdict", verdict(evaluation, real, like));
  show("wire", ...wire(real));
  done(summary(evaluation, comparison));
}

function summary({ outcomes, problems }, { agrees }) {
  const { ok, reason, guarded } = outcomes.standard;
  const warned = problems.filter((it) => it.severity === "warning").length;
  const said = [!ok ? `Blocked: ${reason}.` : guarded ? "Refused by the server (guard)." : "Allowed."];
  if (warned) said.push(`${warned} warning${warned > 1 ? "s" : ""} about the policy.`);
  said.push(agrees ? "This browser agrees." : "This browser differs.");
  return said.join(" ");
}

function done(text, state = "done") {
  byId("status").textContent = text;
  document.body.dataset.state = state;
}

function nothing(text) {
  show("verdict", element("div", "verdict refused", element("p", "", text)));
  show("explanation", element("p", "empty", "There is nothing to explain yet."));
  show("wire", element("p", "empty", "Nothing was sent."));
}

function invalid(problems) {
  const errors = problems.filter((it) => it.severity === "error").length;
  nothing(`Corsac refuses this policy: ${errors} error${errors > 1 ? "s" : ""}, shown where ${errors > 1 ? "they are" : "it is"}`);
  show("code", "# no policy yet");
  done(`Refused: ${problems.map((it) => it.code).join(", ")}.`, "refused");
}

function failed(error) {
  const problem = { severity: "error", option: error.field ?? "", message: error.message, hint: "", code: "" };
  showProblems([problem]);
  nothing("This cannot be tried");
  done(`Cannot be tried: ${error.message}.`, "failed");
}

/** The state is in the fragment, so that a link to this page is a link to this case. */
function remember(state) {
  const only = (part) => Object.fromEntries(Object.entries(state[part]).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(DEFAULTS[part][name]),
  ));
  const text = JSON.stringify({ policy: only("policy"), request: only("request"), ports: PORTS });
  history.replaceState(null, "", `#${encodeURIComponent(text)}`);
}

/** Read the state from the fragment, if it is one. Origins of another run's ports become ours. */
function recall() {
  try {
    const text = decodeURIComponent(location.hash.slice(1));
    const state = text ? JSON.parse(text) : null;
    if (!state || typeof state !== "object") return null;
    const theirs = Array.isArray(state.ports) ? state.ports.map(String) : [];
    const ours = (whole, port) => {
      const place = theirs.indexOf(port);
      return PORTS[place] ? `localhost:${PORTS[place]}` : whole;
    };
    return JSON.parse(text.replace(/localhost:(\d+)/g, ours));
  } catch {
    return null;
  }
}

async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    byId("said").textContent = `${what} copied`;
  } catch {
    byId("said").textContent = `${what} could not be copied`;
  }
}

function begin() {
  for (const [page, origin] of Object.entries(config.pages)) {
    const option = element("option", "", `${origin} \u2013 ${PAGES[page]}`);
    option.value = page;
    byId("page").append(option);
  }
  const cases = presets(config.pages);
  if (config.source) cases.unshift([config.source.name, { policy: config.source.policy }]);
  for (const [index, [name]] of cases.entries()) {
    const option = element("option", "", name);
    option.value = String(index);
    byId("preset").append(option);
  }
  const own = element("option", "", "My own case");
  own.value = "";
  byId("preset").append(own);
  if (!config.regex) {
    byId("allow_origin_regex").disabled = true;
    byId("regex-help").textContent = "Needs google-re2: pip install 'corsac[re2]'";
  }
  const found = recall();
  writeForms(found ?? cases[0][1]);
  byId("preset").value = found ? "" : "0";
  byId("preset").addEventListener("change", (event) => {
    if (!event.target.value) return;
    writeForms(cases[Number(event.target.value)][1]);
    update();
  });
  let timer;
  for (const form of [byId("policy"), byId("request")]) {
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", () => {
      byId("preset").value = "";
      document.body.dataset.state = "working";
      clearTimeout(timer);
      timer = setTimeout(update, TYPING);
    });
  }
  addEventListener("hashchange", () => {
    const state = recall();
    if (!state) return;
    writeForms(state);
    byId("preset").value = "";
    update();
  });
  byId("copy-link").addEventListener("click", () => copy(location.href, "Link"));
  byId("copy-code").addEventListener("click", () => copy(byId("code").textContent, "Code"));
  // The API's cookie, so that requests with credentials really have some.
  fetch(config.signIn, { mode: "no-cors", credentials: "include" }).catch(() => {}).finally(update);
}

begin();

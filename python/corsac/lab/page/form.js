// The two forms: their state as plain data, and problems at the field that they are about.

const LISTS = ["allow_methods", "allow_headers", "expose_headers", "hands_off", "tolerate"];
const SWITCHES = [
  "allow_credentials", "guard", "preflight_continue", "allow_private_network", "always_send",
  "allow_timing",
];
const REQUEST = [
  "page", "method", "path", "credentials", "mode", "redirect", "response", "network",
];

export const DEFAULTS = {
  policy: {
    allow_origins: [], allow_origin_regex: "", allow_methods: [], allow_headers: [],
    expose_headers: [], hands_off: [], tolerate: [], allow_credentials: false, guard: false,
    preflight_continue: false, allow_private_network: false, always_send: false,
    allow_timing: false,
    max_age: 600, preflight_status: 204,
  },
  request: {
    page: "app", method: "GET", path: "/items", credentials: "same-origin", mode: "cors",
    redirect: "follow", response: "200", network: "", headers: [],
  },
};

const field = (id) => document.getElementById(id);
const split = (text, separator) => text.split(separator).map((it) => it.trim()).filter(Boolean);

function number(id) {
  const text = field(id).value.trim();
  if (!text) return null;
  return /^[+-]?\d{1,9}$/.test(text) ? Number(text) : text;
}

/** What the forms hold. What is not a number stays a text, for the server to object to. */
export function readForms() {
  const policy = {
    allow_origins: split(field("allow_origins").value, "\n"),
    allow_origin_regex: field("allow_origin_regex").value.trim(),
    max_age: number("max_age"),
    preflight_status: number("preflight_status"),
  };
  for (const id of LISTS) policy[id] = split(field(id).value, ",");
  for (const id of SWITCHES) policy[id] = field(id).checked;
  const request = { headers: [] };
  for (const id of REQUEST) request[id] = field(id).value;
  for (const line of split(field("headers").value, "\n")) {
    const colon = line.indexOf(":");
    const at = colon < 0 ? line.length : colon;
    request.headers.push([line.slice(0, at).trim(), line.slice(at + 1).trim()]);
  }
  return { policy, request };
}

/** Put a state into the forms; what is absent, or of another type, has its default. */
export function writeForms(state) {
  const policy = like(DEFAULTS.policy, state?.policy);
  const request = like(DEFAULTS.request, state?.request);
  field("allow_origins").value = policy.allow_origins.join("\n");
  field("allow_origin_regex").value = policy.allow_origin_regex;
  field("max_age").value = policy.max_age ?? "";
  field("preflight_status").value = policy.preflight_status ?? "";
  for (const id of LISTS) field(id).value = policy[id].join(", ");
  for (const id of SWITCHES) field(id).checked = policy[id];
  for (const id of REQUEST) {
    const { tagName } = field(id);
    const has = tagName !== "SELECT" || [...field(id).options].some((it) => it.value === request[id]);
    field(id).value = has ? request[id] : DEFAULTS.request[id];
  }
  field("headers").value = request.headers.map((line) => line.join(": ")).join("\n");
}

function like(defaults, given) {
  const result = { ...defaults };
  for (const [name, value] of Object.entries(defaults)) {
    const other = given?.[name];
    const isSame = typeof other === typeof value && Array.isArray(other) === Array.isArray(value);
    if (other === null ? name === "max_age" : other !== undefined && isSame) result[name] = other;
    if (Array.isArray(value)) result[name] = result[name].filter((it) => isEntry(name, it));
  }
  return result;
}

function isEntry(name, it) {
  if (name !== "headers") return typeof it === "string";
  return Array.isArray(it) && it.every((part) => typeof part === "string");
}

/** Show problems: each at its option, or under the request if no field is it. */
export function showProblems(problems) {
  for (const old of document.querySelectorAll(".field > .problem")) old.remove();
  for (const input of document.querySelectorAll("[aria-invalid]")) {
    input.removeAttribute("aria-invalid");
  }
  for (const input of document.querySelectorAll(".field input, .field textarea, .field select")) {
    const help = input.closest(".field").querySelector(".help");
    if (help) {
      help.id ||= `${input.id}-help`;
      input.setAttribute("aria-describedby", help.id);
    } else {
      input.removeAttribute("aria-describedby");
    }
  }
  const loose = field("request-problem");
  loose.hidden = true;
  for (const [index, problem] of problems.entries()) {
    const name = problem.option.startsWith("rules") ? "hands_off" : problem.option;
    const place = document.querySelector(`[data-option="${CSS.escape(name)}"]`);
    if (!place) {
      loose.textContent = problem.message;
      loose.hidden = false;
      continue;
    }
    const text = document.createElement("p");
    text.className = `problem ${problem.severity}`;
    text.id = `problem-${index}`;
    text.append(problem.message);
    if (problem.hint) {
      const hint = document.createElement("span");
      hint.className = "hint";
      hint.textContent = problem.hint;
      text.append(hint);
    }
    if (problem.code) {
      const code = document.createElement("code");
      code.textContent = problem.code;
      text.append(" ", code);
    }
    place.append(text);
    const input = place.querySelector("input, textarea, select");
    if (problem.severity === "error") input.setAttribute("aria-invalid", "true");
    const described = input.getAttribute("aria-describedby");
    input.setAttribute("aria-describedby", described ? `${described} ${text.id}` : text.id);
  }
}

"""The demo page's style sheet. Kept in Python so that the wheel holds nothing but modules."""

from __future__ import annotations

__all__ = ["STYLE_CSS"]

STYLE_CSS = """\
:root {
  color-scheme: light dark;
  --ground: #f6f5f2;
  --card: #ffffff;
  --ink: #22262b;
  --soft: #5b636d;
  --line: #dcdad4;
  --accent: #a8521a;
  --accent-ink: #ffffff;
  --good: #17693a;
  --good-ground: #e3f3e8;
  --bad: #a8231c;
  --bad-ground: #fbe7e5;
  --code-ground: #f0eeea;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #16181b;
    --card: #1f2226;
    --ink: #e6e4df;
    --soft: #a2a8b0;
    --line: #363a40;
    --accent: #e39a5f;
    --accent-ink: #1b1208;
    --good: #7fd39c;
    --good-ground: #17301f;
    --bad: #ff9d93;
    --bad-ground: #3b1c1a;
    --code-ground: #292d32;
  }
}
* { box-sizing: border-box; margin: 0; }
body {
  background: var(--ground);
  color: var(--ink);
  font: 1rem/1.55 system-ui, sans-serif;
  margin: 0 auto;
  max-width: 76rem;
  padding: 2rem 1.25rem 3rem;
}
h1 { font-size: 1.9rem; letter-spacing: -0.01em; margin-bottom: 0.4rem; }
h2 { font-size: 1.12rem; line-height: 1.35; }
h3 { font-size: 0.92rem; }
code { font: 0.86em ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
header > p { max-width: 44rem; }
.places { display: flex; flex-wrap: wrap; gap: 0.75rem 2rem; margin: 1.1rem 0; }
.places dt { color: var(--soft); font-size: 0.85rem; }
.policy {
  background: var(--code-ground);
  border-radius: 0.5rem;
  height: 100%;
  overflow-x: auto;
  padding: 0.8rem 1rem;
}
.setting { display: grid; gap: 1.1rem; grid-template-columns: repeat(2, minmax(0, 1fr)); }
figure { display: grid; gap: 0.25rem; grid-template-rows: auto 1fr; }
figcaption { color: var(--soft); font-size: 0.85rem; }
.actions { align-items: center; display: flex; gap: 1rem; margin: 1.1rem 0 1.6rem; }
#progress { color: var(--soft); }

button {
  background: var(--card);
  border: 1px solid var(--accent);
  border-radius: 0.4rem;
  color: var(--accent);
  cursor: pointer;
  font: inherit;
  font-weight: 600;
  padding: 0.35rem 1.1rem;
}
button.primary, button:hover:enabled { background: var(--accent); color: var(--accent-ink); }
button:disabled { cursor: default; opacity: 0.55; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }

main {
  display: grid;
  gap: 1.1rem;
  grid-template-columns: repeat(2, minmax(0, 1fr));
}
@media (max-width: 54rem) { main, .setting { grid-template-columns: minmax(0, 1fr); } }
article {
  align-content: start;
  background: var(--card);
  border: 1px solid var(--line);
  border-left: 0.3rem solid var(--line);
  border-radius: 0.6rem;
  display: grid;
  gap: 0.65rem;
  justify-items: start;
  padding: 1.1rem 1.25rem;
}
article[data-outcome="allowed"] { border-left-color: var(--good); }
article[data-outcome="blocked"] { border-left-color: var(--bad); }
article[data-state="running"] { opacity: 0.7; }
.head {
  align-items: baseline;
  display: flex;
  gap: 1rem;
  justify-content: space-between;
  width: 100%;
}
.badge {
  border-radius: 1rem;
  flex: none;
  font-size: 0.85rem;
  font-weight: 700;
  padding: 0.1rem 0.75rem;
}
[data-outcome="allowed"] .badge { background: var(--good-ground); color: var(--good); }
[data-outcome="blocked"] .badge { background: var(--bad-ground); color: var(--bad); }
.method { font-weight: 700; }
.from, .lesson { color: var(--soft); }
.from { display: inline-block; }
.result, .steps { width: 100%; }
.result:empty { display: none; }

.steps { border-top: 1px solid var(--line); list-style: none; padding: 0.4rem 0 0; }
.step {
  display: grid;
  gap: 0.1rem 0.6rem;
  grid-template-columns: 1.7rem minmax(0, 1fr);
  padding: 0.35rem 0;
}
.step > * { grid-column: 2; }
.step > .number { color: var(--soft); font-size: 0.92rem; grid-column: 1; grid-row: 1; }
.step p { font-size: 0.95rem; }
.step.skipped { color: var(--soft); }
.step.good > p:first-of-type { color: var(--good); }
.step.bad > p:first-of-type { color: var(--bad); font-weight: 600; }
.headers {
  background: var(--code-ground);
  border-radius: 0.4rem;
  margin-top: 0.2rem;
  padding: 0.45rem 0.7rem;
}
.headers div { display: flex; flex-wrap: wrap; gap: 0 0.6rem; }
.headers dt { color: var(--soft); }
.chip { background: var(--good-ground); border-radius: 0.3rem; padding: 0.05rem 0.4rem; }
.check { color: var(--good); font-size: 0.9rem; font-weight: 600; padding-top: 0.3rem; }
.check.wrong { color: var(--bad); }

iframe { border: 1px dashed var(--soft); border-radius: 0.5rem; height: 100%; width: 100%; }
body.frame { font-size: 0.95rem; max-width: none; padding: 0.8rem 1rem; }
"""

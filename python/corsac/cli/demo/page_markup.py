"""The demo page's HTML. Kept in Python so that the wheel holds nothing but modules."""

from __future__ import annotations

__all__ = ["FRAME_HTML", "INDEX_HTML"]

INDEX_HTML = """\
<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>Corsac demo: watch CORS at work</title>
  <link rel="icon" href="data:,">
  <link rel="stylesheet" href="/style.css">
  <script type="module" src="/app.js"></script>
</head>
<body>
  <noscript><p>The demo needs JavaScript: CORS is about what scripts may see.</p></noscript>
  <header>
    <h1>Watch CORS at work</h1>
    <p>This page sends real cross-origin requests to a real API behind Corsac. Your browser decides
      what a script may see; below is what it said, beside what the API saw.</p>
    <dl class="places">
      <div><dt>API</dt><dd><code id="place-api"></code></dd></div>
      <div><dt>This page, allowed</dt><dd><code id="place-allowed"></code></dd></div>
      <div><dt>Embedded page, refused</dt><dd><code id="place-refused"></code></dd></div>
    </dl>
    <div class="setting">
      <figure>
        <figcaption>The policy of the API</figcaption>
        <pre class="policy"><code id="policy"></code></pre>
      </figure>
      <figure>
        <figcaption>The embedded page</figcaption>
        <iframe id="refused-page" title="The embedded page, whose origin is refused"></iframe>
      </figure>
    </div>
    <p class="actions">
      <button type="button" id="run-all" class="primary" disabled>Send all</button>
      <span id="progress" role="status">Loading the two pages ...</span>
    </p>
  </header>
  <main id="scenarios"></main>
  <template id="scenario-template">
    <article>
      <div class="head">
        <h2></h2>
        <span class="badge" hidden></span>
      </div>
      <p class="request"><code class="method"></code> <code class="url"></code>
        <span class="from">from <code class="origin"></code></span></p>
      <p class="lesson"></p>
      <button type="button">Send</button>
      <div class="result" aria-live="polite"></div>
    </article>
  </template>
</body>
</html>
"""

FRAME_HTML = """\
<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="color-scheme" content="light dark">
  <title>The refused page</title>
  <link rel="icon" href="data:,">
  <link rel="stylesheet" href="/style.css">
  <script type="module" src="/frame.js"></script>
</head>
<body class="frame">
  <p>This box is another page, from <code id="origin"></code>. The policy does not list that
    origin, so what it sends shows what happens to everybody else.</p>
</body>
</html>
"""

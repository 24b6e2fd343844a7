// A page of another origin: it asks what the lab's page tells it to, and says what it got.
"use strict";
const control = document.currentScript.dataset.control;

addEventListener("message", async (event) => {
  if (event.origin !== control || event.source !== parent) return;
  const { id, url, options } = event.data;
  let result;
  try {
    const response = await fetch(url, options);
    result = {
      ok: true,
      type: response.type,
      status: response.status,
      readable: [...response.headers.keys()].sort(),
    };
  } catch (error) {
    result = { ok: false, error: String(error) };
  }
  parent.postMessage({ id, origin: self.origin, result }, control);
});
parent.postMessage({ ready: true }, control);

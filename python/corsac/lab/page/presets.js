// Cases to start from: the mistakes that are made most, and one that is right.

/** @param pages the origins of the pages, by name */
export function presets(pages) {
  const { app, stranger } = pages;
  const json = [["Content-Type", "application/json"]];
  return [
    ["An app and its API, right", {
      policy: {
        allow_origins: [app], allow_methods: ["PUT"], allow_headers: ["content-type"],
        allow_credentials: true, expose_headers: ["x-total-count"],
      },
      request: { method: "PUT", headers: json, credentials: "include" },
    }],
    ["The method is not listed", {
      policy: { allow_origins: [app], allow_methods: ["PUT"] },
      request: { method: "DELETE", path: "/items/1" },
    }],
    ["JSON needs Content-Type listed", {
      policy: { allow_origins: [app] },
      request: { method: "POST", headers: json },
    }],
    ["Another origin", {
      policy: { allow_origins: [app] },
      request: { page: "stranger" },
    }],
    ["Anyone, with credentials", {
      policy: { allow_origins: ["*"], allow_credentials: true },
      request: { credentials: "include" },
    }],
    ["Cookies, without allow_credentials", {
      policy: { allow_origins: [app] },
      request: { credentials: "include" },
    }],
    ["A slash after the origin", {
      policy: { allow_origins: [`${app}/`] },
      request: {},
    }],
    ["A pattern and the name above it", {
      policy: { allow_origins: [app.replace("app.", "*.app.")] },
      request: { page: "app" },
    }],
    ["Any header, but Authorization", {
      policy: { allow_origins: [app], allow_headers: ["*"] },
      request: { headers: [["Authorization", "Bearer abc"]] },
    }],
    ["A header that is not exposed", {
      policy: { allow_origins: [app] },
      request: {},
    }],
    ["A redirect to another origin", {
      policy: { allow_origins: [app] },
      request: { response: "redirect-other" },
    }],
    ["A sandboxed page", {
      policy: { allow_origins: [app] },
      request: { page: "sandbox" },
    }],
    ["A stranger's write, guarded", {
      policy: { allow_origins: [app], guard: true },
      request: { page: "stranger", method: "POST", mode: "no-cors" },
    }],
    ["no-cors is no way around", {
      policy: { allow_origins: [stranger] },
      request: { mode: "no-cors" },
    }],
  ];
}

// Express with the package cors, set up in a way that the first argument names.
const cors = require("cors");
const express = require("express");

const configurations = {
  listed: {
    origin: ["https://app.example.com"],
    methods: ["GET", "PUT"],
    allowedHeaders: ["content-type"],
    credentials: true,
    maxAge: 600,
  },
  // Copied from answers to "CORS does not work with cookies".
  "origin-true": { origin: true, credentials: true },
};
const [name, port] = process.argv.slice(2);
const app = express();
app.use(cors(configurations[name]));
app.get("/items", (request, response) => response.json({ items: [] }));
app.put("/items", (request, response) => response.json({ items: [] }));
app.listen(Number(port), "127.0.0.1");

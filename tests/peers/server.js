// json-server as a tool API: its own state, and its own count of what it executed.
//
// Usage: node server.js. Prints its port on stdout. `/__executed` gives the counts by method and
// collection, straight from the middleware that stands before json-server's own router; it is
// asked on this port, never through the proxy.
"use strict";
const jsonServer = require("json-server");

const executed = {};
const server = jsonServer.create();
server.get("/__executed", (_request, answer) => answer.json(executed));
server.use((request, _answer, next) => {
  const key = `${request.method} /${request.path.split("/")[1]}`;
  executed[key] = (executed[key] || 0) + 1;
  next();
});
server.use(jsonServer.bodyParser);
server.use(
  jsonServer.router({
    files: [
      { id: 1, name: "one" },
      { id: 2, name: "two" },
    ],
    payments: [],
    notes: [],
  }),
);
const listener = server.listen(0, "127.0.0.1", () => {
  // Kept connections outlive any test, so that no idle one is closed under a call.
  listener.keepAliveTimeout = 600_000;
  console.log(listener.address().port);
});

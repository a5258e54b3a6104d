// A websocket tool and a websocket caller that none of us wrote.
//
// Usage: node websocket.js server       prints its port on stdout, and sends back what it is sent
//        node websocket.js client URL   says much, checks every echo, closes, and exits 0
"use strict";
const { WebSocket, WebSocketServer } = require("ws");

function serve() {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" }, () =>
    console.log(server.address().port),
  );
  server.on("connection", (socket) =>
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary })),
  );
}

function call(url) {
  const said = [];
  for (let n = 0; n < 200; n += 1) said.push(Buffer.from(`message ${n}`));
  said.push(Buffer.alloc(3 << 20, 7));
  const socket = new WebSocket(url);
  let heard = 0;
  socket.on("error", (error) => {
    console.error(error.message);
    process.exit(1);
  });
  socket.on("open", () => said.forEach((data) => socket.send(data)));
  socket.on("message", (data) => {
    if (!data.equals(said[heard])) process.exit(2);
    heard += 1;
    if (heard === said.length) socket.close(1000, "done");
  });
  socket.on("close", (code) => process.exit(code === 1000 && heard === said.length ? 0 : 3));
}

if (process.argv[2] === "server") serve();
else call(process.argv[3]);

// An OpenID provider as an identity provider: oauth2-mock-server, its keys exchanged on request.
//
// Usage: node oidc.js [KEY CERT]. Prints two ports on stdout, a line each. On the first are the
// provider's own endpoints (discovery, /jwks, /token), over TLS where a pair is given. On the
// second the test says what to do:
//   POST /__token   a JSON object of claims → a token signed by the newest key, as text
//   POST /__rotate  a fresh key; the ones before it are gone from /jwks
//   POST /__add     a fresh key beside the ones there are
//   GET  /__fetched how often /jwks was asked for
"use strict";
const fs = require("fs");
const http = require("http");
const https = require("https");
const { OAuth2Server } = require("oauth2-mock-server");

const [key, cert] = process.argv.slice(2).map((file) => fs.readFileSync(file));
const ALGORITHM = "ES256";
let url;
let provider;
let newest;
let made = 0;
let fetched = 0;

async function add(to) {
  made += 1;
  const kid = `key-${made}`;
  await to.issuer.keys.generate(ALGORITHM, { kid });
  newest = kid;
}

async function rotate() {
  const next = new OAuth2Server(); // its parts alone: it never listens by itself
  next.issuer.url = url;
  await add(next);
  provider = next;
}

async function body(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString();
}

async function token(request) {
  const claims = JSON.parse(await body(request));
  return provider.issuer.buildToken({
    kid: newest,
    scopesOrTransform: (_header, payload) => Object.assign(payload, claims),
  });
}

async function told(request, answer) {
  switch (request.url) {
    case "/__token":
      return answer.end(await token(request));
    case "/__rotate":
      await rotate();
      return answer.end(newest);
    case "/__add":
      await add(provider);
      return answer.end(newest);
    case "/__fetched":
      return answer.end(String(fetched));
    default:
      answer.statusCode = 404;
      return answer.end();
  }
}

function serve(request, answer) {
  if (request.url === "/jwks") fetched += 1;
  return provider.service.requestHandler(request, answer);
}

function caught(handle) {
  return async (request, answer) => {
    try {
      await handle(request, answer);
    } catch (error) {
      answer.statusCode = 500;
      answer.end(String(error));
    }
  };
}

async function listen(server) {
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return server.address().port;
}

async function main() {
  const open = key ? https.createServer({ key, cert }, caught(serve)) : http.createServer(caught(serve));
  const port = await listen(open);
  url = `${key ? "https" : "http"}://127.0.0.1:${port}`;
  await rotate();
  console.log(port);
  console.log(await listen(http.createServer(caught(told))));
}

main();

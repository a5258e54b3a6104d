// The page against a stand-in for the admin API: every view and every refusal.
//
// Usage: node states.js DIR. Screenshots are left in DIR. Exits 0 where all was as it must be.
"use strict";
const assert = require("assert");
const fake = require("./fake");
const { open, reads, shot, tabTo, textOf } = require("./browser");

const HOSTILE = {
  markup: '<img src=x onerror="alert(1)"><script>alert(2)</script>',
  direction: "invoice\u202Egpj.exe",
  lines: "one\ntwo\tthree\u0000",
  blank: "a\u200Bb\u00A0c",
  long: "x".repeat(10_000),
  exact: "#12345678901234567890",
  amount: "#1.10",
  ["__proto__"]: { polluted: true },
  constructor: "own",
  secret: "***",
  nested: { list: [1, [true, null], {}], "a/b": "~" },
};

const scenes = {
  async "signs in by form, and says when the token is not known"(at) {
    const { tab } = at;
    await tab.goto(at.url);
    await reads(tab, "#signin", "Access token");
    await shot(at, "signin");
    await tab.keyboard.type("wrong");
    await tab.keyboard.press("Enter");
    await reads(tab, "#signin-error", "does not know this token");
    await tab.keyboard.type(fake.TOKEN);
    await tab.keyboard.press("Enter");
    await reads(tab, "#list", "No call waits");
    await shot(at, "list-empty");
  },

  async "signs in by the address, which forgets the token"(at) {
    const { tab } = at;
    await tab.evaluate(() => sessionStorage.clear());
    await tab.goto("about:blank");
    await tab.goto(`${at.url}/#token=${fake.TOKEN}`);
    await reads(tab, "#who", "ada@desk");
    assert.strictEqual(tab.url(), `${at.url}/`);
    const kept = await tab.evaluate(() => [localStorage.length, document.cookie, history.state]);
    assert.deepStrictEqual(kept, [0, "", null]);
  },

  async "lists what comes, oldest on top, and opens it by keyboard alone"(at) {
    const { tab } = at;
    at.plain = fake.add({ age: 3_000 });
    at.hostile = fake.add({
      age: 60,
      risk_class: "critical",
      tool_name: "pay\u202Ements.create",
      method: "POST",
      path: "/v1/payments",
      asked: 4,
      requester: { identity: "anonymous\nproven", proven: false, on_behalf_of: ["mallory"] },
      call: {
        args: HOSTILE,
        masked: ["/secret"],
        body: '{"amount": 12,\n"to": "\u202Egnirts"}',
        body_bytes: 4096,
        content_type: "application/json",
        violations: ["blast_radius_exceeded"],
      },
      precedent: {
        id: at.plain,
        at: "2026-01-02T03:04:05.678Z",
        approvers: ["ada", "bob"],
        changes: [
          { at: "/args/amount", before: 10, after: "<b>12</b>" },
          { at: "/args/to", after: { ["__proto__"]: "x" }, shortened: ["after"] },
        ],
        more: true,
      },
    });
    await reads(tab, "#pending", "payments.create".replace("pay", "pay\\u202E"));
    await reads(tab, "#pending", "anonymous\\nproven not proven");
    await reads(tab, "#live", "2 new requests wait");
    assert.match(await tab.title(), /^\(2\) /);
    const order = await tab.$$eval("#pending a", (all) => all.map((one) => one.hash.slice(-12)));
    assert.deepStrictEqual(order, [at.plain, at.hostile]);
    await shot(at, "list");
    const path = `/v1/${"p".repeat(5_000)}`;
    const long = fake.add({ age: 10, path });
    await reads(tab, "#pending", "… of 5,004 characters");
    fake.change(long, { state: "expired" });
    await reads(tab, "#list-title", "(2)");
    await tab.keyboard.press("j");
    await tab.keyboard.press("j");
    await tab.keyboard.press("k");
    await tab.keyboard.press("ArrowDown");
    await tab.keyboard.press("Enter");
    await reads(tab, "#request-title", "critical risk");
  },

  async "shows hostile values as text, whole"(at) {
    const { tab } = at;
    const facts = await tab.$eval("#facts", (one) => one.textContent);
    assert(facts.includes(HOSTILE.markup), "markup is text");
    assert(facts.includes("invoice\\u202Egpj.exe"), "directions are written out");
    assert(facts.includes("a\\u200Bb\\u00A0c"), "blanks are written out");
    assert(facts.includes("three\\u0000"), "controls are written out");
    assert(facts.includes(HOSTILE.long) && facts.includes("10,000 characters"), "long is whole");
    assert(facts.includes("12345678901234567890") && facts.includes("1.10"), "digits stay");
    assert(facts.includes("__proto__:") && facts.includes("polluted:"), "every key is shown");
    assert(facts.includes("*** masked"), "masked is said");
    assert(!/[\u202A-\u202E\u2066-\u2069\u200B]/u.test(facts), "nothing hidden is left");
    assert.strictEqual(await tab.$("#facts img, #facts script, #facts b"), null);
    assert.strictEqual(await tab.evaluate(() => ({}).polluted), undefined);
    assert(facts.includes("beginning only") && facts.includes("more differences"), "cuts are said");
    await shot(at, "request");
  },

  async "wants a reason, and refuses an old version"(at) {
    const { tab } = at;
    await tab.keyboard.press("g");
    await tab.keyboard.press("Enter");
    await reads(tab, "#decide-error", "Write the reason first");
    await tab.keyboard.type("checked with\nbilling");
    // The page does not know of it yet: its long poll is held up.
    fake.state.requests.get(at.hostile).version += 1;
    await tabTo(tab, "#grant");
    await tab.keyboard.press("Enter");
    await reads(tab, "#decide-error", "changed while you read it");
    assert.strictEqual(await tab.$eval("#reason", (one) => one.value), "checked with\nbilling");
    await shot(at, "request-412");
  },

  async "says what to do when the gateway cannot record it"(at) {
    const { tab } = at;
    fake.state.failures.push([503, { title: "store", detail: "the store is down" }]);
    await tabTo(tab, "#deny");
    await tab.keyboard.press("Enter");
    await reads(tab, "#decide-error", "could not record it");
    await reads(tab, "#decide-error", "(the store is down)");
    const twice = { title: "over", detail: "it was granted by you", reason: "already_granted" };
    fake.state.failures.push([409, twice]);
    await tab.keyboard.press("g");
    await tab.keyboard.press("g");
    await tabTo(tab, "#grant");
    await tab.keyboard.press("Enter");
    await reads(tab, "#decide-error", "must come from others");
  },

  async "grants, and hands the token over once"(at) {
    const { tab } = at;
    await tab.focus("#ttl");
    await tab.keyboard.type("5m");
    const before = fake.state.decisions.length;
    await tab.keyboard.press("Enter");
    await tab.keyboard.press("Escape");
    assert.strictEqual(fake.state.decisions.length, before, "Enter in a field decides nothing");
    await tab.keyboard.press("g");
    await tab.keyboard.press("Enter");
    await reads(tab, "#handed-line", "Gait-Approval: e30=");
    const { body, version } = fake.state.decisions.at(-1);
    assert.deepStrictEqual(body, { reason: "checked with billing", ttl: "5m" });
    assert.strictEqual(version, '"2"');
    await shot(at, "granted");
    await tabTo(tab, "#handed-done");
    await tab.keyboard.press("Enter");
    assert(
      !(await tab.$eval("body", (one) => one.textContent)).includes("e30="),
      "the token is gone",
    );
    await tab.keyboard.press("Escape");
    await reads(tab, "#list", "Waiting (1)");
  },

  async denies(at) {
    const { tab } = at;
    await tab.goto(`${at.url}/#approval=${at.plain}`);
    await reads(tab, "#request-title", "files.delete");
    await tab.keyboard.press("d");
    await tabTo(tab, "#deny");
    await tab.focus("#reason");
    await tab.keyboard.type("no");
    await tab.keyboard.press("Escape");
    assert.strictEqual(await tab.$eval("#reason", (one) => one.value), "no");
    fake.state.quiet = true;
    await tab.keyboard.press("d");
    await tab.keyboard.press("Enter");
    await reads(tab, "#outcome", "Denied");
    await reads(tab, "#decide-not", "Nothing to decide");
    // What was decided here waits no longer, whatever the list heard last.
    await tab.keyboard.press("Escape");
    await reads(tab, "#list", "No call waits");
    const focused = await tab.evaluate(() => document.activeElement.id);
    assert.strictEqual(focused, "list-title");
    fake.state.quiet = false;
    await reads(tab, "#others", "denied");
  },

  async "warns of an unknown outcome, while one looks"(at) {
    const { tab } = at;
    const large = { args: undefined, args_omitted_bytes: 70_000 };
    const id = fake.add({
      call: large,
      may: { grant: false, deny: true, why_not: "approver_is_requester" },
    });
    await tab.goto(`${at.url}/#approval=${id}`);
    await reads(tab, "#facts", "They have 70,000 bytes");
    await reads(tab, "#decide-not", "You asked for this call yourself");
    assert.strictEqual(await tab.$eval("#grant", (one) => one.checkVisibility()), false);
    const run = {
      call_id: "01HZX",
      claimed_at: new Date().toISOString(),
      ended_at: null,
      ending: "outcome unknown",
      status: null,
    };
    fake.change(id, { state: "unknown", run });
    await reads(tab, "#facts .warning", "Nobody knows whether this call ran");
    await shot(at, "unknown");
  },

  async "says when it is not live, and comes back"(at) {
    const { tab } = at;
    await tab.keyboard.press("Escape");
    await tab.setOfflineMode(true);
    fake.add({ tool_name: "later" });
    await reads(tab, "#connection", "may be old");
    await tab.setOfflineMode(false);
    await reads(tab, "#pending", "later");
    await reads(tab, "#connection", "live");
  },

  async "keeps a long list whole, and readable on every screen"(at) {
    const { tab } = at;
    for (let n = 0; n < 230; n += 1) fake.add({ tool_name: `many.${n}`, age: 1000 - n });
    await reads(tab, "#pending", "many.229");
    await tabTo(tab, "#pending-more");
    await tab.keyboard.press("Enter");
    await reads(tab, "#pending li:first-child", "later");
    await tab.waitForFunction(() => document.querySelectorAll("#pending li").length === 231);
    for (const [id, one] of fake.state.requests)
      if (/^many/.test(one.tool_name)) fake.change(id, { state: "expired" });
    await reads(tab, "#list", "Waiting (1)");
    for (const name of ["dark", "narrow"]) await looks(at, name);
  },

  async "signs out when the token is no longer known, and follows a link after signing in"(at) {
    const { tab } = at;
    await tab.evaluate(() => sessionStorage.setItem("gait-token", "old"));
    fake.change(at.plain, {});
    await reads(tab, "#signin-error", "no longer");
    assert.strictEqual(await tab.evaluate(() => sessionStorage.length), 0);
    const left = await textOf(tab, "body");
    assert(!left.includes("files.delete"), "nothing of the requests is left");
    await tab.goto(`${at.url}/#approval=${at.plain}`);
    await tabTo(tab, "#token");
    await tab.keyboard.type(fake.TOKEN);
    await tab.keyboard.press("Enter");
    await reads(tab, "#request-title", "files.delete");
  },
};

// Both views, dark or on a telephone; nothing may be wider than the screen.
async function looks(at, name) {
  const { tab } = at;
  const scheme = name === "dark" ? "dark" : "light";
  await tab.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await tab.setViewport({ width: name === "dark" ? 1280 : 360, height: 800 });
  for (const [view, hash] of [
    ["list", ""],
    ["request", `#approval=${at.hostile}`],
  ]) {
    await tab.evaluate((hash) => (location.hash = hash), hash);
    await tab.waitForSelector(`#${view}:not([hidden])`);
    await shot(at, `${view}-${name}`);
    const over = await tab.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert(over <= 0, `${view} is ${over} px too wide (${name})`);
    // Nobody may have to scroll sideways to see what is different now.
    const cut = await tab.$$eval(".wide", (all) => all.some((one) => one.scrollWidth > one.clientWidth));
    assert(!cut, `differences are cut (${name})`);
  }
  await tab.setViewport({ width: 1280, height: 900 });
}

async function main() {
  const { server, url } = await fake.start();
  const at = { ...(await open(process.argv[2])), url };
  try {
    for (const [name, play] of Object.entries(scenes)) {
      console.log(`- ${name}`);
      await play(at);
      assert.deepStrictEqual(at.complaints, [], "the browser has no complaint");
    }
  } catch (error) {
    await shot(at, "failed");
    throw error;
  } finally {
    await at.browser.close();
    server.closeAllConnections();
    server.close();
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});

// The page as the gateway itself serves it: calls wait, somebody decides in a browser, and the
// tool's own record, which the caller of this script reads, says what ran.
//
// Usage: node gateway.js PAGE_URL DATA_URL TOKEN_FILE DIR. Screenshots are left in DIR. Exits 0
// where all was as it must be; the tool has then run exactly two calls.
"use strict";
const assert = require("assert");
const fs = require("fs");
const { open, reads, shot, tabTo } = require("./browser");

const [PAGE, DATA, TOKEN_FILE, DIR] = process.argv.slice(2);
const KEY = { "X-Api-Key": "ci-key" };
const HOSTILE = {
  payee: '<img src=x onerror="alert(1)">',
  memo: "invoice\u202Egpj.exe",
  long: "x".repeat(10_000),
  ["__proto__"]: { polluted: true },
  note: "for nobody's eyes",
};

async function pay(args, headers) {
  const fields = { "Content-Type": "application/json", ...headers };
  const answer = await fetch(`${DATA}/v1/payments`, {
    method: "POST",
    headers: fields,
    body: JSON.stringify(args),
  });
  await answer.text();
  return answer.status;
}

// From the list, by keyboard alone, to the one request that waits.
async function openNewest(tab) {
  await tab.keyboard.press("Escape");
  await reads(tab, "#list-title", "Waiting (1)");
  await tab.keyboard.press("j");
  await tab.keyboard.press("Enter");
  await reads(tab, "#request-title", "pay");
}

async function give(tab, button, reason) {
  await tab.keyboard.press("g");
  await tabBack(tab, "#reason");
  await tab.keyboard.type(reason);
  await tabTo(tab, button);
  await tab.keyboard.press("Enter");
}

async function tabBack(tab, selector) {
  await tab.keyboard.down("Shift");
  await tabTo(tab, selector);
  await tab.keyboard.up("Shift");
}

const scenes = {
  async "a call of nobody in particular waits, and is shown as it is"({ tab }) {
    assert.strictEqual(await pay(HOSTILE), 428);
    const token = fs.readFileSync(TOKEN_FILE, "utf8").trim();
    await tab.goto(`${PAGE}/#token=${encodeURIComponent(token)}`);
    await reads(tab, "#pending", "not proven");
    assert.strictEqual(tab.url(), `${PAGE}/`);
    await openNewest(tab);
    const facts = await tab.$eval("#facts", (one) => one.textContent);
    assert(facts.includes(HOSTILE.payee) && facts.includes(HOSTILE.long), "values are whole");
    assert(facts.includes("invoice\\u202Egpj.exe"), "directions are written out");
    assert(facts.includes("__proto__:") && facts.includes("polluted:"), "every key is shown");
    assert(!facts.includes(HOSTILE.note) && facts.includes("masked"), "what is masked is not");
    assert.strictEqual(await tab.$("#facts img"), null);
  },

  async "its token lets this call run, once"(at) {
    const { tab } = at;
    await give(tab, "#grant", "checked with billing");
    await reads(tab, "#handed-line", "Gait-Approval: ");
    await shot(at, "gateway-granted");
    await tabTo(tab, "#handed-copy");
    await tab.keyboard.press("Enter");
    await reads(tab, "#handed-copy", "Copied");
    const line = await tab.$eval("#handed-line", (one) => one.textContent);
    const headers = Object.fromEntries([line.split(": ")]);
    assert.notStrictEqual(await pay({ payee: "somebody else" }, headers), 200);
    assert.strictEqual(await pay(HOSTILE, headers), 200);
    assert.notStrictEqual(await pay(HOSTILE, headers), 200);
    await reads(tab, "#summary", "executed");
    // A token that is used up is not offered any more, and takes no focus with it.
    assert.strictEqual(await tab.$eval("#handed", (one) => one.checkVisibility()), false);
    assert.strictEqual(await tab.$eval("#outcome", (one) => one.textContent), "");
    assert.strictEqual(await tab.evaluate(() => document.activeElement.id), "decide-title");
  },

  async "what nobody wants is denied"(at) {
    const { tab } = at;
    assert.strictEqual(await pay({ payee: "somebody else" }), 428);
    assert.strictEqual(await pay(HOSTILE), 428);
    // Deny both, the oldest first.
    await tab.keyboard.press("Escape");
    await reads(tab, "#list-title", "Waiting (2)");
    await tab.keyboard.press("j");
    await tab.keyboard.press("Enter");
    await give(tab, "#deny", "not today");
    await reads(tab, "#outcome", "Denied");
    await openNewest(tab);
    await give(tab, "#deny", "nor tomorrow");
    await reads(tab, "#outcome", "Denied");
    assert.notStrictEqual(await pay({ payee: "somebody else" }), 200);
    await tab.keyboard.press("Escape");
    await reads(tab, "#list", "No call waits");
  },

  async "an old version decides nothing, and a known caller's call runs without a token"(at) {
    const { tab } = at;
    assert.strictEqual(await pay({ payee: "ada" }, KEY), 428);
    await openNewest(tab);
    await tab.evaluate("current.version += 1000"); // as if the page had missed a change
    await give(tab, "#grant", "fine");
    await reads(tab, "#decide-error", "changed while you read it");
    await tab.waitForFunction("current.version < 1000"); // it has looked again
    assert.strictEqual(await pay({ payee: "ada" }, KEY), 428);
    await tab.keyboard.press("g");
    await tabTo(tab, "#grant");
    await tab.keyboard.press("Enter");
    await reads(tab, "#outcome", "Granted");
    assert.strictEqual(await tab.$eval("#handed", (one) => one.checkVisibility()), false);
    assert.strictEqual(await pay({ payee: "ada" }, KEY), 200);
    await reads(tab, "#summary", "executed");
    await shot(at, "gateway-executed");
  },
};

async function main() {
  const at = await open(DIR);
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
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});

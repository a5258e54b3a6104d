// A real browser at the page: everything by keyboard and by what a reader would see.
"use strict";
const path = require("path");
const puppeteer = require("puppeteer-core");

const PATIENCE_MS = 15_000;

// Starts Chromium with a profile of its own under `dir`, where screenshots go too.
async function open(dir) {
  const browser = await puppeteer.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    userDataDir: path.join(dir, "profile"),
    args: process.getuid() === 0 ? ["--no-sandbox"] : [], // for root it has no sandbox
  });
  const [tab] = await browser.pages();
  await tab.setViewport({ width: 1280, height: 900 });
  tab.setDefaultTimeout(PATIENCE_MS);
  const complaints = watchFor(tab);
  return { browser, tab, complaints, dir };
}

// What the browser complains of: errors, violations of the policy, scripts that a value ran.
function watchFor(tab) {
  const complaints = [];
  // A refused call is a line of Chromium's own; the page has to say it in its own words instead.
  const expected = (text) => /Failed to load resource/.test(text);
  tab.on("console", (line) => {
    if (line.type() === "error" && !expected(line.text())) complaints.push(line.text());
  });
  tab.on("pageerror", (error) => complaints.push(String(error)));
  tab.on("dialog", (dialog) => {
    complaints.push(`a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  tab.evaluateOnNewDocument(() => {
    document.addEventListener("securitypolicyviolation", (event) =>
      console.error(`policy violated: ${event.violatedDirective} ${event.blockedURI}`),
    );
  });
  return complaints;
}

// Waits until a part of the page holds these words, where a reader sees them.
async function reads(tab, selector, words) {
  try {
    await tab.waitForFunction(
      (selector, words) =>
        [...document.querySelectorAll(selector)].some(
          (one) => one.checkVisibility() && one.innerText.replace(/\s+/g, " ").includes(words),
        ),
      {},
      selector,
      words,
    );
  } catch {
    throw new Error(`no "${words}" in ${selector}; there is: ${await textOf(tab, "body")}`);
  }
}

function textOf(tab, selector) {
  return tab.$eval(selector, (one) => one.innerText);
}

// Goes by Tab to what this selector names, as somebody without a mouse has to.
async function tabTo(tab, selector) {
  for (let presses = 0; presses < 60; presses += 1) {
    if (await tab.evaluate((selector) => document.activeElement.matches(selector), selector))
      return;
    await tab.keyboard.press("Tab");
  }
  throw new Error(`Tab does not reach ${selector}`);
}

async function shot({ tab, dir }, name) {
  await tab.screenshot({ path: path.join(dir, `${name}.png`), fullPage: true });
}

module.exports = { open, reads, shot, tabTo, textOf };

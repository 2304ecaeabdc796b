// Tests reports in a headless browser: what the first screen says, on a desktop and on a phone, and that nothing lies outside of a narrow one.
//
//   node report.mjs GTN WEIGHTS
//
// GTN is the program, and WEIGHTS weights of a generator of images, whose samples are the images of a run that is made bad on purpose.
// One line for each run says how high its first screen is.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { launch } from "./browser.mjs";

const [program, weights] = process.argv.slice(2);
if (!program || !weights) {
  console.error("error: usage: node report.mjs GTN WEIGHTS");
  process.exit(2);
}

function check(condition, message) {
  if (!condition) throw new Error(message);
}

const folder = mkdtempSync(join(tmpdir(), "report-"));
const at = (name) => join(folder, name);
const gtn = (...args) => execFileSync(program, args, { stdio: ["ignore", "ignore", "inherit"], env: { ...process.env, GTN_CACHE_DIR: at("cache") } });

/// Where the parts of the first screen end, in pixels, and what lies outside of the screen.
function measure() {
  const bottom = (selector) => document.querySelector(selector)?.getBoundingClientRect().bottom;
  const scrolls = (element) => {
    for (let at = element; at; at = at.parentElement) {
      if (["auto", "hidden", "scroll"].includes(getComputedStyle(at).overflowX)) return true;
    }
    return false;
  };
  const outside = [...document.querySelectorAll("body *")].filter((element) => {
    const { right, width } = element.getBoundingClientRect();
    return width > 1 && right > innerWidth + 1 && !element.closest("svg") && !scrolls(element);
  });
  return {
    verdict: bottom(".verdict"),
    tiles: bottom(".tiles"),
    text: document.querySelector(".verdict").textContent,
    serious: document.querySelectorAll(".alerts .serious").length,
    alerts: document.querySelectorAll(".alerts li").length,
    width: document.documentElement.scrollWidth,
    outside: outside.map((element) => `${element.tagName}.${element.className}`).slice(0, 5),
    background: getComputedStyle(document.body).backgroundColor,
  };
}

const browser = await launch();

async function measured(report, width, height, scheme) {
  const page = await browser.newPage();
  await page.setViewport({ width, height });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.goto(`file://${report}`);
  const found = await page.evaluate(measure);
  await page.close();
  return found;
}

try {
  gtn("reproduce", "swiss-roll", "--source-dim", "2", "--quick", "--out", at("roll"));
  gtn("reproduce", "uniform", "--quick", "--out", at("square"));
  gtn("sample", weights, "-n", "400", "--out", at("images"));
  gtn("fit", "--images", at("images"), "--side", "28", "--dim", "5", "--epochs", "autoencoder=1,decoder=1,flow=1,h=1", "--out", at("bad"));
  for (const name of ["roll", "square", "bad"]) {
    const report = join(at(name), "report.html");
    const desktop = await measured(report, 1400, 900, "light");
    check(desktop.verdict < 450 && desktop.tiles < 600, `${name}: verdict and tiles lie above the fold: ${JSON.stringify(desktop)}`);
    check(desktop.text.startsWith("Finished after"), `${name}: ${desktop.text}`);
    const phone = await measured(report, 390, 844, "light");
    check(phone.tiles < 844, `${name}: verdict and tiles fit on a phone: ${JSON.stringify(phone)}`);
    check(phone.width <= 390 && !phone.outside.length, `${name}: something lies outside of a phone: ${JSON.stringify(phone)}`);
    const dark = await measured(report, 1400, 900, "dark");
    check(dark.background !== desktop.background, `${name}: the page is dark where the system is`);
    check(name !== "bad" || desktop.serious > 0, `bad: a bad run is not said to be bad: ${desktop.text}`);
    check(name !== "roll" || !/(But|Also): /.test(desktop.text) || desktop.serious > 0, `${name}: the verdict and the alerts agree`);
    check(desktop.alerts > 0, `${name}: a quick run is comparable with nothing, and says so`);
    const megabytes = (statSync(report).size / 1e6).toFixed(1);
    console.log(`${name}: ${megabytes} MB, tiles end at ${Math.round(desktop.tiles)} and ${Math.round(phone.tiles)} pixels, ${desktop.alerts} alerts: ${desktop.text}`);
  }
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}

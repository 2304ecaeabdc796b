// Tests the page of `gtn explore` in a headless browser: it loads without a network, shows the samples of `gtn sample`, and answers
// mouse, keyboard and narrow screens.
//
//   node explorer.mjs GTN MODEL...
//
// GTN is the program, and each MODEL a run, weights or a model file. One line for each model says the size of its page, the
// time of a sample, and the largest difference from `gtn sample`, in steps of 255.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { launch } from "./browser.mjs";

const [program, ...models] = process.argv.slice(2);
if (!program || !models.length) {
  console.error("error: usage: node explorer.mjs GTN MODEL...");
  process.exit(2);
}
// 16-bit weights move pixels by less than this; an error of the page moves them by far more.
const MAX_DIFFERENCE = 3;
// And 8-bit weights by less than this on average.
const MAX_MEAN_DIFFERENCE = 2;

function check(condition, message) {
  if (!condition) throw new Error(message);
}

/// The values of an f32 array in NumPy's format.
function readNpy(path) {
  const bytes = readFileSync(path), start = 10 + bytes.readUInt16LE(8);
  check(bytes.subarray(10, start).toString().includes("'<f4'"), `${path} has no f32 values`);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + bytes.length));
}

const folder = mkdtempSync(join(tmpdir(), "explorer-"));
const browser = await launch();

/// An open page, which must neither report an error nor ask for anything from elsewhere.
async function open(file, width, height, isDark) {
  const page = await browser.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(`error: ${error.message}`));
  page.on("console", (message) => message.type() === "error" && problems.push(`console: ${message.text()}`));
  page.on("request", (request) => {
    const url = request.url();
    if (!["file:", "blob:", "data:"].some((scheme) => url.startsWith(scheme))) problems.push(`request: ${url}`);
  });
  await page.setViewport({ width, height });
  if (isDark) await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "dark" }]);
  await page.goto(`file://${file}`);
  await done(page, 1);
  return { page, problems };
}

/// Waits until so many grids are complete, and everything beside them.
async function done(page, count) {
  await page.waitForFunction((n) => Number(document.body.dataset.done) >= n, { timeout: 300_000 }, count);
  await settled(page);
}

/// Waits until no canvas changes anymore.
async function settled(page) {
  let before = "";
  for (let i = 0; i < 200; i++) {
    await new Promise((resolve) => setTimeout(resolve, 150));
    const now = await all(page);
    if (now === before) return;
    before = now;
  }
  throw new Error("the page does not come to rest");
}

const all = (page) => page.evaluate(() => [...document.querySelectorAll("canvas")].map((c) => c.toDataURL()).join());
const image = (page, selector) => page.$eval(selector, (canvas) => canvas.toDataURL());

/// The largest difference between the grid and the samples of the program; with the mean one if it is wanted.
async function difference(page, model, seed, count, more = [], wantsMean = false) {
  const out = join(folder, "samples.npy");
  execFileSync(program, ["sample", model, "-n", `${count}`, "--seed", `${seed}`, "--out", out, "--force", ...more], { stdio: "pipe" });
  const expected = readNpy(out);
  const cells = await page.$$eval("#grid canvas", (canvases) => canvases.map((canvas) =>
    Array.from(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data)));
  check(cells.length === count, `${cells.length} samples instead of ${count}`);
  const plane = cells[0].length / 4, channels = expected.length / count / plane;
  let largest = 0, sum = 0;
  cells.forEach((cell, n) => {
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < plane; i++) {
        const value = Math.round((expected[(n * channels + c) * plane + i] + 1) * 127.5);
        largest = Math.max(largest, Math.abs(value - cell[4 * i + c]));
        sum += Math.abs(value - cell[4 * i + c]);
      }
    }
  });
  return wantsMean ? [largest, sum / expected.length] : largest;
}

async function set(page, selector, value, event) {
  await page.$eval(selector, (element, value, event) => {
    element.value = value;
    element.dispatchEvent(new Event(event, { bubbles: true }));
  }, value, event);
}

async function test(model) {
  const file = join(folder, "explorer.html");
  execFileSync(program, ["explore", model, "--out", file, "--force"], { stdio: "pipe" });
  const { page, problems } = await open(file, 1400, 900, false);
  const status = await page.$eval("#status", (element) => element.textContent);
  let largest = await difference(page, model, 1, 64);
  let grids = 1;

  // Another seed, a number and a temperature.
  await set(page, "#count", "16", "change");
  await done(page, ++grids);
  await set(page, "#seed", "12345678901", "change");
  await done(page, ++grids);
  largest = Math.max(largest, await difference(page, model, 12345678901, 16));
  await set(page, "#temperature", "0.5", "input");
  await done(page, ++grids);
  largest = Math.max(largest, await difference(page, model, 12345678901, 16, ["--temperature", "0.5"]));
  const options = await page.$$eval("#component option", (options) => options.map((option) => option.value).filter(Boolean));
  if (options.length) {
    const last = options[options.length - 1];
    await set(page, "#component", last, "change");
    await done(page, ++grids);
    const more = ["--temperature", "0.5", "--component", last];
    largest = Math.max(largest, await difference(page, model, 12345678901, 16, more));
  }
  check(largest <= MAX_DIFFERENCE, `pixels differ from \`gtn sample\` by ${largest} of 255`);

  // Picking, and what follows from it.
  const strip = () => page.$$eval("#strip canvas", (canvases) => canvases.map((canvas) => canvas.toDataURL()));
  const cell = (index) => page.$eval(`#grid button:nth-child(${index}) canvas`, (canvas) => canvas.toDataURL());
  await page.click("#grid button:nth-child(5)");
  await page.click("#grid button:nth-child(9)");
  await settled(page);
  const ends = await strip();
  check(ends[0] === await cell(5) && ends[8] === await cell(9), "the interpolation does not end at the picked samples");
  check(new Set(ends).size > 2, "the interpolation has no steps");
  check(await image(page, "#one canvas") === await cell(5), "A is not shown beside its sliders");

  // Sliders, if there are directions.
  const slider = await page.$("#sliders input");
  if (slider) {
    await slider.focus();
    for (let i = 0; i < 30; i++) await page.keyboard.press("ArrowRight");
    await settled(page);
    check(await image(page, "#one canvas") !== await cell(5), "a slider changes nothing");
    await page.click("#reset");
    await settled(page);
    check(await image(page, "#one canvas") === await cell(5), "reset does not reset");
  }

  // The plane, by mouse and by keyboard.
  const box = await (await page.$("#pad")).boundingBox();
  const middle = [box.x + box.width / 2, box.y + box.height / 2];
  await page.mouse.move(...middle);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width - 1, middle[1], { steps: 5 });
  await page.mouse.up();
  await settled(page);
  const right = await image(page, "#plane-image canvas");
  check(right !== await cell(5), "dragging changes nothing");
  await page.focus("#pad");
  for (let i = 0; i < 10; i++) await page.keyboard.press("ArrowLeft");
  await settled(page);
  check(await image(page, "#plane-image canvas") !== right, "the arrow keys change nothing");

  // The grid by keyboard.
  await page.focus("#grid button[tabindex='0']");
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  check(await page.$eval("#grid button:last-child", (button) => button.getAttribute("aria-pressed")) === "true", "Enter picks nothing");

  // Everything that can be operated has a name.
  const nameless = await page.$$eval("button, input, select, canvas, [role=slider]", (elements) => elements
    .filter((element) => !(element.getAttribute("aria-label") || element.closest("label") || element.textContent.trim()
      || element.querySelector("[aria-label]")))
    .map((element) => element.outerHTML.slice(0, 80)));
  check(!nameless.length, `without a name: ${nameless.join(" ")}`);
  check(!problems.length, problems.join("; "));
  await page.close();

  // A phone in the dark.
  const phone = await open(file, 390, 844, true);
  const [overflow, background] = await phone.page.evaluate(() => [
    document.documentElement.scrollWidth - window.innerWidth,
    getComputedStyle(document.body).backgroundColor || getComputedStyle(document.documentElement).backgroundColor,
  ]);
  check(overflow <= 0, `the page is ${overflow} pixels wider than a phone`);
  const shades = background.match(/\d+/g).slice(0, 3).map(Number);
  check(Math.max(...shades) < 80, `the background is ${background} in dark mode`);
  check(!phone.problems.length, phone.problems.join("; "));
  await phone.page.close();
  const size = () => `${(statSync(file).size / 1e6).toFixed(1)} MB`;
  console.log(`${basename(model)}: ${size()}, ${status}, largest difference ${largest} of 255`);

  // Half the size.
  execFileSync(program, ["explore", model, "--out", file, "--force", "--bits", "8"], { stdio: "pipe" });
  const small = await open(file, 1400, 900, false);
  const [coarse, mean] = await difference(small.page, model, 1, 64, [], true);
  check(mean <= MAX_MEAN_DIFFERENCE, `with 8 bits, pixels differ from \`gtn sample\` by ${mean.toFixed(2)} of 255 on average`);
  check(!small.problems.length, small.problems.join("; "));
  await small.page.close();
  console.log(`${basename(model)}, 8 bits: ${size()}, largest difference ${coarse} of 255, mean ${mean.toFixed(3)}`);
}

let failed = false;
for (const model of models) {
  try {
    await test(model);
  } catch (error) {
    console.error(`error: ${basename(model)}: ${error.message}`);
    failed = true;
  }
}
await browser.close();
rmSync(folder, { recursive: true });
process.exit(failed ? 1 : 0);

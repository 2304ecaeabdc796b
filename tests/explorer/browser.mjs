// The headless browser of the tests: Chromium of the package @sparticuz/chromium, which brings the libraries that it needs, or the one that
// the environment variable CHROMIUM names.

import puppeteer from "puppeteer-core";

export async function launch() {
  let executablePath = process.env.CHROMIUM;
  if (!executablePath) {
    // The package unpacks its libraries only where it takes the machine for Amazon's.
    process.env.AWS_EXECUTION_ENV ??= "AWS_Lambda_nodejs20.x";
    const { default: chromium } = await import("@sparticuz/chromium");
    executablePath = await chromium.executablePath();
  }
  return puppeteer.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
}

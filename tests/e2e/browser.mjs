// Hands and eyes in a browser, at the end of a pipe: one JSON request a line on stdin, one JSON reply a line on stdout.
// Arguments: the directory of playwright-core, the browser's program. What to do and to expect is the tests' affair.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [playwright, executablePath] = process.argv.slice(2);
const { chromium } = createRequire(import.meta.url)(playwright);
const args = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--disable-dev-shm-usage",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const browser = await chromium.launch({ executablePath, args });
let page;

const actions = {
  async open({ url, width, height }) {
    await page?.context().close();
    const context = await browser.newContext({ viewport: { width, height }, deviceScaleFactor: 2 });
    page = await context.newPage();
    await page.goto(url, { waitUntil: "domcontentloaded", timeout: 120_000 });
  },
  async show({ html, width, height }) {
    await actions.open({ url: "about:blank", width, height });
    await page.setContent(html);
  },
  press: ({ key }) => page.keyboard.press(key),
  type: ({ text, delay }) => page.keyboard.type(text, { delay }),
  click: ({ selector }) => page.locator(selector).first().click({ timeout: 60_000 }),
  texts: ({ selector }) => page.locator(selector).allTextContents(),
  attribute: ({ selector, name }) =>
    page.locator(selector).evaluateAll((elements, name) => elements.map((e) => e.getAttribute(name) ?? ""), name),
  screenshot: async ({ selector, path }) => {
    await (selector ? page.locator(selector).first() : page).screenshot({ path });
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { action, ...parameters } = JSON.parse(line);
  let reply;
  try {
    reply = { result: (await actions[action](parameters)) ?? null };
  } catch (error) {
    reply = { error: String(error) };
  }
  process.stdout.write(JSON.stringify(reply) + "\n");
}
await browser.close();

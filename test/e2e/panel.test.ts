/** The panel in a real browser against a real cloud: with the mouse, with the keyboard, on a phone. */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import anyTest, { type TestFn } from 'ava';
import { type Browser, chromium, type Page } from 'playwright-core';
import { parse } from 'yaml';
import { startCloud, type TestCloud } from './cloud.ts';

const program = '/usr/bin/chromium';
const test = anyTest as TestFn;
const inBrowser = existsSync(program) ? test.serial : test.serial.skip;
if (!existsSync(program))
  console.log('panel: chromium is missing (apt-get install chromium), its tests are skipped');

const phone = { width: 375, height: 667 };
const quiet = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

let cloud: TestCloud;
let browser: Browser;
let password: string;
let url: string;

test.before(async (t) => {
  if (!existsSync(program)) return;
  t.timeout(180_000);
  cloud = await startCloud(1);
  const { clouds } = parse(await readFile(join(cloud.directory, 'clouds.yaml'), 'utf8')) as {
    clouds: { shoal: { auth: { password: string } } };
  };
  password = clouds.shoal.auth.password;
  url = `${(await cloud.host('shoal-1')).apiUrl}/`;
  browser = await chromium.launch({ executablePath: program, args: quiet });
});
test.after.always(async (t) => {
  t.timeout(60_000);
  await browser?.close();
  await cloud?.stop();
});

const open = async (viewport = { width: 1200, height: 800 }): Promise<{ page: Page; errors: string[] }> => {
  const page = await browser.newPage({ viewport });
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on(
    'console',
    (message) => void (message.text().includes('Content Security Policy') && errors.push(message.text())),
  );
  await page.goto(url);
  return { page, errors };
};

const logIn = async (page: Page): Promise<void> => {
  await page.getByLabel('User').fill('admin');
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('heading', { name: 'Hosts' }).waitFor();
};

inBrowser('a wrong password is refused with the sentence of Keystone, and nothing is shown', async (t) => {
  t.timeout(60_000);
  const { page } = await open();
  await page.getByLabel('User').fill('admin');
  await page.getByLabel('Password').fill('wrong');
  await page.getByRole('button', { name: 'Log in' }).click();
  t.regex((await page.getByRole('alert').textContent()) ?? '', /requires authentication/);
  t.is(await page.getByRole('navigation').count(), 0);
  await page.close();
});

inBrowser('an admin sees the hosts, the layout and the events', async (t) => {
  t.timeout(60_000);
  const { page, errors } = await open();
  await logIn(page);
  await page.getByRole('cell', { name: 'shoal-1' }).first().waitFor();
  await page.getByText('alive').first().waitFor();
  await page.getByRole('link', { name: 'Layout' }).click();
  await page.getByText(/Nothing moves/).waitFor();
  await page.getByRole('link', { name: 'Events' }).click();
  await page.getByRole('cell', { name: 'token.issue' }).first().waitFor();
  t.deepEqual(errors, []);
  await page.close();
});

inBrowser('a container is made, a file goes up and comes down the same, and is deleted', async (t) => {
  t.timeout(60_000);
  const { page, errors } = await open();
  await logIn(page);
  await page.getByRole('link', { name: 'Objects' }).click();
  await page.getByLabel('New container').fill('pictures');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('link', { name: 'pictures' }).click();
  const file = join(cloud.directory, 'wave ü?.txt');
  await writeFile(file, 'seven waves');
  await page.getByLabel('Upload files').setInputFiles(file);
  await page.getByRole('cell', { name: 'wave ü?.txt' }).waitFor();
  const [saved] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Download' }).click(),
  ]);
  t.is(await readFile(await saved.path(), 'utf8'), 'seven waves');
  page.on('dialog', (dialog) => void dialog.accept());
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByText('Nothing is stored here yet').waitFor();
  t.deepEqual(errors, []);
  await page.close();
});

inBrowser('the keyboard alone leads from the login to every page', async (t) => {
  t.timeout(60_000);
  const { page } = await open();
  // The user field has the focus from the start.
  await page.keyboard.type('admin');
  await page.keyboard.press('Tab');
  await page.keyboard.type(password);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Hosts' }).waitFor();
  const reached: string[] = [];
  for (let step = 0; step < 12 && reached.at(-1) !== 'Events'; step++) {
    await page.keyboard.press('Tab');
    reached.push((await page.evaluate(() => document.activeElement?.textContent?.trim())) ?? '');
  }
  for (const title of ['Skip to the page', 'Hosts', 'Layout', 'Servers', 'Objects', 'Events'])
    t.true(reached.includes(title), `${title} in ${reached}`);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Events' }).waitFor();
  await page.close();
});

inBrowser('on a phone no page is wider than the screen', async (t) => {
  t.timeout(60_000);
  const { page } = await open(phone);
  await logIn(page);
  for (const title of ['Hosts', 'Layout', 'Servers', 'Objects', 'Events']) {
    await page.getByRole('link', { name: title, exact: true }).click();
    await page.locator('main h1').waitFor();
    await page.locator('main [aria-busy]').waitFor({ state: 'detached' });
    t.true(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), title);
  }
  await page.close();
});

inBrowser('a token that was revoked elsewhere leads back to the login', async (t) => {
  t.timeout(60_000);
  const { page } = await open();
  await logIn(page);
  await page.evaluate(async () => {
    const { token } = JSON.parse(sessionStorage.getItem('shoal.session') ?? '{}') as { token: string };
    await fetch('/identity/v3/auth/tokens', {
      method: 'DELETE',
      headers: { 'x-auth-token': token, 'x-subject-token': token },
    });
  });
  await page.getByRole('button', { name: 'Log in' }).waitFor();
  t.pass();
  await page.close();
});

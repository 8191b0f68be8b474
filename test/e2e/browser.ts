/** A rehearsed cloud with its panel open in headless Chromium. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import { parse } from 'yaml';
import { patienceMs, startCloud, type TestCloud } from './cloud.ts';

const program = '/usr/bin/chromium';
const quiet = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Says so once when the browser is missing. */
export const browserMissing = (): boolean => {
  const missing = !existsSync(program);
  if (missing) console.log('panel: chromium is missing (apt-get install chromium), its tests are skipped');
  return missing;
};

export const desk = { width: 1200, height: 800 };
export const phone = { width: 375, height: 667 };
export const adminPages = ['Hosts', 'Layout', 'Servers', 'Images', 'Objects', 'Events'];
export const memberPages = ['Servers', 'Images', 'Objects'];

interface Opened {
  readonly page: Page;
  /** What went wrong unseen: exceptions, and what the content policy stopped. */
  readonly errors: string[];
}

export interface Panels {
  readonly cloud: TestCloud;
  readonly password: string;
  /** Of the first host's panel. */
  readonly url: string;
  open(viewport?: typeof desk, colorScheme?: 'light' | 'dark'): Promise<Opened>;
  fillLogIn(page: Page, name?: string, secret?: string): Promise<void>;
  /** As admin, unless told otherwise, and waits for the first page. */
  logIn(page: Page, name?: string, secret?: string): Promise<void>;
  stop(): Promise<void>;
}

export const openPanels = async (hosts: number): Promise<Panels> => {
  const cloud = await startCloud(hosts);
  const { clouds } = parse(await readFile(join(cloud.directory, 'clouds.yaml'), 'utf8')) as {
    clouds: { shoal: { auth: { password: string } } };
  };
  const { password } = clouds.shoal.auth;
  const url = `${(await cloud.host('shoal-1')).apiUrl}/`;
  const browser = await chromium.launch({ executablePath: program, args: quiet, timeout: patienceMs });
  const panels: Panels = {
    cloud,
    password,
    url,
    async open(viewport = desk, colorScheme = 'light') {
      const page = await browser.newPage({ viewport, colorScheme });
      page.setDefaultTimeout(patienceMs);
      const errors: string[] = [];
      page.on('pageerror', (error) => errors.push(error.message));
      page.on(
        'console',
        (message) => void (message.text().includes('Content Security Policy') && errors.push(message.text())),
      );
      await page.goto(url);
      await page.locator('input:focus').waitFor();
      return { page, errors };
    },
    async fillLogIn(page, name = 'admin', secret = password) {
      await page.getByLabel('User').fill(name);
      await page.getByLabel('Password').fill(secret);
      await page.getByRole('button', { name: 'Log in' }).click();
    },
    async logIn(page, name, secret) {
      await panels.fillLogIn(page, name, secret);
      await page.getByRole('navigation').waitFor();
    },
    async stop() {
      await browser.close();
      await cloud.stop();
    },
  };
  return panels;
};

/** By its link, until its first answer is there. */
export const goTo = async (page: Page, title: string): Promise<void> => {
  await page.getByRole('link', { name: title, exact: true }).click();
  // The page that was left is still there until the browser has told of the new address.
  await page.locator('nav a[aria-current="page"]', { hasText: title }).waitFor();
  await page.locator('main h1').waitFor();
  await page.locator('main [aria-busy]').waitFor({ state: 'detached' });
};

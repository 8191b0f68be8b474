/** How the panel looks and feels in a real browser: with the keyboard, on a phone, in the light and the dark. */
import anyTest, { type TestFn } from 'ava';
import { adminPages, browserMissing, desk, goTo, openPanels, type Panels, phone } from './browser.ts';
import { poorContrasts, shiftsDuring } from './looks.ts';

const test = anyTest as TestFn;
const skipped = browserMissing();
const inBrowser = skipped ? test.serial.skip : test.serial;

let panels: Panels;
test.before(async (t) => {
  t.timeout(600_000);
  if (skipped) return;
  panels = await openPanels(1);
  // Something to look at.
  const { token, storageUrl } = await panels.cloud.token('shoal-1');
  for (const path of ['reef', 'sand'])
    await fetch(`${storageUrl}/${path}`, { method: 'PUT', headers: { 'x-auth-token': token } });
});
test.after.always(async (t) => {
  t.timeout(600_000);
  await panels?.stop();
});

inBrowser('the keyboard alone leads from the login to every page', async (t) => {
  t.timeout(600_000);
  const { page } = await panels.open();
  // The user field has the focus by itself.
  await page.keyboard.type('admin');
  await page.keyboard.press('Tab');
  await page.keyboard.type(panels.password);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Hosts' }).waitFor();
  const reached: string[] = [];
  for (let step = 0; step < 14 && reached.at(-1) !== 'Events'; step++) {
    await page.keyboard.press('Tab');
    reached.push((await page.evaluate(() => document.activeElement?.textContent?.trim())) ?? '');
  }
  for (const title of ['Skip to the page', ...adminPages])
    t.true(reached.includes(title), `${title} in ${reached}`);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Events' }).waitFor();
  t.is(await page.evaluate(() => document.activeElement?.id), 'main', 'the next Tab is in the page');
  await page.close();
});

for (const [size, viewport] of Object.entries({ desk, phone }))
  for (const scheme of ['light', 'dark'] as const)
    inBrowser(
      `every page can be read, ${scheme}, at the ${size}: contrast 4.5, and no wider than the screen`,
      async (t) => {
        t.timeout(600_000);
        const { page } = await panels.open(viewport, scheme);
        t.deepEqual(await poorContrasts(page), [], 'Login');
        await panels.logIn(page);
        for (const title of adminPages) {
          await goTo(page, title);
          for (const summary of await page.locator('main summary').all()) await summary.click();
          t.true(
            await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
            `${title} is too wide`,
          );
          t.deepEqual(await poorContrasts(page), [], title);
        }
        // The measures see what is wrong.
        await page.evaluate(() => {
          const faint = document.createElement('p');
          faint.textContent = 'faint';
          faint.style.color = getComputedStyle(document.body).backgroundColor;
          faint.style.width = '200vw';
          document.querySelector('main')?.append(faint);
        });
        t.deepEqual(await poorContrasts(page), ['faint: 1.00']);
        t.false(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
        await page.close();
      },
    );

inBrowser('nothing on a page moves while it asks again', async (t) => {
  t.timeout(600_000);
  const { page } = await panels.open();
  await panels.logIn(page);
  for (const [title, path] of [
    ['Hosts', '/cluster/v1/hosts'],
    ['Layout', '/cluster/v1/layout'],
    ['Servers', '/compute/v2.1/servers/detail'],
    ['Objects', '/object-store/v1/'],
  ] as const) {
    await goTo(page, title);
    const polls = async (): Promise<void> => {
      for (let count = 0; count < 2; count++)
        await page.waitForResponse((response) => response.url().includes(path));
    };
    t.is(await shiftsDuring(page, polls), 0, title);
  }
  const push = (): Promise<void> =>
    page.evaluate(() => document.querySelector('main')?.prepend(document.createElement('textarea')));
  t.true((await shiftsDuring(page, push)) > 0, 'the measure sees what moves');
  await page.close();
});

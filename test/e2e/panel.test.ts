/** The panel in a real browser against a real cloud, used by an admin and by a member. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import anyTest, { type TestFn } from 'ava';
import { browserMissing, goTo, memberPages, openPanels, type Panels } from './browser.ts';
import { eventually, patienceMs, qemuMissing, run } from './cloud.ts';
import { poorContrasts } from './looks.ts';

const test = anyTest as TestFn;
const skipped = browserMissing();
const inBrowser = skipped ? test.serial.skip : test.serial;
const withMachines = skipped || qemuMissing() ? test.serial.skip : test.serial;

let panels: Panels;
test.before(async (t) => {
  t.timeout(600_000);
  if (!skipped) panels = await openPanels(2);
});
test.after.always(async (t) => {
  t.timeout(600_000);
  await panels?.stop();
});

/** As admin, over the same API. The parsed answer. */
const identity = async (method: string, path: string, json?: unknown): Promise<Record<string, never>> => {
  const { token } = await panels.cloud.token('shoal-1');
  const response = await fetch(`${panels.url}identity/v3${path}`, {
    method,
    headers: { 'x-auth-token': token, 'content-type': 'application/json' },
    ...(json !== undefined && { body: JSON.stringify(json) }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response.status === 204 ? {} : ((await response.json()) as Record<string, never>);
};
const idOf = (answer: Record<string, { readonly id: string }>, kind: string): string =>
  answer[kind]?.id ?? '?';

inBrowser('a wrong password is refused in plain words, and nothing is shown', async (t) => {
  t.timeout(600_000);
  const { page } = await panels.open();
  await panels.fillLogIn(page, 'admin', 'wrong');
  t.regex((await page.getByRole('alert').textContent()) ?? '', /password or the domain is wrong/);
  t.is(await page.getByRole('navigation').count(), 0);
  await page.close();
});

inBrowser('an admin sees the hosts, the layout and the events', async (t) => {
  t.timeout(600_000);
  const { page, errors } = await panels.open();
  await panels.logIn(page);
  for (const name of ['shoal-1', 'shoal-2']) {
    const row = page.getByRole('row').filter({ hasText: name });
    await row.getByText('alive').waitFor();
    await row
      .getByText(/B of .*iB/)
      .first()
      .waitFor();
  }
  await goTo(page, 'Layout');
  await page.getByText('Nothing moves.').waitFor();
  await goTo(page, 'Events');
  await page.getByLabel('Log-ins too').check();
  await page.getByRole('cell', { name: 'token.issue' }).first().waitFor();
  await page.getByLabel('Log-ins too').uncheck();
  await page.getByRole('cell', { name: 'token.issue' }).first().waitFor({ state: 'detached' });
  t.is(await page.getByRole('cell', { name: 'token.issue' }).count(), 0);
  t.deepEqual(errors, []);
  await page.close();
});

inBrowser('a container is made, a file goes up and comes down the same, and is deleted', async (t) => {
  t.timeout(600_000);
  const { page, errors } = await panels.open();
  await panels.logIn(page);
  await goTo(page, 'Objects');
  await page.getByText('No containers yet.').waitFor();
  const container = 'pictures %41 ü?#';
  await page.getByLabel('New container').fill(container);
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('link', { name: container }).click();
  await page.getByText('Nothing is stored here yet.').waitFor();
  const file = join(panels.cloud.directory, 'wave ü?.txt');
  await writeFile(file, 'seven waves');
  await page.getByLabel('Upload files').setInputFiles(file);
  await page.getByRole('cell', { name: 'wave ü?.txt', exact: true }).waitFor();
  const [saved] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Download' }).click(),
  ]);
  t.is(saved.suggestedFilename().normalize(), 'wave ü?.txt'.replace('?', '_'));
  t.is(await readFile(await saved.path(), 'utf8'), 'seven waves');

  await page.getByRole('link', { name: 'Containers' }).click();
  await page.getByRole('button', { name: `Delete ${container}` }).click();
  t.regex((await page.getByRole('alert').textContent()) ?? '', /conflict/i, 'Swift keeps what is not empty');

  await page.getByRole('link', { name: container }).click();
  page.on('dialog', (dialog) => void dialog.accept());
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByText('Nothing is stored here yet.').waitFor();
  t.deepEqual(errors, []);
  await page.close();
});

inBrowser('folders are walked by links, and the way back is the browser’s', async (t) => {
  t.timeout(600_000);
  const { token, storageUrl } = await panels.cloud.token('shoal-1');
  for (const path of ['tree', 'tree/leaf', 'tree/bran ch/leaf', 'tree/bran ch/100%/leaf'])
    t.is(
      (await fetch(`${storageUrl}/${encodeURI(path)}`, { method: 'PUT', headers: { 'x-auth-token': token } }))
        .status,
      201,
    );
  const { page } = await panels.open();
  await panels.logIn(page);
  await goTo(page, 'Objects');
  await page.getByRole('link', { name: 'tree' }).click();
  await page.getByRole('link', { name: 'bran ch/' }).click();
  await page.getByRole('link', { name: '100%/' }).click();
  await page.getByRole('heading', { name: 'Containers / tree / bran ch / 100%' }).waitFor();
  await page.getByRole('cell', { name: 'leaf', exact: true }).waitFor();
  t.is(await page.getByRole('row').count(), 2, 'the head and one leaf');
  await page.goBack();
  await page.getByRole('heading', { name: 'Containers / tree / bran ch', exact: true }).waitFor();
  await page.getByRole('link', { name: 'tree' }).click();
  await page.getByRole('heading', { name: 'Containers / tree', exact: true }).waitFor();
  await page.getByRole('cell', { name: 'bran ch/' }).waitFor();
  await page.getByLabel('Only names starting with').fill('le');
  await page.getByRole('cell', { name: 'bran ch/' }).waitFor({ state: 'detached' });
  await page.getByRole('cell', { name: 'leaf', exact: true }).waitFor();
  await page.close();
});

inBrowser('an upload shows how far it is, and when called off it leaves nothing', async (t) => {
  t.timeout(600_000);
  const { page } = await panels.open();
  await panels.logIn(page);
  await goTo(page, 'Objects');
  await page.getByRole('link', { name: 'tree' }).click();
  const file = join(panels.cloud.directory, 'whale');
  await writeFile(file, Buffer.alloc(30_000_000));
  const network = await page.context().newCDPSession(page);
  await network.send('Network.emulateNetworkConditions', {
    offline: false,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: 2_000_000,
  });
  await page.getByLabel('Upload files').setInputFiles(file);
  const bar = page.getByRole('progressbar', { name: 'Uploading whale' });
  const far = async (): Promise<number> => Number(await bar.getAttribute('value'));
  await page.waitForFunction(() => Number(document.querySelector('progress')?.getAttribute('value')) > 0.1);
  t.true((await far()) < 1);
  await page.getByRole('button', { name: 'Cancel Uploading whale' }).click();
  await bar.waitFor({ state: 'detached' });
  t.is(await page.getByRole('alert').count(), 0, 'whoever calls off needs no error');
  const { token, storageUrl } = await panels.cloud.token('shoal-1');
  t.is((await fetch(`${storageUrl}/tree/whale`, { headers: { 'x-auth-token': token } })).status, 404);
  await page.close();
});

inBrowser('a member sees what is the project’s, and nothing of the hosts', async (t) => {
  t.timeout(600_000);
  const member = ((await identity('GET', '/roles?name=member')) as { roles?: { id: string }[] }).roles?.[0]
    ?.id;
  const project = idOf(await identity('POST', '/projects', { project: { name: 'reef' } }), 'project');
  const user = idOf(
    await identity('POST', '/users', { user: { name: 'nemo', password: 'anemone' } }),
    'user',
  );

  const { page, errors } = await panels.open();
  await panels.fillLogIn(page, 'nemo', 'anemone');
  t.regex((await page.getByRole('alert').textContent()) ?? '', /no role on any project/);

  await identity('PUT', `/projects/${project}/users/${user}/roles/${member}`);
  await panels.logIn(page, 'nemo', 'anemone');
  t.deepEqual(await page.getByRole('navigation').getByRole('link').allTextContents(), memberPages);
  const asked: string[] = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  await page.goto(`${panels.url}#/hosts`);
  for (const title of memberPages) await goTo(page, title);
  await page.getByText('No containers yet.').waitFor();
  await page.getByLabel('New container').fill('anemone');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('link', { name: 'anemone' }).waitFor();
  t.deepEqual(
    asked.filter((path) => path.startsWith('/cluster')),
    [],
  );
  t.deepEqual(errors, []);
  await page.close();
});

inBrowser('a token that was revoked elsewhere leads back to the login, which says why', async (t) => {
  t.timeout(600_000);
  const { page } = await panels.open();
  await panels.logIn(page);
  await page.evaluate(async () => {
    const { token } = JSON.parse(sessionStorage.getItem('shoal.session') ?? '{}') as { token: string };
    await fetch('/identity/v3/auth/tokens', {
      method: 'DELETE',
      headers: { 'x-auth-token': token, 'x-subject-token': token },
    });
  });
  await page.getByText('Your log-in has ended').waitFor();
  t.is(await page.evaluate(() => sessionStorage.length), 0);
  await page.close();
});

inBrowser('whoever logs out leaves no token that works', async (t) => {
  t.timeout(600_000);
  const { page } = await panels.open();
  await panels.logIn(page);
  const session = await page.evaluate(() => sessionStorage.getItem('shoal.session') ?? '{}');
  const { token, key } = JSON.parse(session) as { token: string; key: string };
  const status = async (mine: string): Promise<number> =>
    (await fetch(`${panels.url}identity/v3/auth/projects`, { headers: { 'x-auth-token': mine } })).status;
  t.deepEqual([await status(token), await status(key)], [200, 200]);
  const gone = Promise.all(
    [1, 2].map(() => page.waitForResponse((response) => response.request().method() === 'DELETE')),
  );
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByRole('button', { name: 'Log in' }).waitFor();
  await gone;
  await page.waitForLoadState('networkidle');
  // Another host may take a moment to hear of it; see the bounds of identity's cache.
  await eventually(
    'both tokens are dead',
    patienceMs,
    async () => (await status(token)) === 401 && (await status(key)) === 401,
  );
  await page.close();
});

withMachines(
  'an image goes up, a server starts from it and talks on its console, and is deleted',
  async (t) => {
    t.timeout(600_000);
    const built = await run(process.execPath, [fileURLToPath(new URL('../guest/build.ts', import.meta.url))]);
    t.is(built.status, 0, built.err);
    const { page, errors } = await panels.open();
    await panels.logIn(page);
    await goTo(page, 'Servers');
    await page.getByText('New server', { exact: true }).click();
    await page.getByRole('link', { name: 'upload one' }).click();

    await page.getByText('New image', { exact: true }).click();
    await page.getByLabel('Name').fill('guest');
    await page.getByLabel('Disk image file').setInputFiles(built.out.trim().split('\n').at(-1) ?? '');
    t.is(await page.getByLabel('Format').inputValue(), 'qcow2');
    await page.getByRole('button', { name: 'Upload image' }).click();
    await page.getByRole('row').filter({ hasText: 'guest' }).getByText('active').waitFor();

    await goTo(page, 'Servers');
    await page.getByText('New server', { exact: true }).click();
    await page.getByLabel('Name', { exact: true }).fill('dory');
    await page.getByLabel('Image').selectOption('guest');
    await page.getByLabel('Flavor').selectOption({ index: 0 });
    await page.getByRole('button', { name: 'Create server' }).click();
    await page.getByRole('heading', { name: 'Servers / dory' }).waitFor();
    await page.getByText('ACTIVE').waitFor();
    await page.getByText(/shoal-guest: ready \S+ dory/).waitFor();
    t.deepEqual(await poorContrasts(page), []);

    await page.getByRole('button', { name: 'Stop dory' }).click();
    await page.getByText('SHUTOFF').waitFor();
    await page.getByRole('button', { name: 'Start dory' }).click();
    await page.getByText('ACTIVE').waitFor();

    page.on('dialog', (dialog) => void dialog.accept());
    await page.getByRole('button', { name: 'Delete dory' }).click();
    await page.getByText('No servers yet.').waitFor();
    t.deepEqual(errors, []);
    await page.close();
  },
);

inBrowser(
  'when its host dies the page says so and leads to another, and goes on when the host is back',
  async (t) => {
    t.timeout(600_000);
    const { page } = await panels.open();
    await panels.logIn(page);
    await page.getByRole('row').filter({ hasText: 'shoal-2' }).getByText('alive').waitFor();
    await panels.cloud.shoalOk('dev', 'kill', 'shoal-1');
    const banner = page.getByRole('alert').filter({ hasText: 'This host does not answer.' });
    await banner.waitFor();
    t.true(await page.getByRole('row').filter({ hasText: 'shoal-2' }).isVisible(), 'what was known stays');
    const other = (await banner.getByRole('link', { name: 'shoal-2' }).getAttribute('href')) ?? '';
    t.true(other.startsWith(`${(await panels.cloud.host('shoal-2')).apiUrl}/`));

    await panels.cloud.shoalOk('dev', 'start', 'shoal-1');
    await banner.waitFor({ state: 'detached' });
    await page.getByRole('row').filter({ hasText: 'shoal-1' }).getByText('alive').waitFor();
    await page.goto(other);
    await panels.logIn(page);
    await page.getByRole('heading', { name: 'Hosts' }).waitFor();
    await page.close();
  },
);

/** Six real agents and a container of policy `ec-4-2`: one of them dies, fragments are lost and rot. */
import { randomBytes } from 'node:crypto';
import { globSync } from 'node:fs';
import { open, readFile, rm } from 'node:fs/promises';
import anyTest, { type TestFn } from 'ava';
import { eventually, startCloud, type TestCloud } from './cloud.ts';

const test = anyTest as TestFn;
const stripes = 3;
const bytes = randomBytes(9 * 1024 * 1024);
const healMs = 120_000;

let cloud: TestCloud;
test.before(async (t) => {
  t.timeout(600_000);
  cloud = await startCloud(6);
});
test.after.always(async (t) => {
  t.timeout(600_000);
  await cloud?.stop();
});

const send = async (
  host: string,
  method: string,
  path: string,
  init: RequestInit = {},
): Promise<Response> => {
  const { token, storageUrl } = await cloud.token(host);
  return fetch(`${storageUrl}/${path}`, {
    ...init,
    method,
    headers: { 'x-auth-token': token, ...(init.headers as Record<string, string>) },
  });
};
const read = async (host: string): Promise<Buffer> =>
  Buffer.from(await (await send(host, 'GET', 'cold/reef')).arrayBuffer());
const fragmentsOf = async (host: string): Promise<string[]> => {
  const { dataDir } = await cloud.host(host);
  return globSync(`${dataDir}/chunks/v1/fragment/*/*`).sort();
};
const hasAll = (host: string) => async (): Promise<boolean> => (await fragmentsOf(host)).length === stripes;

test.serial(
  'a container of a policy is made once there are hosts for it, and each gets one fragment a stripe',
  async (t) => {
    t.timeout(600_000);
    await eventually('six hosts store', healMs, async () => {
      const made = await send('shoal-1', 'PUT', 'cold', { headers: { 'x-storage-policy': 'ec-4-2' } });
      return made.status === 201;
    });
    const put = await send('shoal-2', 'PUT', 'cold/reef', { body: new Uint8Array(bytes) });
    t.is(put.status, 201);
    for (const { name } of await cloud.hosts())
      await eventually(`${name} has its fragments`, healMs, hasAll(name));
    t.true((await read('shoal-6')).equals(bytes));
  },
);

// Not two killed: a row has three owners, and those that lose two of them are not read at all.
test.serial('with a host killed and the fragments of another gone every byte is read', async (t) => {
  t.timeout(600_000);
  await cloud.shoalOk('dev', 'kill', 'shoal-3');
  for (const file of await fragmentsOf('shoal-5')) await rm(file);
  for (const host of ['shoal-1', 'shoal-5', 'shoal-6']) t.true((await read(host)).equals(bytes), host);
  await cloud.shoalOk('dev', 'start', 'shoal-3');
  await eventually('a read has them rebuilt', healMs, hasAll('shoal-5'));
});

test.serial('a fragment that rotted is found by the scrub and rebuilt; lost ones come back', async (t) => {
  t.timeout(2 * healMs);
  const [file = '', ...others] = await fragmentsOf('shoal-4');
  const good = await readFile(file);
  const handle = await open(file, 'r+');
  await handle.write(randomBytes(4_096), 0, 4_096, 70_000);
  await handle.close();
  await cloud.shoalOk('dev', 'kill', 'shoal-4');
  for (const other of others) await rm(other);
  await cloud.shoalOk('dev', 'start', 'shoal-4');
  await eventually('the lost ones are back', healMs, hasAll('shoal-4'));
  await cloud.shoalOk('scrub', 'run');
  await eventually('the rotten one is as it was', healMs, async () =>
    (await readFile(file).catch(() => Buffer.alloc(0))).equals(good),
  );
  await cloud.shoalOk('dev', 'kill', 'shoal-1');
  t.true((await read('shoal-4')).equals(bytes));
});

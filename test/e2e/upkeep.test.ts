/** shoal repair and shoal scrub on real hosts whose disks rot and lose files behind the agents' backs. */
import { randomBytes } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { eventually, patienceMs, startCloud } from './cloud.ts';

const objects = 8;

interface Row<State> {
  readonly name: string;
  readonly state: State | null;
}
interface RepairState {
  readonly missing: number;
  readonly damaged: number;
  readonly repairedBytes: number;
}
interface ScrubState {
  readonly running: boolean;
  readonly lastPass: { readonly endedAtMs: number; readonly chunks: number; readonly damaged: number } | null;
}

test('shoal repair, shoal scrub: damage and loss on a disk are found, mended and told', async (t) => {
  t.timeout(600_000);
  const cloud = await startCloud(3);
  t.teardown(() => cloud.stop());
  const shoal = (...words: string[]) => cloud.shoalOk(...words, '--cloud', 'shoal-1');
  const rows = async <State>(noun: string): Promise<Row<State>[]> =>
    JSON.parse(await shoal(noun, 'status', '--output', 'json'));
  const of = async <State>(noun: string, name: string): Promise<State> => {
    const state = (await rows<State>(noun)).find((row) => row.name === name)?.state;
    if (!state) throw new Error(`${name} does not say how its ${noun} is`);
    return state;
  };
  const { token, storageUrl } = await cloud.token('shoal-1');
  const put = async (path: string, body = Buffer.of()): Promise<void> => {
    const { status } = await fetch(`${storageUrl}/${path}`, {
      method: 'PUT',
      headers: { 'x-auth-token': token },
      body,
    });
    t.is(status, 201);
  };
  await put('c');
  for (let index = 0; index < objects; index++) await put(`c/${index}`, randomBytes(100_000));

  const folderOf = async (name: string) => join((await cloud.host(name)).dataDir, 'chunks', 'v1', 'chunk');
  const filesOf = async (name: string): Promise<string[]> => {
    const folder = await folderOf(name);
    const names = await readdir(folder, { recursive: true });
    return names.filter((file) => /[0-9a-f]{64}$/.test(file)).map((file) => join(folder, file));
  };
  for (const name of ['shoal-2', 'shoal-3'])
    await eventually(
      `${name} has all chunks`,
      patienceMs,
      async () => (await filesOf(name)).length === objects,
    );

  const [rotten = ''] = await filesOf('shoal-2');
  const good = await readFile(rotten);
  await writeFile(rotten, Buffer.from(good).fill(1, 500, 502));
  t.regex(
    (await cloud.shoal('scrub', 'run', '--cloud', 'shoal-1')).err,
    /^3 hosts begin: shoal scrub status\n$/,
  );
  await eventually('a pass has found it', patienceMs, async () => {
    const { lastPass } = await of<ScrubState>('scrub', 'shoal-2');
    return lastPass?.damaged === 1 && lastPass.chunks === objects;
  });
  await eventually('it is mended', patienceMs, async () => good.equals(await readFile(rotten)));
  await eventually('and counted', patienceMs, async () => {
    const { damaged, repairedBytes } = await of<RepairState>('repair', 'shoal-2');
    return damaged === 0 && repairedBytes >= good.length;
  });
  t.regex(await shoal('scrub', 'status'), /^NAME +POSITION +READ +RATE +DAMAGED +LAST PASS/);

  const lost = await filesOf('shoal-3');
  for (const path of lost) await rm(path);
  t.deepEqual(JSON.parse(await shoal('repair', 'run', '--output', 'json')), { hosts: 3 });
  await eventually(
    'all files are back',
    patienceMs,
    async () => (await filesOf('shoal-3')).length === objects,
  );
  await eventually('nothing is missing', patienceMs, async () => {
    const { missing, damaged } = await of<RepairState>('repair', 'shoal-3');
    return missing + damaged === 0;
  });
  t.regex(await shoal('repair', 'status'), /^NAME +MISSING +DAMAGED +ONE COPY LEFT[\s\S]*\nshoal-3 +0 +0 /);
  const told = await shoal('event', 'list');
  for (const action of ['scrub.run', 'repair.run']) t.regex(told, new RegExp(`\\b${action}\\b`));

  const { pid } = await cloud.host('shoal-3');
  if (!pid) return t.fail('shoal-3 runs');
  process.kill(pid, 'SIGSTOP');
  try {
    await eventually('a host that is asleep is shown without a state', patienceMs, async () => {
      const all = await rows<RepairState>('repair');
      return all.length === 3 && all.every(({ name, state }) => (state === null) === (name === 'shoal-3'));
    });
  } finally {
    process.kill(pid, 'SIGCONT');
  }
});

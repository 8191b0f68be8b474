import { randomBytes } from 'node:crypto';
import test from 'ava';
import { startCluster } from './cluster.ts';

const chunks = 60;
const bytes = 40_000;

async function* once(piece: Uint8Array): AsyncGenerator<Uint8Array> {
  yield piece;
}

test('chunk syncer: what is left counts down, and after a kill only what is missing is fetched', async (t) => {
  await using cluster = await startCluster(4, { owners: 3 });
  for (let index = 0; index < chunks; index++)
    await cluster.host(0).chunks.content.write(once(randomBytes(bytes)), {
      user: `object-${index}`,
      bytesMax: bytes,
      digests: [],
    });
  const all = cluster.hosts.map(({ id }) => id);
  cluster.setLayout([
    { version: 1, hosts: all.slice(0, 3) },
    { version: 2, hosts: all },
  ]);
  const newcomer = cluster.host(3);
  const left: number[] = [];
  let gets = 0;
  let stop = new AbortController();
  cluster.bulkHook = async (_to, { method }) => {
    if (method !== 'GET') return;
    gets++;
    const progress = newcomer.syncers[0]?.progress?.();
    if (progress) left.push(progress.bytes);
    if (gets === 45) stop.abort();
  };
  t.is(newcomer.syncers[0]?.progress?.(), undefined);
  await t.throwsAsync(newcomer.syncers[0]?.sync(2, stop.signal) ?? Promise.resolve());
  const here = (await newcomer.files()).length;
  t.true(here > 30 && here < chunks, `${here}`);
  const [first] = left;
  t.true((first ?? 0) > 0.2 * chunks * bytes && (first ?? 0) < 0.8 * chunks * bytes, `${first} bytes left`);

  await newcomer.restart();
  [gets, stop] = [0, new AbortController()];
  await newcomer.syncers[0]?.sync(2, stop.signal);
  t.is((await newcomer.files()).length, chunks);
  // A slow copy is asked for elsewhere as well.
  t.true(gets < 2 * (chunks - here), `${gets} fetched, ${chunks - here} were missing`);
  t.is(newcomer.syncers[0]?.progress?.(), undefined);
  t.true((newcomer.syncers[0]?.held?.().bytes ?? 0) >= 0);
});

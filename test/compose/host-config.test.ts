import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { planConfig, readConfig, writeConfig } from '../../agent/compose/host-config.ts';

const hostId = '12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo';
const seed = `/ip4/192.0.2.1/tcp/9702/p2p/${hostId}`;

const folder = async (t: ExecutionContext): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-config-'));
  t.teardown(() => rm(directory, { recursive: true }));
  return directory;
};

/** The file as an operator left it. */
const configWith = async (t: ExecutionContext, change: Readonly<Record<string, unknown>>) => {
  const data = await folder(t);
  const none = { hostName: 'a', zone: undefined, address: undefined, port: undefined, capacity: '1' };
  const planned = planConfig({ ...none, data, profile: undefined, chunks: undefined });
  await writeConfig(data, { ...planned, hostId });
  await writeFile(join(data, 'config.json'), JSON.stringify({ ...planned, hostId, ...change }));
  return () => readConfig(data);
};

test('config: seeds, bootstrap nodes and the public DHT are read as they stand, and none of them must be there', async (t) => {
  const places = { seeds: [seed], bootstrap: ['192.0.2.53:49737', '[2001:db8::1]:9704'], publicDht: true };
  t.like((await configWith(t, places))(), places);
  t.is((await configWith(t, {}))().seeds, undefined);
});

test('config: a seed or node that is malformed stops the start with a word that names it and the file', async (t) => {
  for (const [change, words] of [
    [{ seeds: [seed, '192.0.2.1:9702'] }, /seed "192\.0\.2\.1:9702": it has the form .*config\.json/],
    [{ seeds: ['/ip4/192.0.2.1/tcp/9702/p2p/me'] }, /"?me"?.*config\.json/],
    [
      { bootstrap: ['192.0.2.53'] },
      /bootstrap node "192\.0\.2\.53": it has the form HOST:PORT .*config\.json/,
    ],
    [{ bootstrap: ['192.0.2.53:70000'] }, /HOST:PORT/],
  ] as const)
    t.throws(await configWith(t, change), { code: 'BAD_REQUEST', message: words });
});

test('config: a setting of the wrong kind is told with its place', async (t) => {
  t.throws(await configWith(t, { seeds: seed }), { code: 'DAMAGED', message: /\/seeds/ });
  t.throws(await configWith(t, { publicDht: 'yes' }), { code: 'DAMAGED', message: /\/publicDht/ });
  t.throws(await configWith(t, { seeds: Array.from({ length: 65 }, () => seed) }), { code: 'DAMAGED' });
});

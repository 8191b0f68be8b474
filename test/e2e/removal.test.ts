/** A host that operators remove: real agents, one of them asleep at that moment. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { ownTime } from '../own-time.ts';
import { eventually, patienceMs, startCloud } from './cloud.ts';

/** The promise. */
const cutOffMs = 5_000;

test('removal: a removed host is cut off everywhere within 5 s, also by a host that was asleep, and it is on record', async (t) => {
  t.timeout(600_000);
  const cloud = await startCloud(4);
  t.teardown(() => cloud.stop());
  const hosts = new Map((await cloud.hosts()).map((host) => [host.name, host]));
  const host = (name: string) => {
    const found = hosts.get(name);
    if (!found?.pid) throw new Error(`no ${name}`);
    return { ...found, pid: found.pid };
  };
  const removed = host('shoal-4');
  const tokens = new Map<string, { readonly token: string; readonly storageUrl: string }>();
  for (const name of hosts.keys()) tokens.set(name, await cloud.token(name));
  const call = (name: string, url: string, init: RequestInit = {}): Promise<Response> =>
    fetch(url, { ...init, headers: { 'x-auth-token': tokens.get(name)?.token ?? '' } });
  const put = async (name: string, path: string): Promise<number> =>
    (await call(name, `${tokens.get(name)?.storageUrl}/${path}`, { method: 'PUT', body: 'x' })).status;
  t.is(await put('shoal-4', 'before'), 201);

  /** Four hosts are all connected to each other, so each has a connection to cut. */
  const isCut = async (name: string): Promise<boolean> => {
    const log = await readFile(join(host(name).dataDir, 'agent.log'), 'utf8');
    return log.split('\n').some((line) => line.includes('connection cut') && line.includes(removed.hostId));
  };
  const lists = async (name: string): Promise<boolean> => {
    const answer = await call(name, `${host(name).apiUrl}/cluster/v1/hosts`);
    const { hosts: rows } = (await answer.json()) as {
      readonly hosts?: readonly { readonly hostId: string }[];
    };
    if (!rows) throw new Error(`${name} answered ${answer.status}`);
    return rows.some(({ hostId }) => hostId === removed.hostId);
  };

  process.kill(host('shoal-2').pid, 'SIGSTOP');
  const answer = await call('shoal-1', `${host('shoal-1').apiUrl}/cluster/v1/hosts/shoal-4`, {
    method: 'DELETE',
  });
  t.is(answer.status, 204);
  {
    using lived = ownTime(...['shoal-1', 'shoal-3'].map((name) => host(name).apiUrl));
    for (const name of ['shoal-1', 'shoal-3'])
      t.log(`${name}: ${await eventually(`${name} cuts it off`, cutOffMs, () => isCut(name), lived.ms)} ms`);
  }
  await sleep(2_000);
  process.kill(host('shoal-2').pid, 'SIGCONT');
  {
    using lived = ownTime(host('shoal-2').apiUrl);
    const tookMs = await eventually(
      'the one that slept cuts it off',
      cutOffMs,
      () => isCut('shoal-2'),
      lived.ms,
    );
    t.log(`shoal-2, once awake: ${tookMs} ms`);
  }

  for (const name of ['shoal-1', 'shoal-2', 'shoal-3'])
    await eventually(`${name} lists it no more`, patienceMs, async () => !(await lists(name)));
  const status = await put('shoal-4', 'after').catch(() => 0);
  t.true(status !== 201, `the removed host answered ${status}`);
  const events = JSON.parse(await cloud.shoalOk('event', 'list', '--limit', '500', '--output', 'json')) as {
    readonly action: string;
    readonly target: string;
  }[];
  const about = events.filter(({ target }) => target === removed.hostId).map(({ action }) => action);
  for (const action of ['roster.add', 'host.remove', 'roster.remove'])
    t.is(about.filter((one) => one === action).length, 1, action);
  await eventually(
    'the three others are whole again',
    patienceMs,
    async () => (await cloud.health()).status === 'green',
  );
});

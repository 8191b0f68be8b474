/** What the operator's removal means to a host that still runs: within 5 s it reaches nobody and nobody believes it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { ownTime } from '../own-time.ts';
import { takePorts } from '../ports.ts';
import { contentOf } from './content.ts';
import type { ChaosHost } from './host.ts';
import { namespacesMissing, openLoopback, openNamespaces } from './network.ts';
import { openTown } from './town.ts';

const promiseMs = 5_000;
const askMs = 2_000;

test.serial('removed: a host that still runs is cut off everywhere within 5 s', async (t) => {
  t.timeout(600_000);
  const directory = await mkdtemp(join(tmpdir(), 'shoal-removed-'));
  const network = (await namespacesMissing()) ? openLoopback(await takePorts(40)) : await openNamespaces();
  const town = await openTown(
    network,
    { directory, hosts: 3, capacityBytes: 2 ** 34, diskBytes: undefined },
    () => {},
  );
  t.teardown(async () => {
    await town.close();
    await network.close();
    await rm(directory, { recursive: true, force: true });
  });
  const [first, second, third] = town.hosts as [ChaosHost, ChaosHost, ChaosHost];
  const { user } = town;
  for (const name of ['c', 'c/a']) {
    const body = name === 'c' ? {} : { body: contentOf('a', 100_000) };
    t.is((await user.object(first, 'PUT', name, body)).status, 201);
  }
  const token = await user.token(third);
  const believedBy = async (host: ChaosHost): Promise<number> =>
    (await user.call(host, 'GET', '/cluster/v1/hosts', { token, timeoutMs: askMs })).status;
  t.is(await believedBy(first), 200, 'what it signs is good everywhere');

  t.is((await user.call(first, 'DELETE', `/cluster/v1/hosts/${third.hostId}`)).status, 204);
  using lived = ownTime(first.apiUrl, second.apiUrl);
  const left = async (): Promise<readonly string[]> => {
    const answers = await Promise.all([
      ...[first, second].map(async (host) => {
        const seen = await user.call(host, 'GET', '/cluster/v1/hosts', { timeoutMs: askMs });
        return seen.status !== 200 || seen.body.toString().includes(third.hostId)
          ? `${host.name} lists it`
          : '';
      }),
      ...[first, second].map(async (host) =>
        (await believedBy(host)) === 401 ? '' : `${host.name} believes what it signs`,
      ),
      user
        .object(third, 'GET', 'c/a', { timeoutMs: askMs })
        .then(({ status }) => (status === 200 ? 'it reads what others own' : '')),
      user
        .object(third, 'PUT', 'c/b', { body: 'x', timeoutMs: askMs })
        .then(({ status }) => (status === 201 ? 'it writes' : '')),
    ]);
    return answers.filter(Boolean);
  };
  for (;;) {
    const askedMs = lived.ms();
    const still = await left();
    t.true(askedMs < promiseMs, `after ${Math.round(askedMs)} ms: ${still.join(', ')}`);
    if (still.length > 0) {
      await sleep(50);
      continue;
    }
    t.log(`cut off within ${Math.round(askedMs)} ms`);
    break;
  }
  // And it stays so, while it tries to come back.
  await sleep(3_000);
  t.deepEqual(await left(), []);
  t.is((await user.object(second, 'GET', 'c/a')).status, 200);
});

import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { removeExpired } from '../../agent/object/expirer.ts';
import { KiB } from '../../proto/units.ts';
import { fakeContent } from '../fake/content.ts';
import { cluster } from '../table/cluster.ts';
import { serveObjects } from './serve.ts';

/** Three hosts with real tables, each with its own API; the chunks are one fake that all see. */
const threeHosts = async (t: ExecutionContext) => {
  const made = await cluster(t);
  const content = fakeContent();
  const services = await Promise.all(
    made.hosts.map((host) => serveObjects(t, { tables: host.tables, content })),
  );
  const at = (index: number) => {
    const service = services[index % services.length];
    if (!service) throw new Error('there are three hosts');
    return service.call;
  };
  return { made, content, at, services };
};

test('hosts: what one acknowledged, the others read, list and count at once', async (t) => {
  const { at } = await threeHosts(t);
  t.is((await at(0)('PUT', '/c')).status, 201);
  for (let index = 0; index < 9; index++) {
    const name = `o${index}`;
    t.is((await at(index)('PUT', `/c/${name}`, { body: name })).status, 201);
    t.is(await (await at(index + 1)('GET', `/c/${name}`)).text(), name);
    const head = await at(index + 2)('HEAD', '/c');
    t.is(head.headers.get('x-container-object-count'), String(index + 1));
    const listed = (await (await at(index + 2)('GET', '/c')).text()).split('\n');
    t.is(listed.length, index + 2);
  }
  await at(1)('POST', '/c/o1', { headers: { 'X-Object-Meta-A': '1' } });
  t.is((await at(2)('HEAD', '/c/o1')).headers.get('x-object-meta-a'), '1');
  t.is((await at(2)('DELETE', '/c/o1')).status, 204);
  t.is((await at(0)('GET', '/c/o1')).status, 404);
});

test('hosts: overwrites from all sides at once leave one of them, whole', async (t) => {
  const { at } = await threeHosts(t);
  await at(0)('PUT', '/c');
  const bodies = Array.from({ length: 12 }, (_, index) => String.fromCharCode(97 + index).repeat(20 * KiB));
  const answers = await Promise.all(bodies.map((body, index) => at(index)('PUT', '/c/o', { body })));
  const refused = answers.filter(({ status }) => status !== 201);
  t.deepEqual(await Promise.all(refused.map((answer) => answer.text())), []);
  const seen = await Promise.all([0, 1, 2].map(async (index) => (await at(index)('GET', '/c/o')).text()));
  t.is(new Set(seen).size, 1);
  t.true(bodies.includes(seen[0] ?? ''));
});

test('hosts: no acknowledged object is lost to a deletion of its container, in many tries', async (t) => {
  const { at } = await threeHosts(t);
  let kept = 0;
  for (let round = 0; round < 20; round++) {
    const path = `/c${round}`;
    await at(round)('PUT', path);
    const [put, deleted] = await Promise.all([
      at(round + 1)('PUT', `${path}/o`, { body: 'kept' }),
      at(round + 2)('DELETE', path),
    ]);
    const answers = `PUT ${put.status}, DELETE ${deleted.status}`;
    const get = await at(round)('GET', `${path}/o`);
    if (put.status === 201) {
      kept += 1;
      t.is(deleted.status, 409, answers);
      t.is(await get.text(), 'kept', answers);
    } else {
      t.is(put.status, 404, answers);
      t.is(deleted.status, 204, answers);
      t.is(get.status, 404, answers);
    }
  }
  t.log(`${kept} of 20 objects were first`);
});

test('hosts: with one of three dead everything goes on', async (t) => {
  const { made, at } = await threeHosts(t);
  await at(0)('PUT', '/c');
  await at(0)('PUT', '/c/before', { body: '1' });
  const [, , third] = made.hosts;
  if (third) await made.kill(third, { noticed: true });
  t.is(await (await at(0)('GET', '/c/before')).text(), '1');
  t.is((await at(1)('PUT', '/c/after', { body: '2' })).status, 201);
  t.is(await (await at(0)('GET', '/c')).text(), 'after\nbefore\n');
  t.is((await at(1)('DELETE', '/c/before')).status, 204);
});

test('hosts: without a quorum an upload is refused as unavailable, and reads say so too', async (t) => {
  const { made, at } = await threeHosts(t);
  await at(0)('PUT', '/c');
  for (const host of made.hosts.slice(1)) await made.kill(host, { noticed: true });
  const put = await at(0)('PUT', '/c/o', { body: '1' });
  t.is(put.status, 503);
  t.truthy(put.headers.get('retry-after'));
  t.is((await at(0)('GET', '/c/o')).status, 503);
});

test('hosts: versions written from all sides at once: each that was acknowledged stays, and one is current', async (t) => {
  const { at } = await threeHosts(t);
  await at(0)('PUT', '/c', { headers: { 'X-Versions-Enabled': 'true' } });
  const bodies = Array.from({ length: 9 }, (_, index) => String.fromCharCode(97 + index).repeat(20 * KiB));
  const answers = await Promise.all(bodies.map((body, index) => at(index)('PUT', '/c/o', { body })));
  // A storm of writers on one row may send some away with 503; nothing is promised to them.
  t.true(answers.every(({ status }) => status === 201 || status === 503));
  const kept = answers.flatMap(({ headers }, index) => {
    const id = headers.get('x-object-version-id');
    return id === null ? [] : [{ id, body: bodies[index] ?? '' }];
  });
  t.true(kept.length > 0);
  const listed = await at(1)('GET', '/c?versions');
  const items = (await listed.json()) as { version_id: string; is_latest: boolean }[];
  const ids = items.map((item) => item.version_id);
  t.is(items.filter((item) => item.is_latest).length, 1);
  for (const [index, { id, body }] of kept.entries()) {
    t.true(ids.includes(id));
    t.is(await (await at(index)('GET', `/c/o?version-id=${id}`)).text(), body);
  }
});

test('hosts: what expired is removed once, whoever looks, also with a host dead', async (t) => {
  const { made, at, services } = await threeHosts(t);
  await at(0)('PUT', '/c');
  for (let index = 0; index < 6; index++)
    await at(index)('PUT', `/c/o${index}`, { body: '1', headers: { 'X-Delete-After': '1' } });
  const [, , third] = made.hosts;
  if (third) await made.kill(third, { noticed: true });
  const count = async () => Number((await at(0)('HEAD', '/c')).headers.get('x-container-object-count'));
  while ((await (await at(0)('GET', '/c')).text()) !== '')
    await new Promise((resolve) => setTimeout(resolve, 50));
  const live = services.slice(0, 2);
  // Two that look at once may leave each other a note for the next look.
  do await Promise.all(live.map(({ objects }) => removeExpired(objects, new AbortController().signal)));
  while ((await count()) > 0);
  t.is((await at(1)('DELETE', '/c')).status, 204);
});

test('hosts: whoever removes what expires removes no object that came in its place meanwhile', async (t) => {
  const { at } = await threeHosts(t);
  await at(0)('PUT', '/c');
  const soon = String(Math.floor(Date.now() / 1000) + 3600);
  const outcomes = new Set<number>();
  for (let round = 0; round < 24; round++) {
    const name = `/c/${round}`;
    await at(0)('PUT', name, { body: 'old', headers: { 'X-Delete-At': soon } });
    const [removed, put] = await Promise.all([
      at(1)('DELETE', name, { headers: { 'X-If-Delete-At': soon } }),
      // As many beginnings as there are steps in the deletion.
      sleep(round).then(() => at(2)('PUT', name, { body: 'new' })),
    ]);
    outcomes.add(removed.status);
    t.is(put.status, 201);
    t.is(
      await (await at(round)('GET', name)).text(),
      'new',
      `round ${round}, the deletion ${removed.status}`,
    );
  }
  t.log(...outcomes);
});

test('hosts: a container that another host made anew shows none of its old objects, and the new ones at once', async (t) => {
  const { at } = await threeHosts(t);
  const read = async () => {
    const answer = await at(1)('GET', '/c/o');
    return answer.status === 200 ? answer.text() : answer.status;
  };
  for (const turn of [1, 2, 3]) {
    await at(0)('PUT', '/c');
    t.is(await read(), 404);
    await at(0)('PUT', '/c/o', { body: `turn ${turn}` });
    t.is(await read(), `turn ${turn}`);
    await at(0)('POST', '/c/o', { headers: { 'X-Object-Meta-A': `${turn}` } });
    t.is((await at(1)('HEAD', '/c/o')).headers.get('x-object-meta-a'), `${turn}`);
    await at(2)('DELETE', '/c/o');
    await at(2)('DELETE', '/c');
    t.is(await read(), 404);
  }
});

test('hosts: what an API call costs in messages between hosts', async (t) => {
  const { at, made } = await threeHosts(t);
  const count = () => [...made.net.requests.values()].reduce((sum, each) => sum + each, 0);
  /** Owners compare rows now and then as well, and on a busy machine a second owner is asked: so the least of many. */
  const least = async (wish: number, work: () => Promise<Response>): Promise<number> => {
    let found = Number.POSITIVE_INFINITY;
    for (let turn = 0; turn < 100 && found > wish; turn++) {
      const before = count();
      await (await work()).arrayBuffer();
      found = Math.min(found, count() - before);
    }
    return found;
  };
  await at(0)('PUT', '/c');
  await at(0)('PUT', '/c/o', { body: 'x' });
  let number = 0;
  const put = () => at(0)('PUT', `/c/new-${number++}`, { body: 'x' });
  t.is(await least(1, () => at(0)('GET', '/c/o')), 1, 'container and object together, from one other owner');
  t.is(await least(2, () => at(0)('GET', '/c')), 2, 'container; names and their count');
  t.is(await least(4, put), 4, 'container, account and what is there; to two owners; the container again');
});

import test, { type ExecutionContext } from 'ava';
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
  return { made, content, at };
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
  t.deepEqual(
    answers.map(({ status }) => status),
    bodies.map(() => 201),
  );
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

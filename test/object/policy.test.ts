/** Storage policies of containers, as Swift knows them. */
import test, { type ExecutionContext } from 'ava';
import { isKeptAs } from '../../agent/chunk/kept-as.ts';
import type { Content } from '../../agent/chunk/port.ts';
import { changesWaitingMax } from '../../agent/object/limits.ts';
import { hasCode } from '../../proto/error.ts';
import { type Code, codeName, codes } from '../../proto/policy.ts';
import { fakeContent } from '../fake/content.ts';
import { type Served, serveObjects } from './serve.ts';

const code: Code = { data: 4, parity: 2 };
const policy = { 'X-Storage-Policy': 'ec-4-2' };
const large = 'x'.repeat(300_000);

const contentOf = async ({ objects }: Served, container: string, object: string): Promise<Content> => {
  const row = await objects.containers.get('p1', container);
  return (await objects.records.objects.get(row.id, object))?.content ?? noObject();
};
const noObject = (): never => {
  throw new Error('there is no such object');
};
const six = (t: ExecutionContext) => serveObjects(t);
const three = (t: ExecutionContext) =>
  serveObjects(t, {
    content: { ...fakeContent(), codes: () => codes.filter((one) => codeName(one) === 'ec-2-1') },
  });

test('policy: a container is made with one, tells it, and keeps its objects so', async (t) => {
  const served = await six(t);
  const { call } = served;
  t.is((await call('PUT', '/cold', { headers: { 'X-Storage-Policy': 'EC-4-2' } })).status, 201);
  t.is((await call('HEAD', '/cold')).headers.get('x-storage-policy'), 'ec-4-2');
  t.is((await call('GET', '/cold')).headers.get('x-storage-policy'), 'ec-4-2');
  await call('PUT', '/hot');
  t.is((await call('HEAD', '/hot')).headers.get('x-storage-policy'), 'replica-3');
  for (const container of ['cold', 'hot']) await call('PUT', `/${container}/o`, { body: large });
  t.true(isKeptAs(await contentOf(served, 'cold', 'o'), code));
  t.true(isKeptAs(await contentOf(served, 'hot', 'o'), undefined));
  t.is(await (await call('GET', '/cold/o')).text(), large);
});

test('policy: it is one for good: the same again is taken, another is a conflict; a POST says nothing about it', async (t) => {
  const { call } = await six(t);
  await call('PUT', '/cold', { headers: policy });
  t.is((await call('PUT', '/cold', { headers: policy })).status, 202);
  t.is((await call('PUT', '/cold')).status, 202);
  const other = { 'X-Storage-Policy': 'replica-3', 'X-Container-Meta-A': '1' };
  t.is((await call('PUT', '/cold', { headers: other })).status, 409);
  t.is((await call('HEAD', '/cold')).headers.get('x-container-meta-a'), null);
  t.is((await call('PUT', '/cold', { headers: { ...policy, 'X-Container-Meta-B': '1' } })).status, 202);
  t.is((await call('POST', '/cold', { headers: other })).status, 204);
  const head = await call('HEAD', '/cold');
  t.is(head.headers.get('x-storage-policy'), 'ec-4-2');
  t.is(head.headers.get('x-container-meta-a'), '1');
});

test('policy: an unknown one, and one for which there are too few hosts, is refused and makes nothing', async (t) => {
  const { call } = await three(t);
  for (const [name, why] of [
    ['gold', /there is replica-3, ec-2-1/],
    ['ec-4-2', /too few hosts/],
  ] as const) {
    const answer = await call('PUT', '/c', { headers: { 'X-Storage-Policy': name } });
    t.is(answer.status, 400);
    t.regex(await answer.text(), why);
  }
  t.is((await call('HEAD', '/c')).status, 404);
  t.is((await call('PUT', '/c', { headers: { 'X-Storage-Policy': 'ec-2-1' } })).status, 201);
});

test('policy: /info lists those that there are hosts for, and which is the default', async (t) => {
  const { api } = await three(t);
  const { swift } = await (await fetch(`${api.url}/object-store/info`)).json();
  t.deepEqual(swift.policies, [
    { name: 'replica-3', aliases: 'replica-3', default: true },
    { name: 'ec-2-1', aliases: 'ec-2-1' },
  ]);
});

test('policy: an account tells the sums of each policy that it uses', async (t) => {
  const { call } = await six(t);
  await call('PUT', '/cold', { headers: policy });
  await call('PUT', '/hot');
  await call('PUT', '/cold/a', { body: 'four' });
  await call('PUT', '/hot/b', { body: 'six...' });
  const { headers } = await call('HEAD', '');
  t.is(headers.get('x-account-bytes-used'), '10');
  t.is(headers.get('x-account-storage-policy-ec-4-2-bytes-used'), '4');
  t.is(headers.get('x-account-storage-policy-replica-3-bytes-used'), '6');
  t.is(headers.get('x-account-storage-policy-replica-3-object-count'), '1');
});

test('policy: of many moves at once one comes to its end, and each of the others says that it is over', async (t) => {
  const over: string[] = [];
  const served = await serveObjects(t, {
    content: { ...fakeContent(), end: (user: string) => void over.push(user) },
  });
  const { call, objects } = served;
  await call('PUT', '/hot');
  await call('PUT', '/hot/o', { body: large });
  const { id } = await objects.containers.get('p1', 'hot');
  const place = { project: 'p1', container: 'hot', id, name: 'o' };
  const row = await objects.objects.get(place);
  const { signal } = new AbortController();
  const moves = Array.from({ length: changesWaitingMax + 3 }, () =>
    objects.objects.move(place, row, { code, storageClass: undefined }, signal),
  );
  const ends = await Promise.allSettled(moves);
  const thrown = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
  t.is(thrown.length, moves.length - 1);
  t.true(thrown.some((reason) => hasCode(reason, 'BUSY')));
  t.is(new Set(over).size, thrown.length);
  t.true(isKeptAs(await contentOf(served, 'hot', 'o'), code));
});

test('policy: a copy is kept as its container wants it, and shares its bytes where both want the same', async (t) => {
  const served = await six(t);
  const { call, content } = served;
  await call('PUT', '/hot');
  await call('PUT', '/cold', { headers: policy });
  await call('PUT', '/hot/o', { body: large });
  for (const [from, to] of [
    ['/hot/o', '/cold/o'],
    ['/cold/o', '/cold/again'],
    ['/cold/o', '/hot/back'],
  ] as const)
    t.is((await call('PUT', to, { headers: { 'X-Copy-From': from } })).status, 201);
  t.true(isKeptAs(await contentOf(served, 'cold', 'o'), code));
  t.true(isKeptAs(await contentOf(served, 'hot', 'back'), undefined));
  const shared = await contentOf(served, 'cold', 'o');
  t.deepEqual(await contentOf(served, 'cold', 'again'), shared);
  t.is(shared.kind === 'chunks' && content.users.get(shared.chunks[0]?.id as never)?.size, 2);
  t.is(await (await call('GET', '/cold/again')).text(), large);
});

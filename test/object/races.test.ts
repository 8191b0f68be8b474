import test from 'ava';
import { removeExpired } from '../../agent/object/expirer.ts';
import type { Registers, Rows, Tables } from '../../agent/table/port.ts';
import { ShoalError } from '../../proto/error.ts';
import { KiB } from '../../proto/units.ts';
import { fakeTables } from '../fake/tables.ts';
import { serveObjects } from './serve.ts';

const large = 'x'.repeat(40 * KiB);

type Hook = (table: string, call: string, key: string) => void | Promise<void>;

/** Tables that stop at a chosen call, so that another caller can come between. */
const hookedTables = (hook: Hook): Tables => {
  const tables = fakeTables();
  return {
    rows<Row>(schema: { name: string }): Rows<Row> {
      const rows = tables.rows<Row>(schema);
      const put = async (key: string, work: () => Promise<void>): Promise<void> => {
        await hook(schema.name, 'put', key);
        await work();
        await hook(schema.name, 'after put', key);
      };
      return {
        ...rows,
        async get(partition, key) {
          const row = await rows.get(partition, key);
          await hook(schema.name, 'after get', key);
          return row;
        },
        put: (partition, key, row) => put(key, () => rows.put(partition, key, row)),
        async getForPut(partition, key) {
          const held = await rows.getForPut(partition, key);
          await hook(schema.name, 'after getForPut', key);
          return { row: held.row, stamp: held.stamp, put: (row) => put(key, () => held.put(row)) };
        },
        async putAt(partition, key, row, stamp, along) {
          if (row) return put(key, () => rows.putAt(partition, key, row, stamp, along));
          await hook(schema.name, 'delete', key);
          await rows.putAt(partition, key, row, stamp, along);
        },
        async range(partition, range) {
          const page = await rows.range(partition, range);
          await hook(schema.name, 'after range', partition);
          return page;
        },
        async delete(partition, key) {
          await hook(schema.name, 'delete', key);
          await rows.delete(partition, key);
        },
      };
    },
    registers<Row>(schema: { name: string }): Registers<Row> {
      return tables.registers<Row>(schema);
    },
  };
};

/** One and the same for several hosts. */
const shared = (tables: Tables): Tables => {
  const opened = new Map<string, unknown>();
  const once = <Opened>(name: string, open: () => Opened): Opened => {
    const found = opened.get(name) ?? open();
    opened.set(name, found);
    return found as Opened;
  };
  return {
    rows: <Row>(schema: { name: string }) => once(schema.name, () => tables.rows<Row>(schema)),
    registers: <Row>(schema: { name: string }) => once(schema.name, () => tables.registers<Row>(schema)),
  };
};

/** Runs `work` once, at the first time that the hook sees this call. */
const once = () => {
  let planned: { at: string; work: () => Promise<unknown> } | undefined;
  const hook: Hook = async (table, call) => {
    if (planned?.at !== `${table} ${call}`) return;
    const { work } = planned;
    planned = undefined;
    await work();
  };
  const plan = (at: string, work: () => Promise<unknown>): void => {
    planned = { at, work };
  };
  return { hook, plan };
};

test('races: a PUT that began before the container was deleted finds it gone and leaves nothing', async (t) => {
  const { hook, plan } = once();
  const { call, content } = await serveObjects(t, { tables: hookedTables(hook) });
  await call('PUT', '/c');
  let deleted = 0;
  plan('object put', async () => {
    deleted = (await call('DELETE', '/c')).status;
  });
  t.is((await call('PUT', '/c/o', { body: large })).status, 404);
  t.is(deleted, 204);
  t.is(content.chunks.size, 0);
  await call('PUT', '/c');
  t.is((await call('GET', '/c')).status, 204);
});

test('races: a PUT into a container that is deleted and created again does not appear in the new one', async (t) => {
  const { hook, plan } = once();
  const { call, content } = await serveObjects(t, { tables: hookedTables(hook) });
  await call('PUT', '/c');
  plan('object put', async () => {
    await call('DELETE', '/c');
    await call('PUT', '/c');
  });
  t.is((await call('PUT', '/c/o', { body: large })).status, 404);
  t.is((await call('GET', '/c/o')).status, 404);
  t.is(content.chunks.size, 0);
});

test('races: a PUT that comes while a deletion looks for objects calls the deletion off', async (t) => {
  const { hook, plan } = once();
  const { call } = await serveObjects(t, { tables: hookedTables(hook) });
  await call('PUT', '/c');
  let put = 0;
  // The deletion has seen an empty container and not yet taken it away.
  plan('object after range', async () => {
    put = (await call('PUT', '/c/o', { body: '1' })).status;
  });
  t.is((await call('DELETE', '/c')).status, 409);
  t.is(put, 201);
  t.is(await (await call('GET', '/c/o')).text(), '1');
});

test('races: a deletion that an agent left half done hinders nobody', async (t) => {
  const { hook, plan } = once();
  const { call } = await serveObjects(t, { tables: hookedTables(hook) });
  await call('PUT', '/c');
  plan('object after range', async () => {
    throw new Error('the agent was killed here');
  });
  t.is((await call('DELETE', '/c')).status, 500);
  t.is((await call('HEAD', '/c')).status, 204);
  t.is((await call('PUT', '/c/o', { body: '1' })).status, 201);
  t.is((await call('DELETE', '/c')).status, 409);
  await call('DELETE', '/c/o');
  t.is((await call('DELETE', '/c')).status, 204);
});

test('races: a POST to an upload that was replaced meanwhile changes nothing', async (t) => {
  const { hook, plan } = once();
  const { call } = await serveObjects(t, { tables: hookedTables(hook) });
  await call('PUT', '/c');
  await call('PUT', '/c/o', { body: 'old' });
  plan('object-post put', async () => {
    await call('PUT', '/c/o', { body: 'new', headers: { 'X-Object-Meta-A': 'new' } });
  });
  t.is((await call('POST', '/c/o', { headers: { 'X-Object-Meta-A': 'posted' } })).status, 202);
  const get = await call('GET', '/c/o');
  t.is(await get.text(), 'new');
  t.is(get.headers.get('x-object-meta-a'), 'new');
});

test('races: a copy whose source is replaced under it copies the new one', async (t) => {
  const { hook, plan } = once();
  const { call, content } = await serveObjects(t, { tables: hookedTables(hook) });
  await call('PUT', '/c');
  await call('PUT', '/c/o', { body: large });
  plan('object after get', async () => {
    await call('PUT', '/c/o', { body: 'y'.repeat(40 * KiB) });
  });
  t.is((await call('COPY', '/c/o', { headers: { Destination: 'c/p' } })).status, 201);
  t.is((await (await call('GET', '/c/p')).text())[0], 'y');
  await call('DELETE', '/c/o');
  await call('DELETE', '/c/p');
  t.is(content.chunks.size, 0);
});

test('races: many overwrites at once leave one object and its chunks alone', async (t) => {
  const { call, content } = await serveObjects(t);
  await call('PUT', '/c');
  const bodies = Array.from({ length: 12 }, (_, at) => String.fromCharCode(97 + at).repeat(20 * KiB));
  const answers = await Promise.all(bodies.map((body) => call('PUT', '/c/o', { body })));
  t.true(answers.every(({ status }) => status === 201));
  t.true(bodies.includes(await (await call('GET', '/c/o')).text()));
  t.is(content.chunks.size, 1);
  await call('DELETE', '/c/o');
  t.is(content.chunks.size, 0);
});

test('races: one of many creations of a container is the first, one of many deletions succeeds or all agree', async (t) => {
  const { call } = await serveObjects(t);
  const created = await Promise.all(Array.from({ length: 8 }, () => call('PUT', '/c')));
  t.is(created.filter(({ status }) => status === 201).length, 1);
  t.is(created.filter(({ status }) => status === 202).length, 7);
  const deleted = await Promise.all(Array.from({ length: 8 }, () => call('DELETE', '/c')));
  t.true(deleted.some(({ status }) => status === 204));
  t.true(deleted.every(({ status }) => [204, 404, 409].includes(status)));
  t.is((await call('HEAD', '/c')).status, 404);
});

test('races: a PUT whose outcome nobody knows keeps its chunks', async (t) => {
  const { hook, plan } = once();
  const { call, content } = await serveObjects(t, { tables: hookedTables(hook) });
  await call('PUT', '/c');
  plan('object after put', async () => {
    throw new ShoalError('QUORUM_MISSED', 'Cannot put: 1 of 2 owners answered');
  });
  const put = await call('PUT', '/c/o', { body: large });
  t.is(put.status, 503);
  t.truthy(put.headers.get('retry-after'));
  t.is(content.chunks.size, 1);
  t.is(await (await call('GET', '/c/o')).text(), large);
});

test('races: of many PUTs with If-None-Match * through one host exactly one succeeds', async (t) => {
  const { call, content } = await serveObjects(t);
  await call('PUT', '/c');
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, index) =>
      call('PUT', '/c/o', { body: `${index} `.repeat(20_000), headers: { 'If-None-Match': '*' } }),
    ),
  );
  const statuses = answers.map(({ status }) => status);
  t.is(statuses.filter((status) => status === 201).length, 1);
  t.is(statuses.filter((status) => status === 412).length, 11);
  t.is(content.chunks.size, 1);
});

test('races: an upload that another host takes while an expired one is removed stays', async (t) => {
  const { hook, plan } = once();
  const tables = shared(hookedTables(hook));
  const { call, objects } = await serveObjects(t, { tables });
  const other = await serveObjects(t, { tables });
  await call('PUT', '/c');
  const past = { 'x-delete-after': '1' };
  await call('PUT', '/c/o', { body: 'old', headers: past });
  while ((await call('HEAD', '/c/o')).status !== 404) await new Promise((resolve) => setTimeout(resolve, 50));
  let put = 0;
  plan('object delete', async () => {
    put = (await other.call('PUT', '/c/o', { body: 'new' })).status;
  });
  await removeExpired(objects, new AbortController().signal);
  t.is(put, 201);
  t.is(await (await call('GET', '/c/o')).text(), 'new');
});

test('races: what a small PUT has read ahead is read anew where a change of the same name ended meanwhile', async (t) => {
  const { hook, plan } = once();
  const { call, content } = await serveObjects(t, { tables: hookedTables(hook) });
  await call('PUT', '/c');
  await call('PUT', '/c/first', { body: '1' });
  let small: Promise<Response> | undefined;
  // The large one is about to be put when the small one reads that there is nothing.
  plan(
    'object put',
    () =>
      new Promise<void>((resolve) => {
        plan('object after getForPut', async () => resolve());
        small = call('PUT', '/c/o', { body: 'small' });
      }),
  );
  t.is((await call('PUT', '/c/o', { body: large })).status, 201);
  t.is((await small)?.status, 201);
  t.is(await (await call('GET', '/c/o')).text(), 'small');
  t.is(content.chunks.size, 0, 'of what it replaced nothing is left');
});

test('races: what a small PUT has read ahead where its container no longer is counts for nothing', async (t) => {
  const tables = shared(fakeTables());
  const { call, content } = await serveObjects(t, { tables });
  const other = await serveObjects(t, { tables, content });
  await call('PUT', '/c');
  await call('PUT', '/c/o', { body: 'old' });
  for (const path of ['/c/o', '/c']) t.is((await other.call('DELETE', path)).status, 204);
  await other.call('PUT', '/c');
  t.is((await other.call('PUT', '/c/o', { body: large })).status, 201);
  t.is((await call('PUT', '/c/o', { body: 'small' })).status, 201);
  t.is(await (await other.call('GET', '/c/o')).text(), 'small');
  t.is(content.chunks.size, 0);
});

test('races: a container that is deleted while a small PUT reads ahead swallows nothing that was acknowledged', async (t) => {
  const { hook, plan } = once();
  const tables = shared(hookedTables(hook));
  const { call } = await serveObjects(t, { tables });
  const other = await serveObjects(t, { tables });
  await call('PUT', '/c');
  await call('PUT', '/c/first', { body: '1' });
  await call('DELETE', '/c/first');
  plan('object after getForPut', async () => {
    t.is((await other.call('DELETE', '/c')).status, 204);
    t.is((await other.call('PUT', '/c')).status, 201);
  });
  t.is((await call('PUT', '/c/o', { body: 'small' })).status, 404);
  t.is((await other.call('GET', '/c/o')).status, 404);
  t.is((await other.call('DELETE', '/c')).status, 204, 'nor is it anywhere in the new one');
});

test('races: a condition that another host was promised while a small PUT read ahead is kept', async (t) => {
  const { hook, plan } = once();
  const tables = shared(hookedTables(hook));
  const { call } = await serveObjects(t, { tables });
  const other = await serveObjects(t, { tables });
  await call('PUT', '/c');
  await call('PUT', '/c/first', { body: '1' });
  const first = { 'If-None-Match': '*' };
  plan('object after getForPut', async () => {
    t.is((await other.call('PUT', '/c/o', { body: 'theirs', headers: first })).status, 201);
  });
  const mine = (await call('PUT', '/c/o', { body: 'mine' })).status;
  // It came second, and wins; or it cannot tell, and says so.
  t.true(mine === 201 || mine === 503, String(mine));
  const stands = await (await other.call('GET', '/c/o')).text();
  t.true(mine === 503 || stands === 'mine', stands);
  t.is((await other.call('PUT', '/c/o', { body: 'late', headers: first })).status, 412);
});

test('races: versions that another host began to keep while a small PUT read ahead are kept', async (t) => {
  const { hook, plan } = once();
  const tables = shared(hookedTables(hook));
  const { call, content } = await serveObjects(t, { tables });
  const other = await serveObjects(t, { tables, content });
  await call('PUT', '/c');
  await call('PUT', '/c/o', { body: 'old' });
  let versionId = '';
  plan('object after getForPut', async () => {
    await other.call('POST', '/c', { headers: { 'X-Versions-Enabled': 'true' } });
    const put = await other.call('PUT', '/c/o', { body: large });
    versionId = put.headers.get('x-object-version-id') ?? '';
  });
  t.is((await call('PUT', '/c/o', { body: 'small' })).status, 201);
  t.not(versionId, '');
  t.is(await (await call('GET', `/c/o?version-id=${versionId}`)).text(), large);
});

/** Writes with a condition through three hosts with real tables: one of many wins, and no success is lost. */
import { createHash } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import type { Rows, Tables } from '../../../agent/table/port.ts';
import { ShoalError } from '../../../proto/error.ts';
import { fakeContent } from '../../fake/content.ts';
import { cluster } from '../../table/cluster.ts';
import { serveS3 } from './serve.ts';

const threeHosts = async (
  t: ExecutionContext,
  wrap: (tables: Tables, host: number) => Tables = (tables) => tables,
) => {
  const made = await cluster(t);
  const content = fakeContent();
  const services = await Promise.all(
    made.hosts.map((host, index) => serveS3(t, { tables: wrap(host.tables, index), content })),
  );
  const at = (index: number) => {
    const service = services[index % services.length];
    if (!service) throw new Error('there are three hosts');
    return service.call;
  };
  await at(0)('PUT', '/reef');
  return { made, content, at };
};

const etagOf = (body: string): string => `"${createHash('md5').update(body).digest('hex')}"`;

test('If-None-Match * lets one of many through, over all hosts, in a bucket that never saw a condition', async (t) => {
  const { at, content } = await threeHosts(t);
  const bodies = Array.from({ length: 9 }, (_, index) => String(index).repeat(20_000));
  for (let round = 0; round < 4; round++) {
    const key = `/reef/${round}`;
    const answers = await Promise.all(
      bodies.map((body, index) => at(index)('PUT', key, { body, headers: { 'if-none-match': '*' } })),
    );
    const winners = answers.flatMap(({ status }, index) => (status === 200 ? [bodies[index]] : []));
    t.is(winners.length, 1);
    t.true(answers.every(({ status }) => status === 200 || status === 412 || status === 503));
    for (const index of [0, 1, 2]) t.is((await at(index)('GET', key)).text, winners[0] ?? '');
  }
  t.is(
    [...content.users.values()].reduce((sum, users) => sum + users.size, 0),
    4,
  );
});

test('a counter that is changed by If-Match counts every success, and deletions take part', async (t) => {
  const { at } = await threeHosts(t);
  await at(0)('PUT', '/reef/counter', { body: '0' });
  let successes = 0;
  const count = async (worker: number): Promise<void> => {
    for (let turn = 0; turn < 8; turn++) {
      const { text } = await at(worker)('GET', '/reef/counter');
      const put = await at(worker + 1)('PUT', '/reef/counter', {
        body: String(Number(text) + 1),
        headers: { 'if-match': etagOf(text) },
      });
      if (put.status === 200) successes += 1;
      else t.true(put.status === 412 || put.status === 503, String(put.status));
    }
  };
  await Promise.all([0, 1, 2, 3, 4].map(count));
  t.is((await at(0)('GET', '/reef/counter')).text, String(successes));
  t.true(successes > 0);
  await at(1)('DELETE', '/reef/counter');
  const stale = await at(2)('PUT', '/reef/counter', {
    body: 'x',
    headers: { 'if-match': etagOf(String(successes)) },
  });
  t.is(stale.code, 'NoSuchKey');
  t.is((await at(0)('PUT', '/reef/counter', { body: 'x', headers: { 'if-none-match': '*' } })).status, 200);
});

test('writes without a condition run beside: what they were told stands, and who won sees them', async (t) => {
  const { at } = await threeHosts(t);
  // It takes longer to come, so that either may be first.
  const plainBody = 'plain'.repeat(100_000);
  let first = 0;
  for (let round = 0; round < 12; round++) {
    const key = `/reef/${round}`;
    const [plain, conditional] = await Promise.all([
      at(round)('PUT', key, { body: plainBody }),
      at(round + 1)('PUT', key, { body: 'conditional', headers: { 'if-none-match': '*' } }),
    ]);
    const { text } = await at(round + 2)('GET', key);
    // Both: then the one without a condition came later.
    if (plain.status === 200 && conditional.status === 200) t.is(text, plainBody);
    else if (plain.status === 200) t.is(text, plainBody, String(conditional.status));
    else if (conditional.status === 200) t.is(text, 'conditional', String(plain.status));
    if (conditional.status === 200) first += 1;
  }
  t.log(`${first} of 12 conditions held`);
});

/** Tables of the first host, whose puts are lost while `dies` says so. */
const dying =
  (dies: () => boolean) =>
  (tables: Tables, host: number): Tables =>
    host !== 0
      ? tables
      : {
          ...tables,
          rows<Row>(schema: { readonly name: string }): Rows<Row> {
            const rows: Rows<Row> = tables.rows(schema);
            return {
              ...rows,
              async putAt(...asked) {
                if (dies()) throw new ShoalError('QUORUM_MISSED', 'this host is dead to the others');
                await rows.putAt(...asked);
              },
            };
          },
        };

test('a decision whose host died before it was done is done by the next, once', async (t) => {
  let dies = false;
  const { at } = await threeHosts(
    t,
    dying(() => dies),
  );
  await at(0)('PUT', '/reef/seen', { body: 'x', headers: { 'if-none-match': '*' } });
  dies = true;
  const lost = await at(0)('PUT', '/reef/a', { body: 'decided', headers: { 'if-none-match': '*' } });
  t.is(lost.status, 503);
  t.is((await at(1)('PUT', '/reef/a', { body: 'late', headers: { 'if-none-match': '*' } })).status, 412);
  t.is((await at(2)('GET', '/reef/a')).text, 'decided');
  t.is(
    (await at(2)('PUT', '/reef/a', { body: 'next', headers: { 'if-match': etagOf('decided') } })).status,
    200,
  );
  dies = false;
  t.is((await at(0)('GET', '/reef/a')).text, 'next');
});

test('a decision whose host died brings its version and the one it replaced, whoever does it', async (t) => {
  let dies = false;
  const { at } = await threeHosts(
    t,
    dying(() => dies),
  );
  await at(0)('PUT', '/reef/a', { body: 'from before', headers: { 'if-none-match': '*' } });
  const enabled = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>';
  t.is((await at(0)('PUT', '/reef?versioning', { body: enabled })).status, 200);
  dies = true;
  const ifMatch = { 'if-match': etagOf('from before') };
  t.is((await at(0)('PUT', '/reef/a', { body: 'decided', headers: ifMatch })).status, 503);
  t.is((await at(1)('PUT', '/reef/a', { body: 'late', headers: ifMatch })).status, 412);
  const { text } = await at(2)('GET', '/reef?versions');
  t.is(text.match(/<Version>/g)?.length, 2, text);
  t.is((await at(2)('GET', '/reef/a?versionId=null')).text, 'from before');
  t.is((await at(2)('GET', '/reef/a')).text, 'decided');
});

test('of deletions with If-Match and writes with If-Match through many hosts each success was the only one', async (t) => {
  const { at } = await threeHosts(t);
  for (let round = 0; round < 6; round++) {
    const key = `/reef/${round}`;
    await at(round)('PUT', key, { body: 'first' });
    const headers = { 'if-match': etagOf('first') };
    const answers = await Promise.all([
      at(0)('DELETE', key, { headers }),
      at(1)('PUT', key, { body: 'second', headers }),
      at(2)('DELETE', key, { headers }),
    ]);
    const won = answers.flatMap(({ status }, index) => (status < 300 ? [index] : []));
    t.is(won.length, 1, answers.map(({ status }) => status).join());
    t.is((await at(round + 1)('GET', key)).text === 'second', won[0] === 1);
  }
});

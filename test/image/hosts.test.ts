import test, { type ExecutionContext } from 'ava';
import { fakeContent } from '../fake/content.ts';
import { cluster } from '../table/cluster.ts';
import { serveImages } from './serve.ts';

/** Three hosts with real tables, each with its own API; the chunks are one fake that all see. */
const threeHosts = async (t: ExecutionContext) => {
  const made = await cluster(t);
  const content = fakeContent();
  const [a, b, c] = await Promise.all(
    made.hosts.map((host) => serveImages(t, { tables: host.tables, content })),
  );
  if (!a || !b || !c) throw new Error('there are three hosts');
  return { made, content, hosts: [a, b, c] as const };
};

test('hosts: an image made at one is uploaded at another and read at the third', async (t) => {
  const { hosts } = await threeHosts(t);
  const [a, b, c] = hosts;
  const { id } = await a.create();
  t.is((await b.list()).images.length, 1);
  t.is((await b.upload(id, Buffer.from('hello'))).status, 204);
  t.is((await c.show(id)).status, 'active');
  t.is(await (await c.call('GET', `/v2/images/${id}/file`)).text(), 'hello');
  t.is((await c.call('DELETE', `/v2/images/${id}`)).status, 204);
  t.is((await a.call('GET', `/v2/images/${id}`)).status, 404);
});

test('hosts: of uploads from all sides at once one becomes the image, the others leave nothing', async (t) => {
  const { hosts, content } = await threeHosts(t);
  const { id } = await hosts[0].create();
  const answers = await Promise.all(
    hosts.map((host, index) => host.upload(id, Buffer.alloc(50_000 + index, index + 1))),
  );
  const won = answers.findIndex(({ status }) => status === 204);
  t.deepEqual(answers.map(({ status }) => status).sort(), [204, 409, 409]);
  t.is((await hosts[1].show(id)).size, 50_000 + won);
  t.is(content.chunks.size, 1);
});

test('hosts: one id chosen at all sides at once is given once', async (t) => {
  const { hosts } = await threeHosts(t);
  const id = '11111111-2222-3333-4444-555555555555';
  const answers = await Promise.all(hosts.map((host) => host.call('POST', '/v2/images', { json: { id } })));
  t.deepEqual(answers.map(({ status }) => status).sort(), [201, 409, 409]);
});

test('hosts: changes from all sides at once are all there afterwards', async (t) => {
  const { hosts } = await threeHosts(t);
  const { id } = await hosts[0].create();
  const answers = await Promise.all(
    Array.from({ length: 9 }, (_, index) =>
      hosts[index % 3]?.patch(id, [{ op: 'add', path: `/p${index}`, value: String(index) }]),
    ),
  );
  t.true(answers.every((answer) => answer?.status === 200));
  const image = await hosts[0].show(id);
  for (let index = 0; index < 9; index++) t.is(image[`p${index}`], String(index));
});

import { connect } from 'node:net';
import test from 'ava';
import { uploadLeaseMs, uploadRenewMs } from '../../agent/image/limits.ts';
import { openRecords } from '../../agent/image/records.ts';
import { newUuid } from '../../proto/ids.ts';
import { fakeTables } from '../fake/tables.ts';
import { until } from '../until.ts';
import { octets, serveImages } from './serve.ts';

/** An upload that stays open until it is told to go on. */
const slowUpload = (url: string, id: string) => {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const body = new ReadableStream<Uint8Array>({
    start(own) {
      controller = own;
      own.enqueue(new Uint8Array(100_000).fill(1));
    },
  });
  const answer = fetch(`${url}/v2/images/${id}/file`, {
    method: 'PUT',
    headers: { ...octets, 'X-Auth-Token': 'member:p1' },
    body,
    duplex: 'half',
  } as RequestInit);
  return { answer, finish: () => controller?.close() };
};

test('upload: while one runs a second is refused, and the image says saving', async (t) => {
  const { create, upload, show, url } = await serveImages(t);
  const { id } = await create();
  const slow = slowUpload(url, id);
  await until('saving', async () => (await show(id)).status === 'saving');
  const second = await upload(id, Buffer.from('2'));
  t.is(second.status, 409);
  t.regex(await second.text(), /being uploaded already/);
  slow.finish();
  t.is((await slow.answer).status, 204);
  t.like(await show(id), { status: 'active', size: 100_000 });
});

test('upload: one whose image is deleted meanwhile is told so and leaves nothing', async (t) => {
  const { create, call, show, url, content } = await serveImages(t);
  const { id } = await create();
  const slow = slowUpload(url, id);
  await until('saving', async () => (await show(id)).status === 'saving');
  t.is((await call('DELETE', `/v2/images/${id}`)).status, 204);
  slow.finish();
  t.is((await slow.answer).status, 410);
  t.is(content.chunks.size, 0);
  t.is((await call('GET', `/v2/images/${id}`)).status, 404);
});

test('upload: a client that goes away leaves the image queued and nothing stored', async (t) => {
  const { create, api, show, content, upload } = await serveImages(t);
  const { id } = await create();
  const socket = connect(api.port, '127.0.0.1');
  const head = `PUT /image/v2/images/${id}/file HTTP/1.1\r\nHost: x\r\nX-Auth-Token: member:p1\r\n`;
  socket.write(`${head}Content-Type: application/octet-stream\r\nContent-Length: 50000\r\n\r\nhalf`);
  await until('saving', async () => (await show(id)).status === 'saving');
  socket.destroy();
  await until('queued', async () => (await show(id)).status === 'queued');
  t.is(content.chunks.size, 0);
  t.is((await upload(id, Buffer.from('whole'))).status, 204);
});

test('upload: one whose agent was killed is queued again after its lease, and can be repeated', async (t) => {
  let nowMs = Date.parse('2026-11-24T12:00:00Z');
  const tables = fakeTables();
  const shared = openRecords(tables);
  // The same rows under both openings: what a killed agent wrote is all that is left of it.
  const { create, upload, show } = await serveImages(t, {
    wallMs: () => nowMs,
    tables: {
      rows: ((schema: { name: string }) =>
        schema.name === 'image-manifest' ? shared.manifests : tables.rows(schema)) as typeof tables.rows,
      registers: (() => shared.images) as unknown as typeof tables.registers,
    },
  });
  const { id } = await create();
  await shared.images.change('image', id, (old) =>
    old ? { ...old, status: 'saving', upload: { id: newUuid(), renewedAtMs: nowMs } } : old,
  );
  t.is((await show(id)).status, 'saving');
  t.is((await upload(id, Buffer.from('2'))).status, 409);
  nowMs += uploadLeaseMs;
  t.is((await show(id)).status, 'queued');
  t.is((await upload(id, Buffer.from('2'))).status, 204);
  t.is((await show(id)).status, 'active');
});

test('upload: one that is alive renews its lease, and stops when another took over', async (t) => {
  let nowMs = Date.parse('2026-11-24T12:00:00Z');
  const due: (() => void)[] = [];
  const { create, upload, show, url, content } = await serveImages(t, {
    wallMs: () => nowMs,
    after(delayMs, work) {
      if (delayMs === uploadRenewMs) due.push(work);
      return () => {};
    },
  });
  const { id } = await create();
  const slow = slowUpload(url, id);
  await until('saving', async () => (await show(id)).status === 'saving');
  nowMs += uploadLeaseMs - 1;
  due.shift()?.();
  await until('the next renewal is due', () => due.length > 0);
  nowMs += uploadLeaseMs - 1;
  t.is((await show(id)).status, 'saving');
  nowMs += 2;
  t.is((await upload(id, Buffer.from('taken over'))).status, 204);
  due.shift()?.();
  slow.finish();
  t.is((await slow.answer).status, 410);
  t.like(await show(id), { status: 'active', size: 10 });
  t.is(content.chunks.size, 0);
});

test('deletion: one that an agent left half done is invisible and finished by a later list', async (t) => {
  let nowMs = Date.parse('2026-11-24T12:00:00Z');
  let broken = true;
  const served = await serveImages(t, { wallMs: () => nowMs });
  const { create, upload, call, content, list } = served;
  const { id } = await create();
  await upload(id, Buffer.alloc(100_000, 1));
  const release = content.release.bind(content);
  content.release = async (bytes, user) => {
    if (broken) throw new Error('the agent was killed here');
    await release(bytes, user);
  };
  t.is((await call('DELETE', `/v2/images/${id}`)).status, 500);
  t.is((await call('GET', `/v2/images/${id}`)).status, 404);
  t.is(content.chunks.size, 1);
  broken = false;
  nowMs += 61_000;
  t.deepEqual((await list()).images, []);
  t.is(content.chunks.size, 0);
});

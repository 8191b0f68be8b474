import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { type BufferPool, bufferPool } from '../../agent/chunk/buffer-pool.ts';
import { openChunkFiles } from '../../agent/chunk/chunk-files.ts';
import { chunkIdOf } from '../../agent/chunk/chunk-name.ts';
import { sendInFlightMax, sendPerHostMax } from '../../agent/chunk/limits.ts';
import { serveTransfer, transfer } from '../../agent/chunk/transfer.ts';
import type { Bulk, BulkRequest } from '../../agent/peer/port.ts';
import { systemRuntime } from '../../agent/runtime/system/runtime.ts';
import { hasCode } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { MiB } from '../../proto/units.ts';

const runtime = systemRuntime({ level: 'error', destination: { write: () => {} } });
const other = 'other' as HostId;
const { signal } = new AbortController();

/** A pool that knows how many of its buffers are out. */
const counted = (): BufferPool & { readonly out: Set<ArrayBufferLike> } => {
  const pool = bufferPool();
  const out = new Set<ArrayBufferLike>();
  return {
    out,
    take(bytes) {
      const taken = pool.take(bytes);
      out.add(taken.buffer);
      return taken;
    },
    give(part) {
      if (!out.delete(part.buffer)) throw new Error('a buffer came back that was not out');
      pool.give(part);
    },
  };
};

/** One host asks another; `ignores` the other has never heard of parts. */
const open = async (ignores = false) => {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-transfer-'));
  const [asking, serving] = [counted(), counted()];
  const files = await openChunkFiles(
    { ...runtime, buffers: serving },
    { directories: [directory], reserveBytes: 0 },
  );
  const ring = { newest: 1, checkVersion: () => {} };
  const missed: string[] = [];
  let handler: (request: BulkRequest) => ReturnType<Parameters<Bulk['serve']>[1]> = () => Promise.reject();
  const bulk: Bulk = {
    async request(from, method, path, options) {
      const headers = { ...options?.headers };
      if (ignores) delete headers['x-shoal-part'];
      const answer = await handler({
        ...{ from, method, headers, signal: options?.signal ?? signal },
        path: path.slice('chunk/'.length),
        body: (async function* () {})(),
      });
      const { body } = answer;
      const length = body instanceof Uint8Array ? { 'content-length': String(body.length) } : {};
      return {
        headers: { ...length, ...answer.headers },
        body: (async function* () {
          if (body instanceof Uint8Array) yield body;
          else if (body) yield* body;
        })(),
      };
    },
    serve(_prefix, next) {
      handler = next;
    },
  };
  serveTransfer({ bulk, ring, files, buffers: serving, missing: (id) => missed.push(id) });
  const bytes = randomBytes(MiB + 5);
  const id = chunkIdOf(bytes);
  await files.put(id, bytes);
  return {
    ...{ transfer: transfer({ bulk, ring }), files, bulk, asking, serving, missed, bytes, id },
    spoil: () => writeFile(join(directory, 'v1/chunk', id.slice(0, 2), id), randomBytes(MiB + 5)),
    async [Symbol.asyncDispose]() {
      await rm(directory, { recursive: true, force: true });
    },
  };
};

test('transfer: bytes come in a buffer of the pool, which the caller gives back; the sender got its own', async (t) => {
  await using host = await open();
  const got = await host.transfer.get(other, host.id, signal, host.asking);
  t.true(host.bytes.equals(got));
  t.deepEqual([host.asking.out.size, host.serving.out.size], [1, 0]);
  host.asking.give(got);
  t.is(host.asking.out.size, 0);
});

test('transfer: whatever goes wrong, the buffers and places are free again', async (t) => {
  await using host = await open();
  for (let round = 0; round <= sendInFlightMax; round++) {
    const answer = await host.bulk.request(other, 'GET', `chunk/${host.id}`, {
      headers: { 'x-shoal-layout': '1' },
    });
    for await (const _ of answer.body) break;
  }
  await host.spoil();
  const lost = await t.throwsAsync(host.transfer.get(other, host.id, signal, host.asking));
  t.true(hasCode(lost, 'DAMAGED'));
  for (let round = 0; round <= sendInFlightMax; round++)
    t.true(hasCode(await t.throwsAsync(host.transfer.get(other, host.id, signal, host.asking)), 'NOT_FOUND'));
  t.true(host.missed.length > 0);
  t.deepEqual([host.asking.out.size, host.serving.out.size], [0, 0]);
});

test('transfer: hosts that were stopped while they took chunks leave places for another', async (t) => {
  await using host = await open();
  const ask = async (from: string) => {
    const headers = { 'x-shoal-layout': '1' };
    const { body } = await host.bulk.request(from as HostId, 'GET', `chunk/${host.id}`, { headers });
    return body[Symbol.asyncIterator]();
  };
  const stopped = Array.from({ length: sendInFlightMax }, () => ask('stopped'));
  for (const each of stopped.slice(0, sendPerHostMax)) await (await each).next();
  // The others of that host wait.
  t.true(host.bytes.equals(await host.transfer.get(other, host.id, AbortSignal.timeout(5_000), host.asking)));
  for (const asked of stopped) {
    const each = await asked;
    await each.next();
    await each.return?.();
  }
  t.is(host.serving.out.size, 0);
});

test('transfer: a part comes as it lies there, and nothing comes for one', async (t) => {
  await using host = await open();
  const part = Buffer.alloc(70_000);
  t.true(await host.transfer.getPart(other, host.id, 5, part, signal));
  t.deepEqual(part, host.bytes.subarray(5, 70_005));
  t.true(
    hasCode(
      await t.throwsAsync(host.transfer.getPart(other, host.id, MiB, part.subarray(0, 6), signal)),
      'NOT_FOUND',
    ),
    'it is not so long',
  );
  t.is(host.missed.length, 0);
});

test('transfer: a host of an earlier version sends the whole, which is no part', async (t) => {
  await using host = await open(true);
  t.false(await host.transfer.getPart(other, host.id, 5, Buffer.alloc(70_000), signal));
  t.is(host.serving.out.size, 0);
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { census } from '../../agent/chunk/census.ts';
import { openChunkFiles } from '../../agent/chunk/chunk-files.ts';
import { chunkIdOf } from '../../agent/chunk/chunk-name.ts';
import type { Ring } from '../../agent/ring/port.ts';
import { systemRuntime } from '../../agent/runtime/system/runtime.ts';

const runtime = systemRuntime({ level: 'error', destination: { write: () => {} } });

test('census: equal holdings have equal digests in whatever order they came, and a fresh one sees every put before it', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'shoal-census-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  const ring = { partitionOf: (key: string) => Number.parseInt(key.slice(0, 1), 16) & 1 } as Ring;
  const open = async (name: string) => {
    const files = await openChunkFiles(runtime, { directories: [join(root, name)], reserveBytes: 0 });
    return { files, census: census({ clock: runtime.clock, files, ring }) };
  };
  const [a, b] = [await open('a'), await open('b')];
  const chunks = Array.from({ length: 20 }, (_, index) => {
    const bytes = Buffer.from(`chunk ${index}`);
    return { bytes, id: chunkIdOf(bytes) };
  });
  for (const { id, bytes } of chunks) await a.files.put(id, bytes);
  for (const { id, bytes } of chunks.slice(1).reverse()) await b.files.put(id, bytes);
  const [first] = chunks;
  if (!first) throw new Error('no chunk');
  const odd = ring.partitionOf(first.id);
  const before = [await a.census.digests(true), await b.census.digests(true)] as const;
  t.not(before[0](odd), before[1](odd));
  t.is(before[0](1 - odd), before[1](1 - odd));

  await b.files.put(first.id, first.bytes);
  const stale = await b.census.digests(false);
  t.is(stale(odd), before[1](odd), 'a census serves the later messages of its comparison');
  const fresh = await b.census.digests(true);
  t.is(fresh(odd), before[0](odd));
  t.deepEqual(
    (await b.census.page(new Set([odd]), undefined)).ids,
    chunks
      .map(({ id }) => id)
      .filter((id) => ring.partitionOf(id) === odd)
      .sort(),
  );
});

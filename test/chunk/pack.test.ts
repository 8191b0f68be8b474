import { randomBytes } from 'node:crypto';
import test from 'ava';
import { pack, unpack } from '../../agent/chunk/pack.ts';
import type { ChunkId } from '../../proto/ids.ts';
import { KiB, MiB } from '../../proto/units.ts';
import { pieces } from '../conform/content.ts';
import { startCluster } from './cluster.ts';

const id = 'a'.repeat(64) as ChunkId;
const text = (bytes: number): Buffer => Buffer.alloc(bytes, 'the same line again and again\n');

test('pack: what shrinks by a tenth or more is packed, short or long, the same each time', async (t) => {
  for (const length of [32 * KiB, 500 * KiB, 4 * MiB]) {
    const bytes = text(length);
    const packed = await pack(bytes);
    t.true(packed !== undefined && packed.length < length / 10);
    t.deepEqual(await pack(bytes), packed);
    if (packed) t.deepEqual(await unpack({ id, length, zstdBytes: packed.length }, packed), bytes);
  }
});

test('pack: what does not shrink, and what is short, is kept as it is', async (t) => {
  t.is(await pack(randomBytes(MiB)), undefined);
  t.is(await pack(text(32 * KiB - 1)), undefined);
  t.is(await pack(new Uint8Array()), undefined);
  // The sample promises what the whole does not keep.
  const bytes = randomBytes(MiB);
  const step = Math.floor((MiB - 4 * KiB) / 3);
  for (let at = 0; at < 4; at++) bytes.fill(0, at * step, at * step + 4 * KiB);
  t.is(await pack(bytes), undefined);
});

test('unpack: other than the promised bytes is damage, and a bomb is not let out', async (t) => {
  for (const length of [100 * KiB, 2 * MiB]) {
    const packed = (await pack(text(length))) ?? new Uint8Array();
    const zstdBytes = packed.length;
    for (const [piece, kept] of [
      [{ id, length: length - 1, zstdBytes }, packed],
      [{ id, length: length + 1, zstdBytes }, packed],
      [{ id, length, zstdBytes: zstdBytes + 1 }, packed],
      [{ id, length }, packed],
      [{ id, length, zstdBytes: 9 }, text(9)],
      [{ id, length, zstdBytes }, randomBytes(zstdBytes)],
    ] as const)
      await t.throwsAsync(unpack(piece, kept), { code: 'DAMAGED' });
  }
});

test('content: what shrinks takes less room on its owners, and is equal to itself whoever uploads it', async (t) => {
  await using cluster = await startCluster(3);
  const bytes = Buffer.concat([text(6 * MiB), randomBytes(MiB)]);
  const options = { bytesMax: 10 * MiB, digests: [] };
  const first = await cluster.host(0).chunks.content.write(pieces(bytes), { ...options, user: 'first' });
  const second = await cluster.host(1).chunks.content.write(pieces(bytes), { ...options, user: 'second' });
  t.deepEqual(first.content, second.content);
  const { content } = first;
  if (content.kind !== 'chunks') return t.fail();
  t.is(content.chunks.length, 2);
  const kept = content.chunks.map(({ length, zstdBytes = length }) => zstdBytes);
  t.true((kept[0] ?? 0) < 10 * KiB && (kept[1] ?? 0) < 2 * MiB);
  return undefined;
});

import { randomBytes } from 'node:crypto';
import test from 'ava';
import type { Content } from '../../agent/chunk/port.ts';
import { openVault } from '../../agent/chunk/vault.ts';
import { MiB } from '../../proto/units.ts';
import { pieces } from '../conform/content.ts';
import { startCluster } from './cluster.ts';

test('vault: equal bytes are equal in one vault, and strangers in another', (t) => {
  const [mine, other] = [openVault(Buffer.alloc(32, 1)), openVault(Buffer.alloc(32, 2))];
  const bytes = randomBytes(1000);
  t.deepEqual(mine.seal(bytes), mine.seal(bytes));
  t.notDeepEqual(mine.seal(bytes).bytes, other.seal(bytes).bytes);
  t.deepEqual(Buffer.from(mine.open(mine.seal(bytes))), bytes);
  t.notDeepEqual(Buffer.from(other.open(mine.seal(bytes))), bytes);
  t.is(mine.seal(bytes).bytes.length, bytes.length);
});

test('vault: bytes that differ in one bit share nothing', (t) => {
  const vault = openVault(randomBytes(32));
  const bytes = Buffer.alloc(1000);
  const changed = Buffer.from(bytes);
  changed[999] = 1;
  const [a, b] = [vault.seal(bytes), vault.seal(changed)];
  t.notDeepEqual(a.iv, b.iv);
  const equal = a.bytes.filter((byte, at) => byte === b.bytes[at]).length;
  t.true(equal < 50, `${equal} of 1000 bytes`);
});

test('vault: an upload is packed first and sealed then, and two of one vault share their chunks', async (t) => {
  await using cluster = await startCluster(3);
  const line = 'the same line again and again\n';
  const bytes = Buffer.concat([Buffer.alloc(4 * MiB, line), randomBytes(MiB)]);
  const vault = openVault(randomBytes(32));
  const write = async (host: number, user: string, into: typeof vault): Promise<Content> => {
    const options = { user, bytesMax: 10 * MiB, digests: [], vault: into };
    return (await cluster.host(host).chunks.content.write(pieces(bytes), options)).content;
  };
  const first = await write(0, 'first', vault);
  t.deepEqual(await write(1, 'second', vault), first);
  const apart = await write(2, 'third', openVault(randomBytes(32)));
  if (first.kind !== 'chunks' || apart.kind !== 'chunks') return t.fail();
  t.true((first.chunks[0]?.zstdBytes ?? MiB) < MiB / 10);
  const ids = new Set(first.chunks.map(({ id }) => id));
  t.false(apart.chunks.some(({ id }) => ids.has(id)));
  return undefined;
});

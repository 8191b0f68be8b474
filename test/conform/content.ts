/** What every `ContentStore` must do. `open` gives a fresh one and tells how to look for what is left of an upload. */
import { createHash, randomBytes } from 'node:crypto';
import type { TestFn } from 'ava';
import type { ContentStore } from '../../agent/chunk/port.ts';
import { openVault } from '../../agent/chunk/vault.ts';
import { hasCode } from '../../proto/error.ts';
import { KiB, MiB } from '../../proto/units.ts';

export interface ContentUnderTest extends AsyncDisposable {
  readonly content: ContentStore;
  /** Does any reference of this user stand? */
  isUsedBy(user: string): Promise<boolean>;
}

export async function* pieces(bytes: Uint8Array, size = 64 * KiB): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

export const collect = async (source: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const parts: Uint8Array[] = [];
  for await (const part of source) parts.push(Uint8Array.from(part));
  return Buffer.concat(parts);
};

const bytesMax = 100 * MiB;
const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');

export const contentSuite = (test: TestFn, name: string, open: () => Promise<ContentUnderTest>): void => {
  for (const size of [0, 1, 16 * KiB, 16 * KiB + 1, 4 * MiB, 4 * MiB + 1, 9 * MiB])
    test(`content (${name}): ${size} bytes come back as they went, with their digests`, async (t) => {
      await using store = await open();
      const bytes = randomBytes(size);
      const written = await store.content.write(pieces(bytes), {
        user: 'object:a',
        bytesMax,
        digests: ['md5', 'sha256', 'sha512'],
      });
      t.is(written.length, size);
      t.is(written.content.kind, size <= 16 * KiB ? 'inline' : 'chunks');
      for (const digest of ['md5', 'sha256', 'sha512'] as const)
        t.is(written.digests[digest], createHash(digest).update(bytes).digest('hex'));
      t.is(md5(await collect(store.content.read(written.content))), md5(bytes));
    });

  test(`content (${name}): ranges across borders of chunks give exactly their bytes`, async (t) => {
    await using store = await open();
    const bytes = randomBytes(9 * MiB);
    const { content } = await store.content.write(pieces(bytes), { user: 'u', bytesMax, digests: [] });
    for (const [start, end] of [
      [0, 1],
      [4 * MiB - 1, 4 * MiB + 1],
      [4 * MiB, 8 * MiB],
      [3 * MiB, 9 * MiB],
      [9 * MiB - 5, 9 * MiB],
      [7, 7],
    ] as const)
      t.is(md5(await collect(store.content.read(content, { start, end }))), md5(bytes.subarray(start, end)));
  });

  for (const size of [0, 1000, 20 * KiB, 5 * MiB])
    test(`content (${name}): ${size} bytes in a vault, and their ranges, come back as they went`, async (t) => {
      await using store = await open();
      const vault = openVault(randomBytes(32));
      const bytes = randomBytes(size);
      const { content, length, digests } = await store.content.write(pieces(bytes), {
        ...{ user: 'u', bytesMax, digests: ['md5'], vault },
      });
      t.is(length, size);
      t.is(digests.md5, md5(bytes));
      const [start, end] = [Math.floor(size / 2), size];
      t.is(md5(await collect(store.content.read(content, { vault }))), md5(bytes));
      t.is(
        md5(await collect(store.content.read(content, { vault, start, end }))),
        md5(bytes.subarray(start, end)),
      );
      const others = openVault(randomBytes(32));
      if (size > 0) t.not(md5(await collect(store.content.read(content, { vault: others }))), md5(bytes));
      await t.throwsAsync(collect(store.content.read(content)));
    });

  for (const size of [20 * KiB, 300 * KiB, 5 * MiB])
    test(`content (${name}): ${size} bytes that shrink, and their ranges, come back as they went`, async (t) => {
      await using store = await open();
      const bytes = Buffer.alloc(size, randomBytes(999).toString('hex'));
      const { content, length } = await store.content.write(pieces(bytes), {
        ...{ user: 'u', bytesMax, digests: [] },
      });
      t.is(length, size);
      for (const [start, end] of [
        [0, size],
        [size >> 1, (size >> 1) + 100],
        [size - 1, size],
      ] as const)
        t.is(
          md5(await collect(store.content.read(content, { start, end }))),
          md5(bytes.subarray(start, end)),
        );
    });

  test(`content (${name}): one byte too many is refused and leaves nothing`, async (t) => {
    await using store = await open();
    const write = store.content.write(pieces(randomBytes(5 * MiB)), {
      user: 'u',
      bytesMax: 5 * MiB - 1,
      digests: ['md5'],
    });
    t.true(hasCode(await t.throwsAsync(write), 'TOO_LARGE'));
    t.false(await store.isUsedBy('u'));
  });

  test(`content (${name}): a source that fails half-way fails the write with its own error and leaves nothing`, async (t) => {
    await using store = await open();
    const failure = new Error('the client went away');
    async function* broken(): AsyncGenerator<Uint8Array, void> {
      yield* pieces(randomBytes(6 * MiB));
      throw failure;
    }
    const write = store.content.write(broken(), { user: 'u', bytesMax, digests: ['md5'] });
    t.is(await t.throwsAsync(write), failure);
    t.false(await store.isUsedBy('u'));
  });

  test(`content (${name}): what one user releases the other still reads`, async (t) => {
    await using store = await open();
    const bytes = randomBytes(5 * MiB);
    const { content } = await store.content.write(pieces(bytes), { user: 'first', bytesMax, digests: [] });
    await store.content.retain(content, 'second');
    await store.content.release(content, 'first');
    await store.content.release(content, 'first');
    t.false(await store.isUsedBy('first'));
    t.true(await store.isUsedBy('second'));
    t.is(md5(await collect(store.content.read(content))), md5(bytes));
    await store.content.release(content, 'second');
    t.false(await store.isUsedBy('second'));
  });

  test(`content (${name}): inlineBytesMax 0 keeps even one byte out of the row`, async (t) => {
    await using store = await open();
    const { content } = await store.content.write(pieces(Buffer.from('x')), {
      user: 'u',
      bytesMax,
      inlineBytesMax: 0,
      digests: [],
    });
    t.is(content.kind, 'chunks');
    t.deepEqual(await collect(store.content.read(content)), Buffer.from('x'));
  });
};

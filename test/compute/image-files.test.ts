import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type BootImage, openImageFiles } from '../../agent/compute/image-files.ts';
import { hasCode } from '../../proto/error.ts';
import { fakeRuntime } from '../fake/http.ts';

const signal = new AbortController().signal;
const bytes = Buffer.from('an image '.repeat(10_000));

const world = (
  t: ExecutionContext,
  read: () => AsyncIterable<Uint8Array>,
  changes: Partial<BootImage> = {},
) => {
  const directory = mkdtempSync(join(tmpdir(), 'shoal-images-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const sha512 = createHash('sha512').update(bytes).digest('hex');
  const record: BootImage = {
    id: 'i',
    name: 'i',
    status: 'active',
    diskFormat: 'qcow2',
    minDiskGiB: 0,
    minRamMiB: 0,
    data: { bytes: bytes.length, sha512, virtualBytes: 2 ** 30 },
    ...changes,
  };
  const open = () =>
    openImageFiles(
      {
        runtime: fakeRuntime(),
        images: { open: async () => ({ record, content: { kind: 'inline', bytes: new Uint8Array() } }) },
        content: { read },
      },
      { directory },
    );
  return { directory, files: open(), open };
};

const whole = async function* (): AsyncGenerator<Uint8Array> {
  yield bytes.subarray(0, 100);
  yield bytes.subarray(100);
};

test('image files: many who want one image share one fetch', async (t) => {
  let reads = 0;
  const { files, directory } = world(t, async function* () {
    reads += 1;
    yield* whole();
  });
  const found = await Promise.all(Array.from({ length: 8 }, () => files.fetch('i', signal)));
  t.is(new Set(found.map(({ path }) => path)).size, 1);
  t.like(found[0], { format: 'qcow2', virtualBytes: 2 ** 30 });
  t.true(readFileSync(found[0]?.path ?? '').equals(bytes));
  await files.fetch('i', signal);
  t.is(readdirSync(directory).length, 1);
  t.is(reads, 1);
});

test('image files: a fetch that breaks leaves nothing, the next one succeeds', async (t) => {
  let isBroken = true;
  const { files, directory } = world(t, async function* () {
    yield bytes.subarray(0, 100);
    if (isBroken) throw new Error('the link broke');
    yield bytes.subarray(100);
  });
  await t.throwsAsync(files.fetch('i', signal), { message: /link broke/ });
  t.deepEqual(readdirSync(directory), []);
  isBroken = false;
  const { path } = await files.fetch('i', signal);
  t.true(readFileSync(path).equals(bytes));
});

test("image files: bytes without the image's checksum are refused", async (t) => {
  const { files, directory } = world(t, async function* () {
    yield Buffer.from('something else');
  });
  const thrown = await t.throwsAsync(files.fetch('i', signal));
  t.true(hasCode(thrown, 'DAMAGED'));
  t.deepEqual(readdirSync(directory), []);
});

test('image files: an image that does not fit on the disk is refused before it is fetched', async (t) => {
  const fails = async function* (): AsyncGenerator<Uint8Array> {
    t.fail('nothing is read');
    yield* whole();
  };
  const { files } = world(t, fails, {
    data: { bytes: 2 ** 60, sha512: 'x', virtualBytes: 2 ** 60 },
  });
  t.true(hasCode(await t.throwsAsync(files.fetch('i', signal)), 'DISK_FULL'));
});

test('image files: what is idle, and what a killed agent left, is removed; what machines stand on stays', async (t) => {
  const { files, directory } = world(t, whole);
  const { path } = await files.fetch('i', signal);
  const idle = join(directory, 'idle.raw');
  const torn = join(directory, 'torn.raw.1234.tmp');
  for (const file of [idle, torn]) writeFileSync(file, 'x');
  for (const file of [path, idle]) utimesSync(file, new Date(0), new Date(0));
  await files.prune(new Set([path]));
  t.deepEqual(
    readdirSync(directory).map((name) => join(directory, name)),
    [path],
  );
  await files.prune(new Set());
  t.deepEqual(readdirSync(directory), []);
});

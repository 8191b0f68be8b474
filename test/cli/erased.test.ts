import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';

const hook = new URL('../../cli/erased.js', import.meta.url).href;
const run = promisify(execFile);

/** A program of two files with types; it tells its word, and whether node's own eraser came with it. */
const program = async (t: ExecutionContext, word: string) => {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-erased-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const cache = join(directory, 'cache');
  const say = (what: string): Promise<void> =>
    writeFile(join(directory, 'word.ts'), `export const word: string = ${JSON.stringify(what)};`);
  await say(word);
  await writeFile(join(directory, 'package.json'), '{"type":"module"}');
  await writeFile(
    join(directory, 'main.ts'),
    `import { word } from './word.ts';
const loaded = (process as unknown as { moduleLoadList: string[] }).moduleLoadList;
console.log(JSON.stringify([word, loaded.some((name) => name.includes('amaro'))]));`,
  );
  const start = async (cacheHome = cache): Promise<readonly [string, boolean]> => {
    const env = { ...process.env, XDG_CACHE_HOME: cacheHome, NODE_DISABLE_COMPILE_CACHE: '1' };
    const args = ['--disable-warning=ExperimentalWarning', `--import=${hook}`, join(directory, 'main.ts')];
    return JSON.parse((await run(process.execPath, args, { env })).stdout);
  };
  return { start, say, kept: join(cache, 'shoal', 'erased') };
};

test('erased: a file is erased once, and the next process does without the eraser', async (t) => {
  const { start, kept } = await program(t, 'first');
  t.deepEqual(await start(), ['first', true]);
  t.is((await readdir(kept)).length, 2);
  t.deepEqual(await start(), ['first', false]);
});

test('erased: a file that changed is erased anew, in the place of what it was', async (t) => {
  const { start, say, kept } = await program(t, 'before');
  await start();
  await say('after');
  t.deepEqual(await start(), ['after', true]);
  t.deepEqual(await start(), ['after', false]);
  t.is((await readdir(kept)).length, 2);
});

test('erased: what a power cut left half written is not taken for whole', async (t) => {
  const { start, kept } = await program(t, 'whole');
  await start();
  for (const name of await readdir(kept)) {
    const { length } = await readFile(join(kept, name));
    await truncate(join(kept, name), length - 1);
  }
  t.deepEqual(await start(), ['whole', true]);
  t.deepEqual(await start(), ['whole', false]);
});

test('erased: where nothing can be kept the program runs all the same', async (t) => {
  const { start } = await program(t, 'kept nowhere');
  t.deepEqual(await start('/dev/null'), ['kept nowhere', true]);
});

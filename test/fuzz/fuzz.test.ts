import test from 'ava';
import { fuzz, tryInput } from './run.ts';
import { type Target, valueTarget } from './target.ts';
import { openTargets } from './targets.ts';

/**
 * Some 15 s of a busy core, and the same inputs each time: a change is judged by what it changed. New ones are looked
 * for by `npm run fuzz -- --from NUMBER`; what it finds becomes a test of its decoder.
 */
const from = 0;
const inputs = 60_000;

test('fuzz: every decoder takes its own samples', async (t) => {
  const targets = await openTargets();
  t.teardown(async () => {
    for (const target of targets) await target.close?.();
  });
  for (const target of targets)
    for (const sample of target.valid) await t.notThrowsAsync(async () => target.run(sample), target.name);
});

test("fuzz: what is bent is refused in the decoder's own words, in time, and leaves nothing behind", async (t) => {
  t.timeout(600_000);
  const targets = await openTargets();
  t.teardown(async () => {
    for (const target of targets) await target.close?.();
  });
  const { failures, refused, taken, byTarget } = await fuzz(targets, { from, inputs });
  t.log(`${inputs} inputs from ${from} to ${byTarget.size} decoders, ${refused} refused, ${taken} taken`);
  t.deepEqual(failures, []);
  t.true(refused > inputs / 4 && taken > inputs / 10, 'both kinds of inputs come up');
});

let held: unknown[] = [];
const bad = (run: (value: unknown) => unknown, state?: () => string): Target =>
  valueTarget({ name: 'bad', refusals: ['BAD_REQUEST'], run, ...(state ? { state } : {}) }, [
    { a: [1, 2], b: 'x' },
  ]);

test('fuzz: a decoder that throws a foreign error, hangs, changes its world or a prototype is caught', async (t) => {
  let changes = 0;
  const planted: Readonly<Record<string, Target>> = {
    threw: bad((value) => (value as { a: { length: number } }).a.length),
    took: bad(() => {
      const start = process.threadCpuUsage().user;
      while (process.threadCpuUsage().user - start < 300_000);
    }),
    'changed something': bad(
      (value) => {
        changes++;
        return decodeURIComponent(String((value as { b?: unknown } | null)?.b ?? '%'));
      },
      () => String(changes),
    ),
    prototype: bad((value) => Object.assign(Object.prototype, value)),
  };
  for (const [word, target] of Object.entries(planted)) {
    let fault: string | undefined;
    for (let number = 0; number < 200 && fault === undefined; number++)
      fault = (await tryInput(target, number)).fault;
    for (const key of Object.keys(Object.prototype)) Reflect.deleteProperty(Object.prototype, key);
    t.regex(fault ?? 'none', word === 'changed something' ? /threw|changed something/ : new RegExp(word));
  }
});

test('fuzz: a decoder that keeps what it is given is caught', async (t) => {
  const leaky = bad(() => held.push(new Uint8Array(64 * 1024)));
  const { failures } = await fuzz([leaky], { from: 0, inputs: 2_000 });
  held = [];
  t.like(failures, [{ target: 'memory' }]);
});

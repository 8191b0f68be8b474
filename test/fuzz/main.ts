/**
 * `npm run fuzz -- --inputs 1000000 --from 0 [--only NAME]`: bent inputs for every decoder that faces bytes from
 * outside. Prints what was tried, and each failure with the number that brings it back: `--from NUMBER --inputs 1`.
 */
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import type { Outcome } from './run.ts';

/** The slowest input takes ms; who says nothing for so long hangs. */
const silenceMsMax = 60_000;
const lookMs = 1_000;
/** An honest run holds a tenth. One input that takes all there is would take the machine with it. */
const heldBytesMax = 4 * 1024 ** 3;
/** The worker is still opening the decoders. */
const noneYet = -1;

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '1000000' },
    from: { type: 'string', default: '0' },
    only: { type: 'string' },
  },
});
const wholeNumber = (option: 'inputs' | 'from'): number => {
  const value = Number(values[option]);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`Cannot use --${option} ${values[option]}: it takes a whole number`);
};

const run = (
  from: number,
  inputs: number,
): Promise<Outcome | { readonly hung: number; readonly why: string }> =>
  new Promise((resolve, reject) => {
    const progress = new Float64Array(new SharedArrayBuffer(8)).fill(noneYet);
    const worker = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData: { from, inputs, progress, only: values.only },
    });
    let last = noneYet;
    let sinceMs = performance.now();
    const look = setInterval(() => {
      const now = progress[0] ?? noneYet;
      if (process.memoryUsage.rss() > heldBytesMax)
        settle(() => resolve({ hung: now, why: 'takes memory without end' }));
      if (now !== last) {
        last = now;
        sinceMs = performance.now();
      } else if (performance.now() - sinceMs > silenceMsMax) {
        void worker.terminate();
        settle(() => resolve({ hung: now, why: 'never returned' }));
      }
    }, lookMs);
    const settle = (end: () => void): void => {
      clearInterval(look);
      end();
    };
    worker.once('message', (outcome: Outcome) => settle(() => resolve(outcome)));
    worker.once('error', (thrown) => settle(() => reject(thrown)));
    worker.once('exit', (code) => settle(() => reject(new Error(`the worker ended with status ${code}`))));
  });

const startMs = performance.now();
const outcome = await run(wholeNumber('from'), wholeNumber('inputs'));
const seconds = (performance.now() - startMs) / 1_000;
if ('hung' in outcome) {
  const { hung, why } = outcome;
  console.log(
    hung === noneYet
      ? `FAILED: opening the decoders ${why}, before the first input`
      : `FAILED: input ${hung} ${why}; again: --from ${hung} --inputs 1`,
  );
  // An exit waits for the worker, which may be in the middle of a call that never ends.
  process.kill(process.pid, 'SIGKILL');
  process.exit(1);
}
const { byTarget, inputs, refused, taken, growthBytes, failures } = outcome;
for (const [name, sums] of byTarget) {
  if (sums.inputs === 0) continue;
  const share = Math.round((100 * sums.refused) / sums.inputs);
  const micros = Math.round((1_000 * sums.ms) / sums.inputs);
  console.log(
    `${name.padEnd(24)}${String(sums.inputs).padStart(8)} inputs${String(share).padStart(5)} % refused${String(micros).padStart(7)} µs`,
  );
}
console.log(
  `${inputs} inputs from ${wholeNumber('from')} to ${byTarget.size} decoders: ${refused} refused, ${taken} taken, heap ${growthBytes >= 0 ? '+' : ''}${Math.round(growthBytes / 1024)} KiB, ${seconds.toFixed(0)} s, ${Math.round(inputs / seconds)}/s`,
);
for (const { input, target, what } of failures)
  console.log(
    `FAILED: ${target}${input < 0 ? '' : `, input ${input} (again: --from ${input} --inputs 1)`}\n      ${what}`,
  );
process.exit(failures.length > 0 ? 1 : 0);

/**
 * Inputs by number: number n goes to target n modulo all, with the draws of seed n. So any input is met again by
 * its number alone, and neighbouring runs never share one.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { hasCode } from '../../proto/error.ts';
import { prng } from '../sim/prng.ts';
import type { Target } from './target.ts';

/** An input of a few hundred KiB is read in single ms; a quadratic reader of it takes seconds. */
const inputMsMax = 250;
/** CPU of this thread, which other programs do not lengthen; a collection may fall into it: slow is what is slow each time. */
const slowTries = 3;
/** Measured after a collection, from a quarter of the inputs on; caches with bounds fill before that. */
export const growthBytesMax = 12 * 1024 * 1024;
const renewEvery = 4_096;
/** The event loop gets its turn: what decoders leave to it must end, too. */
const breatheEvery = 256;

export interface Failure {
  readonly input: number;
  readonly target: string;
  readonly what: string;
}

export interface Outcome {
  readonly inputs: number;
  readonly refused: number;
  readonly taken: number;
  readonly byTarget: ReadonlyMap<
    string,
    { readonly inputs: number; readonly refused: number; readonly ms: number }
  >;
  /** Heap and buffers after a collection, at the end less at the first quarter. */
  readonly growthBytes: number;
  readonly failures: readonly Failure[];
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

export const heldBytes = async (): Promise<number> => {
  // Finalizers run between collections and free what only they held.
  for (let turn = 0; turn < 3; turn++) {
    collect();
    await new Promise(setImmediate);
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

const show = (thrown: unknown): string =>
  thrown instanceof Error
    ? (thrown.stack ?? thrown.message).split('\n').slice(0, 6).join('\n      ')
    : String(thrown);

const prototypes = () =>
  [Object.prototype, Array.prototype, Uint8Array.prototype].map((one) => Reflect.ownKeys(one).length).join();

const cpuMsSince = (before: NodeJS.CpuUsage): number => {
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
};

/** Undefined: taken or refused as it should be. */
export const tryInput = async (
  target: Target,
  number: number,
): Promise<{ refused: boolean; fault?: string; ms: number }> => {
  const draw = (): unknown => target.input(prng(number));
  const input = draw();
  const copy = input instanceof Uint8Array ? Buffer.from(input) : undefined;
  const before = target.state?.();
  const pristine = prototypes();
  const start = process.threadCpuUsage();
  let refused = false;
  let fault: string | undefined;
  try {
    const answer = target.run(input);
    if (answer instanceof Promise) await answer;
  } catch (thrown) {
    refused = true;
    if (!hasCode(thrown, ...target.refusals)) fault = `threw ${show(thrown)}`;
  }
  let ms = cpuMsSince(start);
  for (let again = 1; again < slowTries && ms > inputMsMax; again++) {
    const restart = process.threadCpuUsage();
    try {
      await target.run(draw());
    } catch {
      // Only its time counts here.
    }
    ms = Math.min(ms, cpuMsSince(restart));
  }
  if (ms > inputMsMax) fault ??= `took ${Math.round(ms)} ms, each time`;
  if (copy && Buffer.compare(copy, input as Uint8Array) !== 0) fault ??= 'wrote into its input';
  if (refused && target.state?.() !== before) fault ??= 'refused the input and changed something';
  if (prototypes() !== pristine) fault ??= 'changed a prototype that all objects share';
  return { refused, ms, ...(fault === undefined ? {} : { fault }) };
};

export const fuzz = async (
  targets: readonly Target[],
  options: {
    readonly from: number;
    readonly inputs: number;
    readonly failuresMax?: number;
    /** Inputs of this target alone; the numbers stay what they are. */
    readonly only?: string;
    /** Told before each input: who is stuck is known from outside. */
    readonly progress?: (input: number) => void;
  },
): Promise<Outcome> => {
  const { from, inputs, failuresMax = 20, only, progress } = options;
  const byTarget = new Map(targets.map(({ name }) => [name, { inputs: 0, refused: 0, ms: 0 }]));
  const failures: Failure[] = [];
  const stray = (thrown: unknown): void => {
    failures.push({ input: -1, target: 'unhandled', what: show(thrown) });
  };
  process.on('unhandledRejection', stray);
  process.on('uncaughtException', stray);
  let baseBytes = 0;
  let [refused, done] = [0, 0];
  try {
    for (let at = 0; at < inputs && failures.length < failuresMax; at++) {
      const number = from + at;
      const target = targets[number % targets.length];
      if (!target) throw new Error('nothing to fuzz');
      if (only !== undefined && target.name !== only) continue;
      progress?.(number);
      const tried = await tryInput(target, number);
      const sums = byTarget.get(target.name);
      if (sums) {
        sums.inputs++;
        sums.ms += tried.ms;
        if (tried.refused) sums.refused++;
      }
      if (tried.refused) refused++;
      done++;
      if (tried.fault !== undefined) failures.push({ input: number, target: target.name, what: tried.fault });
      if (at % breatheEvery === 0) await new Promise(setImmediate);
      if (at % (renewEvery * targets.length) === 0) for (const one of targets) await one.renew?.();
      if (at === Math.floor(inputs / 4)) {
        for (const one of targets) await one.renew?.();
        baseBytes = await heldBytes();
      }
    }
    for (const one of targets) await one.renew?.();
    const growthBytes = done === inputs ? (await heldBytes()) - baseBytes : 0;
    if (growthBytes > growthBytesMax)
      failures.push({
        input: -1,
        target: 'memory',
        what: `${Math.round(growthBytes / 1024)} KiB more are held than after a quarter of the inputs`,
      });
    return { inputs: done, refused, taken: done - refused, byTarget, growthBytes, failures };
  } finally {
    process.off('unhandledRejection', stray);
    process.off('uncaughtException', stray);
  }
};

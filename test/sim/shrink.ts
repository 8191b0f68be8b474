/**
 * Cuts a failed run down: leaves out operations and faults, in ever smaller bundles, as long as the run still fails in the
 * same way (delta debugging; Zeller, Hildebrandt 2002). What is left is usually a story that fits on a page.
 */
import { type Report, runSeed, type Scenario } from './scenario.ts';
import type { Deed, Deeds, WorldOptions } from './world.ts';

export interface Shrunk {
  readonly report: Report;
  readonly skip: Deeds;
  readonly runs: number;
}

const kinds: readonly Deed[] = ['operation', 'fault'];
export const nothing: Deeds = { fault: new Set(), operation: new Set() };

/** Two violations are of one way when they read alike but for names and numbers. */
export const wayOf = (violation: string | undefined): string | undefined =>
  violation
    ?.slice(0, 160)
    .replace(/12D3Koo\w+|[0-9a-f]{6,}|[a-z]?\d[\d.]*/g, '#')
    .split(/[;:{]/)[0];

/** `skip` as text, for a command line: `fault:1,4-7/operation:0-99`. */
export const encodeDeeds = (skip: Deeds): string =>
  kinds
    .flatMap((kind) => {
      const spans: string[] = [];
      const numbers = [...skip[kind]].sort((a, b) => a - b);
      for (let at = 0; at < numbers.length; ) {
        let end = at;
        while (numbers[end + 1] === (numbers[end] ?? 0) + 1) end++;
        spans.push(end > at ? `${numbers[at]}-${numbers[end]}` : `${numbers[at]}`);
        at = end + 1;
      }
      return spans.length > 0 ? `${kind}:${spans.join(',')}` : [];
    })
    .join('/');

/** undefined where the text is none. */
export const parseDeeds = (text: string): Deeds | undefined => {
  const skip = { fault: new Set<number>(), operation: new Set<number>() };
  for (const part of text === '' ? [] : text.split('/')) {
    const [, kind, spans] = /^(fault|operation):(\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*)$/.exec(part) ?? [];
    if (!kind || !spans) return undefined;
    for (const span of spans.split(',')) {
      const [first = 0, last = first] = span.split('-').map(Number);
      if (last - first > 1e6) return undefined;
      for (let number = first; number <= last; number++) skip[kind as Deed].add(number);
    }
  }
  return skip;
};

export const shrink = async (
  scenario: Scenario,
  failed: Report,
  options: {
    /** What was left out already. */
    readonly skip?: Deeds;
    readonly runsMax: number;
    readonly progress?: (skip: Deeds, runs: number) => void;
  },
): Promise<Shrunk> => {
  const way = wayOf(failed.violation);
  let best: Shrunk = { report: failed, skip: options.skip ?? nothing, runs: 0 };
  let runs = 0;

  /** Leaves out these as well; keeps it so where the run still fails. */
  const tries = async (kind: Deed, more: readonly number[]): Promise<boolean> => {
    runs++;
    const skip: Deeds = { ...best.skip, [kind]: new Set([...best.skip[kind], ...more]) };
    const report = await runSeed(scenario, failed.seed, { skip });
    if (wayOf(report.violation) !== way) return false;
    best = { report, skip, runs };
    options.progress?.(skip, runs);
    return true;
  };
  const left = (kind: Deed): number[] =>
    Array.from({ length: best.report.deeds[kind] }, (_, number) => number).filter(
      (number) => !best.skip[kind].has(number),
    );

  for (let isSmaller = true; isSmaller && runs < options.runsMax; ) {
    isSmaller = false;
    for (const kind of kinds)
      for (let size = left(kind).length; size >= 1; size = Math.floor(size / 2))
        for (let at = 0; at < left(kind).length && runs < options.runsMax; ) {
          const bundle = left(kind).slice(at, at + size);
          if (await tries(kind, bundle)) isSmaller = true;
          else at += bundle.length;
        }
  }
  return { ...best, runs };
};

export const replayOf = ({ scenario, seed }: Report, skip: Deeds): string => {
  const text = encodeDeeds(skip);
  return `--scenario ${scenario} --seeds 1 --from ${seed}${text === '' ? '' : ` --skip ${text}`}`;
};

/** The same run once more, with what a person reads of it. */
export const tell = async (
  scenario: Scenario,
  seed: number,
  skip: Deeds,
  line: (text: string) => void,
): Promise<Report> => {
  const options: WorldOptions = { skip, timeline: (text) => line(readable(text)) };
  return runSeed(scenario, seed, options);
};

/** Hosts by the end of their ids: `h12`. */
export const readable = (line: string): string =>
  line.trimEnd().replace(/12D3Koo[1-9A-HJ-NP-Za-km-z]{43}([1-9A-HJ-NP-Za-km-z]{2})/g, 'h$1');

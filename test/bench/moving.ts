/**
 * What readers notice of a host that joins the layout: four hosts on this machine, three of which hold everything. The
 * fourth is taken in, and copies its three quarters; small objects (a row) and objects of 1 MiB (a row and a chunk) are
 * read through the first host all the while. Every few seconds the move is paused or goes on, so that both kinds of
 * reads meet the same load of whatever else this machine does. Promised is twice the 99th percentile of the pauses.
 *
 * The hosts share this machine's cores and disk, which hosts of their own would not: the ratio here is the worse one.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { KiB, MiB, secondMs } from '../../proto/units.ts';
import { type Cloud, startCloud } from './cloud.ts';
import type { BenchOptions } from './main.ts';
import { printTable, round } from './table.ts';
import { quantile } from './times.ts';

const sizes = { '4 KiB': 4 * KiB, '1 MiB': MiB } as const;
type Size = keyof typeof sizes;
const objects: Readonly<Record<Size, number>> = { '4 KiB': 256, '1 MiB': 256 };
/** Readers of each size. */
const lanes = 2;
const writers = 4;
/** A machine that is busy with other things may keep a quorum waiting; the time of a read has its repetitions in it. */
const triesMax = 5;
const ratioPromised = 2;
/** Of a pause, and of what moves between two: long beside a read, short beside the ups and downs of a busy machine. */
const windowMs = 3 * secondMs;
const pollMs = 100;
const newcomer = 'shoal-4';

interface LayoutAnswer {
  readonly layout: { readonly settled: boolean; readonly members: readonly { readonly name: string }[] };
}

const insist = async (cloud: Cloud, ...request: Parameters<Cloud['request']>): Promise<number> => {
  for (let attempt = 1; ; attempt++)
    try {
      return await cloud.request(...request);
    } catch (thrown) {
      if (attempt === triesMax) throw thrown;
    }
};

const fill = async (cloud: Cloud): Promise<void> => {
  await cloud.request('PUT', '/moving');
  for (const size of Object.keys(sizes) as Size[]) {
    let next = 0;
    const writer = async (): Promise<void> => {
      while (next < objects[size])
        await insist(cloud, 'PUT', `/moving/${size.replace(' ', '')}-${next++}`, randomBytes(sizes[size]));
    };
    await Promise.all(Array.from({ length: writers }, writer));
  }
};

/** Ms of each read of each size, until the signal. */
const read = async (cloud: Cloud, stop: AbortSignal): Promise<Readonly<Record<Size, number[]>>> => {
  const times: Record<Size, number[]> = { '4 KiB': [], '1 MiB': [] };
  const lane = async (size: Size, first: number): Promise<void> => {
    for (let index = first; !stop.aborted; index += lanes) {
      const sinceMs = performance.now();
      const length = await insist(cloud, 'GET', `/moving/${size.replace(' ', '')}-${index % objects[size]}`);
      if (length !== sizes[size]) throw new Error(`GET of ${sizes[size]} bytes gave ${length}`);
      times[size].push(performance.now() - sinceMs);
    }
  };
  const all = (Object.keys(sizes) as Size[]).flatMap((size) =>
    Array.from({ length: lanes }, (_, first) => lane(size, first)),
  );
  await Promise.all(all);
  return times;
};

const readFor = (cloud: Cloud, forMs: number): Promise<Readonly<Record<Size, number[]>>> =>
  read(cloud, AbortSignal.timeout(forMs));

const layoutNow = async (cloud: Cloud): Promise<{ readonly isSettled: boolean; readonly isIn: boolean }> => {
  const { layout } = (await cloud.operator('/v1/layout')) as LayoutAnswer;
  return { isSettled: layout.settled, isIn: layout.members.some(({ name }) => name === newcomer) };
};

const setPaused = (cloud: Cloud, paused: boolean): Promise<unknown> =>
  cloud.operator('/v1/layout', { method: 'PATCH', json: { paused } });

export const benchMoving = async ({ seconds }: BenchOptions): Promise<void> => {
  await using cloud = await startCloud(4);
  await cloud.shoal('host', 'drain', newcomer);
  for (let now = await layoutNow(cloud); now.isIn || !now.isSettled; now = await layoutNow(cloud))
    await sleep(pollMs);
  await fill(cloud);
  await readFor(cloud, windowMs);
  await cloud.shoal('host', 'undrain', newcomer);
  while (!(await layoutNow(cloud)).isIn) await sleep(pollMs);
  const still: Record<Size, number[]> = { '4 KiB': [], '1 MiB': [] };
  const moving: Record<Size, number[]> = { '4 KiB': [], '1 MiB': [] };
  for (
    let movedMs = 0;
    movedMs < seconds * secondMs && !(await layoutNow(cloud)).isSettled;
    movedMs += windowMs
  )
    for (const [paused, times] of [
      [true, still],
      [false, moving],
    ] as const) {
      await setPaused(cloud, paused);
      const more = await readFor(cloud, windowMs);
      for (const size of Object.keys(sizes) as Size[]) times[size].push(...more[size]);
    }

  const rows: (string | number)[][] = [];
  for (const size of Object.keys(sizes) as Size[])
    for (const [what, { [size]: times }] of [
      ['move paused', still],
      ['moving', moving],
    ] as const) {
      const p99 = quantile(times, 0.99);
      const ms = [quantile(times, 0.5), p99, Math.max(...times)].map(round);
      rows.push([`${size}, ${what}`, times.length, ...ms, round(p99 / quantile(still[size], 0.99))]);
    }
  printTable(['reads', 'count', 'p50 ms', 'p99 ms', 'max ms', 'p99 / p99 paused'], rows);
  console.log(`promised: the 99th percentile at most ${ratioPromised} times that of the pauses`);
};

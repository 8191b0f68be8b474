/**
 * PUT, GET and DELETE of 4 KiB, 1 MiB and 64 MiB, and LIST of 1,000 names, through one host's Swift or S3, with 1, 16 and 64
 * in flight, against three hosts on this machine. The ratio is to the lowest limit that a case cannot beat:
 *
 *   PUT  MD5 (the ETag), TLS to the other owners (2 copies), the disk that here takes all 3 copies;
 *        of small objects: three synced rows each
 *   GET  plain TLS (the client's own path is no faster), BLAKE3
 *
 * What is deleted was put before, 64 of each size (16 of the largest), so that case ends when they are gone.
 */
import { randomBytes } from 'node:crypto';
import { KiB, MiB } from '../../proto/units.ts';
import { type Pieces, type Request, startCloud } from './cloud.ts';
import { type Limits, measureLimits, printLimits } from './limits.ts';
import type { BenchOptions } from './main.ts';
import { printTable, round } from './table.ts';

const sizes = { '4 KiB': 4 * KiB, '1 MiB': MiB, '64 MiB': 64 * MiB } as const;
const inFlights = [1, 16, 64] as const;
const namesListed = 1000;
/** A case runs at least so many requests, whatever the time. */
const requestsMin = 4;
const limitSeconds = 2;

interface Result {
  readonly perSecond: number;
  readonly medianMs: number;
  /** Of all hosts together, for one request. */
  readonly cpuMs: number;
}

/** Until the time is over, or `count` are done. */
const run = async (
  { cpuMs }: Pick<Door, 'cpuMs'>,
  seconds: number,
  inFlight: number,
  request: (index: number) => Promise<unknown>,
  count?: number,
): Promise<Result> => {
  const times: number[] = [];
  const startCpuMs = await cpuMs();
  const startMs = performance.now();
  let started = 0;
  const worker = async (): Promise<void> => {
    const goesOn = (): boolean =>
      count === undefined
        ? performance.now() - startMs < seconds * 1000 || started < requestsMin
        : started < count;
    while (goesOn()) {
      const beganMs = performance.now();
      await request(started++);
      times.push(performance.now() - beganMs);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  const tookMs = performance.now() - startMs;
  return {
    perSecond: (times.length / tookMs) * 1000,
    medianMs: times.sort((a, b) => a - b)[times.length >> 1] ?? 0,
    cpuMs: ((await cpuMs()) - startCpuMs) / times.length,
  };
};

/** Requests a second that no implementation of this design could pass here, and what stands in the way. */
const bound = (
  limits: Limits,
  method: 'PUT' | 'GET',
  size: number,
  inFlight: number,
): { readonly name: string; readonly perSecond: number } => {
  const bytes = (name: string, megabytes: number) => ({ name, perSecond: (megabytes * 1e6) / size });
  const fsyncs = inFlight > 1 ? limits.parallelFsyncsPerSecond : limits.fsyncsPerSecond;
  const bounds =
    method === 'PUT'
      ? [
          bytes('MD5', limits.md5MBs),
          bytes('TLS / 2', limits.tlsMBs / 2),
          bytes('disk / 3', limits.diskMBs / 3),
          { name: 'fsyncs / 3', perSecond: fsyncs / 3 },
        ]
      : [bytes('TLS', limits.tlsMBs), bytes('BLAKE3', limits.blake3MBs)];
  return bounds.reduce((low, next) => (next.perSecond < low.perSecond ? next : low));
};

type Row = readonly (string | number)[];

/** Where requests go, and what a page of a listing is called there. */
interface Door {
  readonly request: Request;
  cpuMs(): Promise<number>;
  list(container: string): string;
}

const plain = (
  method: string,
  what: string,
  inFlight: number,
  size: number,
  { perSecond, medianMs, cpuMs }: Result,
  limit?: { readonly name: string; readonly perSecond: number },
): Row => [
  ...[method, what, inFlight, size === 0 ? '' : round((perSecond * size) / 1e6), round(perSecond)],
  round(medianMs),
  cpuMs.toFixed(2),
  limit?.name ?? '',
  limit ? `${round((100 * perSecond) / limit.perSecond)} %` : '',
];

/** Every object differs, or equal chunks would be stored once; windows over the same noise take no memory of their own. */
const freshSource = (size: number): (() => Pieces) => {
  const chunk = Math.min(size, 4 * MiB);
  const noise = randomBytes(chunk);
  let puts = 0;
  return () => {
    puts += 1;
    const of = puts;
    return {
      length: size,
      pieces: (function* () {
        for (let at = 0; at < size; at += chunk) {
          const first = Buffer.alloc(8);
          first.writeUInt32LE(of);
          first.writeUInt32LE(at, 4);
          yield first;
          yield noise.subarray(8, Math.min(chunk, size - at));
        }
      })(),
    };
  };
};

const benchSize = async (
  door: Door,
  limits: Limits,
  name: keyof typeof sizes,
  seconds: number,
): Promise<Row[]> => {
  const { request } = door;
  const size = sizes[name];
  const rows: Row[] = [];
  const container = `/bench-${size}`;
  await request('PUT', container);
  const fresh = freshSource(size);
  const put = (index: number): Promise<number> => request('PUT', `${container}/${index}`, fresh());
  const get =
    (stored: number) =>
    async (index: number): Promise<void> => {
      const length = await request('GET', `${container}/${index % stored}`);
      if (length !== size) throw new Error(`GET of ${size} bytes gave ${length}`);
    };
  const seed = size >= 64 * MiB ? 16 : 64;
  for (let index = 0; index < seed; index++) await put(index);
  for (const method of ['PUT', 'GET'] as const)
    for (const inFlight of inFlights) {
      // As many names as there are in flight: changes of one object take turns.
      const names = Math.max(seed, inFlight);
      const work = method === 'PUT' ? (index: number) => put(index % names) : get(seed);
      const result = await run(door, seconds, inFlight, work);
      rows.push(plain(method, name, inFlight, size, result, bound(limits, method, size, inFlight)));
    }
  for (const inFlight of inFlights) {
    for (let index = 0; index < seed; index++) await put(index);
    const result = await run(door, 0, inFlight, (index) => request('DELETE', `${container}/${index}`), seed);
    rows.push(plain('DELETE', name, inFlight, 0, result));
  }
  return rows;
};

const benchList = async (door: Door, seconds: number): Promise<Row[]> => {
  const { request, list } = door;
  const container = '/bench-list';
  await request('PUT', container);
  const name = (index: number): string => `${container}/name-${String(index).padStart(6, '0')}`;
  await run(door, 0, 16, (index) => request('PUT', name(index), new Uint8Array(1)), namesListed);
  const rows: Row[] = [];
  for (const inFlight of inFlights)
    rows.push(
      plain(
        'LIST',
        `${namesListed} names`,
        inFlight,
        0,
        await run(door, seconds, inFlight, () => request('GET', list(container))),
      ),
    );
  return rows;
};

const benchDoor = async (
  doorOf: (cloud: Awaited<ReturnType<typeof startCloud>>) => Door,
  seconds: number,
): Promise<void> => {
  const limits = await measureLimits(limitSeconds);
  printLimits(limits);
  await using cloud = await startCloud();
  const door = doorOf(cloud);
  const rows: Row[] = await benchList(door, seconds);
  for (const name of Object.keys(sizes) as (keyof typeof sizes)[])
    rows.push(...(await benchSize(door, limits, name, seconds)));
  console.log();
  printTable(
    ['method', 'size', 'in flight', 'MB/s', 'ops/s', 'median ms', 'CPU ms', 'limit', 'of limit'],
    rows,
  );
};

export const benchObject = ({ seconds }: BenchOptions): Promise<void> =>
  benchDoor(
    ({ request, cpuMs }) => ({
      request,
      cpuMs,
      list: (container) => `${container}?format=json&limit=${namesListed}`,
    }),
    seconds,
  );

export const benchS3 = ({ seconds }: BenchOptions): Promise<void> =>
  benchDoor(
    ({ requestS3: request, cpuMs }) => ({
      request,
      cpuMs,
      list: (container) => `${container}?list-type=2&max-keys=${namesListed}`,
    }),
    seconds,
  );

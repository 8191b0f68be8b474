/**
 * PUT and GET of 4 KiB, 1 MiB and 64 MiB through one host's Swift API, 1 and 16 in flight, against three hosts on
 * this machine. The ratio is to the lowest limit that a case cannot beat:
 *
 *   PUT  MD5 (the ETag), TLS to the other owners (2 copies), the disk that here takes all 3 copies;
 *        of small objects: three synced rows each
 *   GET  plain TLS (the client's own path is no faster), BLAKE3
 */
import { randomBytes } from 'node:crypto';
import { KiB, MiB } from '../../proto/units.ts';
import { type Cloud, startCloud } from './cloud.ts';
import { type Limits, measureLimits, printLimits } from './limits.ts';
import type { BenchOptions } from './main.ts';
import { printTable, round } from './table.ts';

const sizes = { '4 KiB': 4 * KiB, '1 MiB': MiB, '64 MiB': 64 * MiB } as const;
const inFlights = [1, 16] as const;
/** A case runs at least so many requests, whatever the time. */
const requestsMin = 4;
const limitSeconds = 2;

interface Result {
  readonly perSecond: number;
  readonly medianMs: number;
}

const run = async (
  seconds: number,
  inFlight: number,
  request: (index: number) => Promise<unknown>,
): Promise<Result> => {
  const times: number[] = [];
  const startMs = performance.now();
  let started = 0;
  const worker = async (): Promise<void> => {
    while (performance.now() - startMs < seconds * 1000 || started < requestsMin) {
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

const benchSize = async (
  cloud: Cloud,
  limits: Limits,
  name: keyof typeof sizes,
  seconds: number,
): Promise<(string | number)[][]> => {
  const size = sizes[name];
  const rows: (string | number)[][] = [];
  const container = `/bench-${size}`;
  await cloud.request('PUT', container);
  const noise = randomBytes(size + MiB);
  let puts = 0;
  // Every object differs, or equal chunks would be stored once; a window over noise is cheap to draw.
  const fresh = (): Uint8Array => {
    noise.writeUInt32LE(puts++, (puts * 7919) % MiB);
    const start = (puts * 104_729) % MiB;
    const bytes = Buffer.from(noise.subarray(start, start + size));
    for (let at = 0; at < size; at += 4 * MiB) bytes.writeUInt32LE(puts, at);
    return bytes;
  };
  const put = async (index: number): Promise<void> => {
    await cloud.request('PUT', `${container}/${index}`, fresh());
  };
  const get =
    (stored: number) =>
    async (index: number): Promise<void> => {
      const length = await cloud.request('GET', `${container}/${index % stored}`);
      if (length !== size) throw new Error(`GET of ${size} bytes gave ${length}`);
    };
  const seed = size >= 64 * MiB ? 4 : 64;
  for (let index = 0; index < seed; index++) await put(index);
  for (const method of ['PUT', 'GET'] as const)
    for (const inFlight of inFlights) {
      const work = method === 'PUT' ? (index: number) => put(index % seed) : get(seed);
      const { perSecond, medianMs } = await run(seconds, inFlight, work);
      const limit = bound(limits, method, size, inFlight);
      rows.push([
        method,
        name,
        inFlight,
        round((perSecond * size) / 1e6),
        round(perSecond),
        round(medianMs),
        limit.name,
        `${round((100 * perSecond) / limit.perSecond)} %`,
      ]);
    }
  return rows;
};

export const benchObject = async ({ seconds }: BenchOptions): Promise<void> => {
  const limits = await measureLimits(limitSeconds);
  printLimits(limits);
  await using cloud = await startCloud();
  const rows: (string | number)[][] = [];
  for (const name of Object.keys(sizes) as (keyof typeof sizes)[])
    rows.push(...(await benchSize(cloud, limits, name, seconds)));
  console.log();
  printTable(['method', 'size', 'in flight', 'MB/s', 'ops/s', 'median ms', 'limit', 'of limit'], rows);
};

/**
 * Chunks on four hosts with TLS between them and an fsync on each, three copies of each chunk. Beside, of a put, three
 * bare files of that size written and fsynced on the same disk; of a get through a host that holds no copy, the same
 * bytes from another host's memory. Then the times of such gets, of the row and the chunk as for an object, before and
 * after one of the three owners is stopped: its connections stay open and nothing comes (SIGSTOP). And what it costs to
 * keep a chunk encrypted.
 */
import { createCipheriv, randomBytes } from 'node:crypto';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chunkBytesMax } from '../../agent/chunk/limits.ts';
import type { Content } from '../../agent/chunk/port.ts';
import { openVault } from '../../agent/chunk/vault.ts';
import { KiB, MiB, secondMs } from '../../proto/units.ts';
import { type Ground, startGround } from './ground.ts';
import type { BenchOptions } from './main.ts';
import { rate, share } from './rate.ts';
import { printTable, round } from './table.ts';
import { quantile } from './times.ts';

const sizes = { '32 KiB': 32 * KiB, '256 KiB': 256 * KiB, '1 MiB': MiB, '4 MiB': 4 * MiB } as const;
const inFlights = [1, 8] as const;
const copies = 3;
/** How many are read in turn: more than a run of luck, few enough for the page cache. */
const chunksRead = 32;
const readersAtOnce = 4;

const collect = async (source: AsyncIterable<Uint8Array>): Promise<number> => {
  let length = 0;
  for await (const piece of source) length += piece.length;
  return length;
};
async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield bytes;
}

let users = 0;
/** Random bytes, so that nothing packs, and other ones each time, so that nothing is there already. */
const put = async ({ here }: Ground, size: number): Promise<Content> => {
  const { content } = await here.chunks.content.write(once(randomBytes(size)), {
    ...{ user: `bench-${users++}`, bytesMax: size, inlineBytesMax: 0, digests: [] },
  });
  return content;
};

/** Held by the three other hosts alone. */
const putElsewhere = async (ground: Ground, size: number): Promise<Content> => {
  const { ring, peer } = ground.here;
  for (;;) {
    const content = await put(ground, size);
    const [chunk] = content.kind === 'chunks' ? content.chunks : [];
    if (chunk && !ring.owners(ring.partitionOf(chunk.id)).includes(peer.self)) return content;
  }
};

const writeBare = async (path: string, bytes: Uint8Array): Promise<void> => {
  const file = await open(path, 'w');
  await file.write(bytes);
  await file.sync();
  await file.close();
};

/** What a vault adds to each chunk, on one core; beside it the cipher alone. */
const benchVault = async (seconds: number): Promise<void> => {
  const key = randomBytes(32);
  const vault = openVault(key);
  const bytes = randomBytes(chunkBytesMax);
  const sealed = vault.seal(bytes);
  const cipher = async () => createCipheriv('aes-256-ctr', key, sealed.iv).update(bytes);
  const limit = await rate(seconds, 1, cipher);
  const line = (what: string, perSecond: number): (string | number)[] => [
    what,
    round(1000 / perSecond),
    share(perSecond, limit),
  ];
  printTable(
    ['4 MiB in a vault', 'ms', 'of the bare cipher'],
    [
      line('seal', await rate(seconds, 1, async () => vault.seal(bytes))),
      line('open', await rate(seconds, 1, async () => vault.open(sealed))),
    ],
  );
};

/** Ms of each read, in the order in which they began. */
const timed = async (forMs: number, work: (index: number) => Promise<void>): Promise<number[]> => {
  const startMs = performance.now();
  const times: number[] = [];
  let count = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() - startMs < forMs) {
      const index = count++;
      const sinceMs = performance.now();
      await work(index);
      times[index] = performance.now() - sinceMs;
    }
  };
  await Promise.all(Array.from({ length: readersAtOnce }, lane));
  return times;
};

const benchPutAndGet = async (ground: Ground, seconds: number, directory: string): Promise<void> => {
  const { here, others } = ground;
  const [other = here.peer.self] = others;
  const rows: (string | number)[][] = [];
  const add = (what: string, lanes: number, size: number, perSecond: number, limit: number): void =>
    void rows.push([
      what,
      lanes,
      round(perSecond),
      round((perSecond * size) / 1e6),
      round((limit * size) / 1e6),
      share(perSecond, limit),
    ]);
  for (const [name, size] of Object.entries(sizes)) {
    const bytes = randomBytes(size);
    const there = await Promise.all(Array.from({ length: chunksRead }, () => putElsewhere(ground, size)));
    for (const lanes of inFlights) {
      const bare = (index: number) =>
        Promise.all(
          Array.from({ length: copies }, (_, copy) =>
            writeBare(join(directory, `${index % lanes}-${copy}`), bytes),
          ),
        );
      add(
        `put, ${name}`,
        lanes,
        size,
        await rate(seconds, lanes, () => put(ground, size)),
        await rate(seconds, lanes, bare),
      );
    }
    for (const lanes of inFlights) {
      const get = (index: number) => collect(here.chunks.content.read(there[index % chunksRead] as Content));
      const memory = async () => collect((await here.peer.bulk.request(other, 'GET', `bench/${size}`)).body);
      add(`get, ${name}`, lanes, size, await rate(seconds, lanes, get), await rate(seconds, lanes, memory));
    }
  }
  printTable(
    ['chunks, 3 copies on 4 hosts', 'in flight', 'per second', 'MB/s', 'limit MB/s', 'of limit'],
    rows,
  );
  console.log(`limit: of a put ${copies} bare files, fsynced; of a get the same bytes from a host's memory`);
};

const benchStall = async (ground: Ground, seconds: number): Promise<void> => {
  const { here } = ground;
  const rows: (string | number)[][] = [];
  const victim = ground.pids[0] ?? process.exit(1);
  for (const { name, hasRow } of [
    { name: '32 KiB', hasRow: false },
    { name: '32 KiB', hasRow: true },
    { name: '1 MiB', hasRow: true },
  ] as const) {
    const size = sizes[name];
    const there = await Promise.all(Array.from({ length: chunksRead }, () => putElsewhere(ground, size)));
    await Promise.all(
      there.map((_, index) => here.things.put('stall', `${name}-${index}`, { bytes: randomBytes(200) })),
    );
    const read = async (index: number): Promise<void> => {
      if (hasRow) await here.things.get('stall', `${name}-${index % chunksRead}`);
      const length = await collect(here.chunks.content.read(there[index % chunksRead] as Content));
      if (length !== size) throw new Error(`${length} of ${size} bytes came`);
    };
    await timed(secondMs, read);
    const before = await timed(seconds * secondMs, read);
    process.kill(victim, 'SIGSTOP');
    const after = await timed(seconds * secondMs, read).finally(() => process.kill(victim, 'SIGCONT'));
    await ground.settled();
    const normal = quantile(before, 0.99);
    const line = (what: string, times: readonly number[]): void => {
      const p99 = quantile(times, 0.99);
      const ms = [quantile(times, 0.5), p99, Math.max(...times)].map(round);
      rows.push([
        `${hasRow ? 'row and chunk' : 'chunk'}, ${name}, ${what}`,
        times.length,
        ...ms,
        round(p99 / normal),
      ]);
    };
    line('all well', before);
    line('one owner stopped', after);
    line('the first 1,000 after the stop', after.slice(0, 1_000));
  }
  printTable(['reads', 'count', 'p50 ms', 'p99 ms', 'max ms', 'p99 / p99 all well'], rows);
};

export const benchChunk = async ({ seconds }: BenchOptions): Promise<void> => {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-bench-chunk-'));
  try {
    await benchVault(seconds);
    await using ground = await startGround(copies + 1);
    await benchPutAndGet(ground, seconds, directory);
    await benchStall(ground, seconds);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
};

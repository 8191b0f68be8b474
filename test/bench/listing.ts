/**
 * A page of a listing out of a thousand rows, and out of a million in many ranges (docs/design/0016-split.md): quorum range reads over
 * three hosts with TLS between them. And what it costs a put that its table may split. Each number stands beside that of the other in
 * the same run.
 *
 * The ranges are made by real splits of few rows, spread over all names; then they are filled up on the disks of all hosts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeSortKey, placeFinder } from '../../agent/table/keys.ts';
import { listGroups, scanGroup } from '../../agent/table/row-store.ts';
import { type Filling, fillGroup, rowNameOf } from './fill-group.ts';
import { type Ground, type GroundHost, groundSplitRows, splitTable, startGround } from './ground.ts';
import type { BenchOptions } from './main.ts';
import { rate } from './rate.ts';
import { printTable, round } from './table.ts';

const table = 'bench-thing';
const pageRows = 500;
/** Rows in one transaction of a host. */
const fillRows = 1_000;
const rowBytes = 300;
const lanes = 4;
const splitMsMax = 600_000;
/** Of the rows in many ranges: one of so many is there when they split. */
const thinned = 100;

interface Group {
  readonly table: string;
  readonly partitionKey: string;
  readonly rows: number;
}
const small: Group = { table, partitionKey: 'small', rows: 1_000 };
const split: Group = { table: splitTable, partitionKey: 'split', rows: 1_000_000 };

interface Put {
  readonly perSecond: number;
  readonly cpuMs: number;
}
const putTurns = 5;

type Part = Pick<Filling, 'table' | 'partitionKey' | 'from' | 'to' | 'step'>;

const fill = async ({ here, others }: Ground, part: Part): Promise<void> => {
  const { step = 1 } = part;
  for (let from = part.from; from < part.to; from += fillRows * step) {
    const to = Math.min(part.to, from + fillRows * step);
    const filling = { ...part, from, to, bytes: rowBytes, writer: here.peer.self };
    await Promise.all([
      fillGroup({ ring: here.ring, rows: here.rowStore }, filling),
      ...others.map((host) => here.rpc.request(host, 'bench.fill', filling, { timeoutMs: 60_000 })),
    ]);
  }
};

/** Its ranges, in the order of their rows, as this host has them. */
const rangesOf = ({ rowStore, ring }: GroundHost) => {
  const findPlace = placeFinder(ring);
  const all = { from: new Uint8Array(), to: null, reverse: false, limit: 1, values: false };
  return listGroups(rowStore)
    .flatMap(({ record }) => (record.table === splitTable ? record : []))
    .map(({ partitionKey, rows }) => {
      const [first] = scanGroup(rowStore, findPlace(splitTable, partitionKey), all).rows;
      return { partitionKey, rows, first: first?.sortKey ?? '' };
    })
    .sort((a, b) => Buffer.compare(encodeSortKey(a.first), encodeSortKey(b.first)));
};

const untilSplit = async (host: GroundHost, rows: number): Promise<void> => {
  const endMs = performance.now() + splitMsMax;
  const isSplit = (): boolean => {
    const ranges = rangesOf(host);
    return (
      ranges.every((range) => range.rows <= groundSplitRows) &&
      ranges.reduce((sum, range) => sum + range.rows, 0) === rows
    );
  };
  while (!isSplit()) {
    if (performance.now() > endMs) throw new Error(`after ${splitMsMax} ms not split yet`);
    await sleep(200);
  }
};

/** Gives the number of ranges. */
const fillSplit = async (ground: Ground): Promise<number> => {
  const { here, others } = ground;
  const rows = split.rows / thinned;
  const startMs = performance.now();
  await fill(ground, { ...split, from: 0, to: split.rows, step: thinned });
  await untilSplit(here, rows);
  const ranges = rangesOf(here);
  console.log(
    `${rows} rows split into ${ranges.length} in ${round((performance.now() - startMs) / 1_000)} s`,
  );
  here.splitting.splitRows = split.rows;
  for (const host of others) await here.rpc.request(host, 'bench.split-rows', split.rows, {});
  const starts = ranges.map(({ first }) => Number(first.slice(-'000000000.jpg'.length, -'.jpg'.length)));
  for (const [index, { partitionKey }] of ranges.entries())
    await fill(ground, {
      ...{ table: splitTable, partitionKey },
      ...{ from: starts[index] ?? 0, to: starts[index + 1] ?? split.rows },
    });
  return ranges.length;
};

export const benchListing = async ({ seconds }: BenchOptions): Promise<void> => {
  await using ground = await startGround(3);
  const { here } = ground;
  const startMs = performance.now();
  const ranges = await fillSplit(ground);
  await fill(ground, { ...small, from: 0, to: small.rows });
  await ground.settled();
  console.log(`filled in ${round((performance.now() - startMs) / 1_000)} s`);

  const rowsOf = (group: Group) => (group.table === splitTable ? here.splitThings : here.things);
  const page = async (group: Group, after: string | undefined): Promise<void> => {
    const range = { limit: pageRows, ...(after === undefined ? {} : { after }) };
    const { entries } = await rowsOf(group).range(group.partitionKey, range);
    if (entries.length !== pageRows) throw new Error(`a page of ${entries.length} rows`);
  };
  const cases: Readonly<Record<string, (group: Group) => Promise<void>>> = {
    [`the first ${pageRows} rows`]: (group) => page(group, undefined),
    [`${pageRows} rows from anywhere`]: (group) =>
      page(group, rowNameOf(Math.floor(Math.random() * (group.rows - pageRows - 1)))),
    async 'number and weight of all'(group) {
      const { rows } = await rowsOf(group).tally(group.partitionKey);
      if (rows !== group.rows) throw new Error(`a tally of ${rows} rows`);
    },
  };
  const compare = async (one: Group, other: Group): Promise<(string | number)[][]> => {
    const results: (string | number)[][] = [];
    for (const [what, work] of Object.entries(cases)) {
      const first = await rate(seconds, lanes, () => work(one));
      const second = await rate(seconds, lanes, () => work(other));
      results.push([what, round(first), round(second), round(second / first)]);
    }
    return results;
  };
  printTable(
    ['what', `of ${small.rows}, per s`, `of ${split.rows} in ${ranges} ranges, per s`, 'ratio'],
    await compare(small, split),
  );

  const bytes = Buffer.alloc(rowBytes, 'x');
  const puts = async (things: GroundHost['things']): Promise<Put> => {
    const before = process.cpuUsage();
    let count = 0;
    const perSecond = await rate(seconds / putTurns, 16, (index) => {
      count++;
      return things.put('few', rowNameOf(index % 500), { bytes });
    });
    const { user, system } = process.cpuUsage(before);
    return { perSecond, cpuMs: (user + system) / 1_000 / count };
  };
  // In turns, for the machine is never the same for long.
  const [never, may] = [[], []] as [Put[], Put[]];
  for (let turn = 0; turn < putTurns; turn++) {
    never.push(await puts(here.things));
    may.push(await puts(here.splitThings));
  }
  const mean = (of: readonly Put[], what: keyof Put): number =>
    of.reduce((sum, each) => sum + each[what], 0) / of.length;
  const line = (name: string, what: keyof Put): (string | number)[] => {
    const [one, other] = [mean(never, what), mean(may, what)];
    return [name, round(one), round(other), round(other / one)];
  };
  printTable(
    ['a put into few rows of a table that', 'never splits', 'may split', 'ratio'],
    [line('per s', 'perSecond'), line('CPU of this host, ms', 'cpuMs')],
  );
};

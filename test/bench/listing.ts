/**
 * A page of a listing out of a thousand rows, and out of a million: quorum range reads over three hosts with TLS
 * between them. Then out of as many rows in one range and in several (docs/design/0016-split.md). Each number stands beside that
 * of the other group in the same run.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { listGroups } from '../../agent/table/row-store.ts';
import { fillGroup, rowNameOf } from './fill-group.ts';
import { type GroundHost, groundSplitRows, splitTable, startGround } from './ground.ts';
import type { BenchOptions } from './main.ts';
import { rate } from './rate.ts';
import { printTable, round } from './table.ts';

const table = 'bench-thing';
const pageRows = 500;
/** Rows in one transaction of a host. */
const fillRows = 5_000;
const rowBytes = 300;
const lanes = 4;
const splitMsMax = 300_000;

interface Group {
  readonly table: string;
  readonly partitionKey: string;
  readonly rows: number;
}
const small: Group = { table, partitionKey: 'small', rows: 1_000 };
const large: Group = { table, partitionKey: 'large', rows: 1_000_000 };
const whole: Group = { table, partitionKey: 'whole', rows: 20_000 };
const split: Group = { ...whole, table: splitTable, partitionKey: 'split' };

/** Partition keys of its ranges. */
const rangesOf = ({ rowStore }: GroundHost) =>
  listGroups(rowStore)
    .map(({ record }) => record)
    .filter((record) => record.table === splitTable);

const untilSplit = async (host: GroundHost): Promise<void> => {
  const endMs = performance.now() + splitMsMax;
  const isSplit = (): boolean =>
    rangesOf(host).every(({ rows }) => rows <= groundSplitRows) &&
    rangesOf(host).reduce((sum, { rows }) => sum + rows, 0) === split.rows;
  while (!isSplit()) {
    if (performance.now() > endMs) throw new Error(`after ${splitMsMax} ms not split yet`);
    await sleep(50);
  }
};

export const benchListing = async ({ seconds }: BenchOptions): Promise<void> => {
  await using ground = await startGround(3);
  const { here, others } = ground;
  const startMs = performance.now();
  for (const group of [small, large, whole, split])
    for (let from = 0; from < group.rows; from += fillRows) {
      const filling = {
        ...{ ...group, from, to: Math.min(group.rows, from + fillRows), bytes: rowBytes },
        writer: here.peer.self,
      };
      await Promise.all([
        fillGroup({ ring: here.ring, rows: here.rowStore }, filling),
        ...others.map((host) => here.rpc.request(host, 'bench.fill', filling, { timeoutMs: 60_000 })),
      ]);
    }
  await ground.settled();
  console.log(`filled in ${round((performance.now() - startMs) / 1_000)} s`);
  const splitMs = performance.now();
  await untilSplit(here);
  const ranges = rangesOf(here).length;
  console.log(`${split.rows} rows split into ${ranges} in ${round((performance.now() - splitMs) / 1_000)} s`);

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
    ['what', `of ${small.rows}, per s`, `of ${large.rows}, per s`, 'ratio'],
    await compare(small, large),
  );
  printTable(
    ['what', `of ${whole.rows} in one range, per s`, `in ${ranges}, per s`, 'ratio'],
    await compare(whole, split),
  );
};

/**
 * A page of a listing out of a thousand rows, and out of a million: quorum range reads over three hosts with TLS
 * between them. Each number stands beside that of the small group in the same run.
 */
import { fillGroup, rowNameOf } from './fill-group.ts';
import { startGround } from './ground.ts';
import type { BenchOptions } from './main.ts';
import { rate } from './rate.ts';
import { printTable, round } from './table.ts';

const table = 'bench-thing';
const sizes = { small: 1_000, large: 1_000_000 } as const;
const rowBytes = 300;
const pageRows = 500;
/** Rows in one transaction of a host. */
const fillRows = 5_000;
const lanes = 4;

export const benchListing = async ({ seconds }: BenchOptions): Promise<void> => {
  await using ground = await startGround(3);
  const { here, others } = ground;
  const startMs = performance.now();
  for (const [partitionKey, rows] of Object.entries(sizes))
    for (let from = 0; from < rows; from += fillRows) {
      const filling = {
        ...{ table, partitionKey, from, to: Math.min(rows, from + fillRows), bytes: rowBytes },
        writer: here.peer.self,
      };
      await Promise.all([
        fillGroup({ ring: here.ring, rows: here.rowStore }, filling),
        ...others.map((host) => here.rpc.request(host, 'bench.fill', filling, { timeoutMs: 60_000 })),
      ]);
    }
  await ground.settled();
  console.log(`filled in ${round((performance.now() - startMs) / 1_000)} s`);

  type Group = keyof typeof sizes;
  const page = async (group: Group, after: string | undefined): Promise<void> => {
    const range = { limit: pageRows, ...(after === undefined ? {} : { after }) };
    const { entries } = await here.things.range(group, range);
    if (entries.length !== pageRows) throw new Error(`a page of ${entries.length} rows`);
  };
  const cases: Readonly<Record<string, (group: Group) => Promise<void>>> = {
    [`the first ${pageRows} rows`]: (group) => page(group, undefined),
    [`${pageRows} rows from anywhere`]: (group) =>
      page(group, rowNameOf(Math.floor(Math.random() * (sizes[group] - pageRows - 1)))),
    async 'number and weight of all'(group) {
      const { rows } = await here.things.tally(group);
      if (rows !== sizes[group]) throw new Error(`a tally of ${rows} rows`);
    },
  };
  const results: (string | number)[][] = [];
  for (const [what, work] of Object.entries(cases)) {
    const small = await rate(seconds, lanes, () => work('small'));
    const large = await rate(seconds, lanes, () => work('large'));
    results.push([what, round(small), round(large), round(large / small)]);
  }
  printTable(['what', `of ${sizes.small}, per s`, `of ${sizes.large}, per s`, 'ratio'], results);
};

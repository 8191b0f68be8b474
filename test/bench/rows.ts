/**
 * Rows on three hosts with TLS between them and an fsync on each: writes of 256 bytes and 4 KiB, and quorum range
 * reads of 1,000 rows. Beside, of a write, the bare replicated write (see `register.ts`); of a range, the same 1,000
 * rows read from this host's store while another host sends the keys of its own.
 */
import { randomBytes } from 'node:crypto';
import { KiB } from '../../proto/units.ts';
import { startGround, writeBare } from './ground.ts';
import type { BenchOptions } from './main.ts';
import { rate, share } from './rate.ts';
import { bareWrite } from './register.ts';
import { printTable, round } from './table.ts';

const inFlights = [1, 16, 128] as const;
const sizes = { '256 B': 256, '4 KiB': 4 * KiB } as const;
const rangeRows = 1_000;
const rangeRowBytes = 256;
const listed = 'listed';

export const benchRows = async ({ seconds }: BenchOptions): Promise<void> => {
  await using ground = await startGround(3);
  const { here, others } = ground;
  const rows: (string | number)[][] = [];
  const add = (what: string, lanes: number, perSecond: number, limit: number): void =>
    void rows.push([what, lanes, round(perSecond), round(limit), share(perSecond, limit)]);

  const bytes = randomBytes(rangeRowBytes);
  for (let at = 0; at < rangeRows; at += 100)
    await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        await here.things.put(listed, `row-${at + index}`, { bytes });
        const row = { key: Buffer.from(`row-${at + index}`), value: bytes };
        await writeBare(here.bare, row);
        await Promise.all(others.map((host) => here.rpc.request(host, 'bench.write', row)));
      }),
    );
  const [other = here.peer.self] = others;
  const readBare = async (): Promise<number> => {
    const theirs = here.rpc.request(other, 'bench.keys', null) as Promise<readonly unknown[]>;
    const mine = [...here.bare.range({})].map(({ key, value }) => [key, value.length] as const);
    return mine.length + (await theirs).length;
  };
  const range = async (): Promise<void> => {
    const { entries, more } = await here.things.range(listed, { limit: rangeRows });
    if (entries.length !== rangeRows || more) throw new Error(`a range of ${entries.length} rows`);
  };
  for (const lanes of [1, 16])
    add(
      `range of ${rangeRows} rows of ${rangeRowBytes} B`,
      lanes,
      await rate(seconds, lanes, range),
      await rate(seconds, lanes, readBare),
    );

  for (const [name, size] of Object.entries(sizes)) {
    const value = randomBytes(size);
    for (const lanes of inFlights) {
      const limit = await rate(seconds, lanes, () => bareWrite(ground, value));
      const write = (index: number) => here.things.put('written', `${name}-${index}`, { bytes: value });
      add(`write, ${name}`, lanes, await rate(seconds, lanes, write), limit);
    }
    const get = (index: number) => here.things.get('written', `${name}-${index % 16}`);
    const echo = () => here.rpc.request(other, 'bench.echo', value);
    add(`read, ${name}`, 16, await rate(seconds, 16, get), await rate(seconds, 16, echo));
  }
  printTable(['rows on 3 hosts', 'in flight', 'per second', 'limit', 'of limit'], rows);
  console.log(
    'limit: of a write the bare replicated write, of a read an echo, of a range 2 x 1,000 bare rows',
  );
};

/** The rows of a range one by one, fetched `range.limit` at a time. Throws what a range throws. */
import type { Entry, Page, TableRange } from './port.ts';

interface Ranged<Row> {
  range(partitionKey: string, range: TableRange): Promise<Page<Row>>;
}

export async function* walkRows<Row>(
  table: Ranged<Row>,
  partitionKey: string,
  range: TableRange,
): AsyncGenerator<Entry<Row>, void, undefined> {
  let from: Pick<TableRange, 'after'> = {};
  for (;;) {
    const page = await table.range(partitionKey, { ...range, ...from });
    yield* page.entries;
    const last = page.entries.at(-1);
    if (!page.more || !last) return;
    from = { after: last.sortKey };
  }
}

/** Writes rows for ever, or as many as it is told, and says the number of each once it is acknowledged. Its test kills it. */
import { writeSync } from 'node:fs';
import { openKeyValue } from '../../agent/store/lmdb-key-value.ts';

const [directory = '', count = 'Infinity'] = process.argv.slice(2);
const store = openKeyValue({ directory });
for (let index = 1; index <= Number(count); index++) {
  await store.transact((writer) =>
    writer.put(new TextEncoder().encode(`row-${index}`), new Uint8Array(index % 3_000)),
  );
  writeSync(1, `${index}\n`);
}
await store.close();

/** A process that stores chunks until it is killed; it prints the id of each one that was acknowledged. */
import { randomBytes } from 'node:crypto';
import { writeSync } from 'node:fs';
import { openChunkFiles } from '../../agent/chunk/chunk-files.ts';
import { chunkIdOf } from '../../agent/chunk/chunk-name.ts';
import { systemRuntime } from '../../agent/runtime/system/runtime.ts';

const files = await openChunkFiles(systemRuntime({ level: 'error' }), {
  directories: [process.argv[2] ?? ''],
  reserveBytes: 0,
});
const store = async (): Promise<void> => {
  for (;;) {
    const bytes = randomBytes(1 + Math.floor(Math.random() * 500_000));
    const id = chunkIdOf(bytes);
    await files.put(id, bytes);
    writeSync(1, `${id}\n`);
  }
};
await Promise.all(Array.from({ length: 8 }, store));

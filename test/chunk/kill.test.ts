import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { openChunkFiles } from '../../agent/chunk/chunk-files.ts';
import { systemRuntime } from '../../agent/runtime/system/runtime.ts';
import type { ChunkId } from '../../proto/ids.ts';

test('chunk files: kill -9 at any point loses no acknowledged chunk and leaves no half one', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-kill-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const runtime = systemRuntime({ level: 'error', destination: { write: () => {} } });
  const acknowledged = new Set<ChunkId>();
  for (let life = 0; life < 4; life++) {
    const child = spawn(
      process.execPath,
      [fileURLToPath(new URL('./mortal.ts', import.meta.url)), directory],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    let text = '';
    const ended = once(child, 'close');
    const target = acknowledged.size + 20 + life * 7;
    child.stdout.on('data', (piece) => {
      text += piece;
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) acknowledged.add(line as ChunkId);
      if (acknowledged.size >= target) child.kill('SIGKILL');
    });
    await ended;
    const files = await openChunkFiles(runtime, { directories: [directory], reserveBytes: 0 });
    t.deepEqual(await readdir(join(directory, 'v1', 'temp')), []);
    const listed = await Array.fromAsync(files.list());
    for (const id of listed) t.truthy(await files.read(id), 'whatever has a name is whole');
    for (const id of acknowledged) t.true(listed.includes(id), `${id} was acknowledged`);
  }
  t.true(acknowledged.size >= 100);
});

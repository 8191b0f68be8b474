import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { errorTable } from '../../proto/error.ts';
import { takePorts } from '../ports.ts';

const bin = fileURLToPath(new URL('../../cli/bin.js', import.meta.url));

test('dev up: a place where an agent of another cluster serves is refused, and none is started', async (t) => {
  const port = await takePorts(10);
  const foreign = createServer((_request, response) => response.end(JSON.stringify({ ready: true })));
  foreign.listen(port, '127.0.0.1');
  await once(foreign, 'listening');
  t.teardown(() => foreign.close());
  const data = await mkdtemp(join(tmpdir(), 'shoal-dev-'));
  t.teardown(() => rm(data, { recursive: true, force: true }));

  const { code, stderr } = await new Promise<{ code: unknown; stderr: string }>((resolve) => {
    const words = ['dev', 'up', '--hosts', '1', '--port', String(port), '--data', data, '--detach'];
    execFile(process.execPath, [bin, ...words], (error, _stdout, text) =>
      resolve({ code: error?.code ?? 0, stderr: text }),
    );
  });

  t.is(code, errorTable.CONFLICT.exit);
  t.regex(stderr, /^shoal: Cannot start shoal-1: an agent of another cluster serves http:/m);
  t.false((await readdir(join(data, 'shoal-1'))).includes('rehearsal.pid'));
});

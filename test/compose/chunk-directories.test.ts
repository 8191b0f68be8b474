/** `shoal init --chunks A --chunks B`, and the agent that it makes. */
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { readConfig } from '../../agent/compose/host-config.ts';
import { startAgent } from '../../agent/compose.ts';
import { errorTable } from '../../proto/error.ts';
import { openUser } from '../chaos/client.ts';
import { run, shoalBin } from '../e2e/cloud.ts';
import { recordingRuntime } from '../peer/cluster.ts';
import { takePorts } from '../ports.ts';
import { until } from '../until.ts';

const shoal = (...words: string[]) => run(process.execPath, [shoalBin, ...words]);

test('shoal init: chunks are kept in the directories that it is given, and in no other', async (t) => {
  t.timeout(600_000);
  const root = await mkdtemp(join(tmpdir(), 'shoal-disks-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  const data = join(root, 'data');
  const disks = [join(root, 'a'), join(root, 'b')] as const;
  const init = async () => {
    const chunks = disks.flatMap((disk) => ['--chunks', disk]);
    return shoal('init', '--data', data, '--port', String(await takePorts(10)), ...chunks);
  };

  const refused = await init();
  t.is(refused.status, errorTable.BAD_REQUEST.exit);
  t.regex(refused.err, /Cannot use --chunks \S+a: it is no folder, make or mount it/);

  for (const disk of disks) await mkdir(disk);
  const made = await init();
  t.is(made.status, 0, made.err);
  t.deepEqual(readConfig(data).chunkDirectories, [...disks]);

  const { runtime } = recordingRuntime();
  const agent = await startAgent({ runtime }, data);
  t.teardown(() => agent.stop());
  const host = { name: 'one', apiUrl: agent.apiUrl };
  const user = openUser(join(data, 'clouds.yaml'));
  await until('it is ready', async () => (await user.token(host).catch(() => '')) !== '');
  t.is((await user.object(host, 'PUT', 'c')).status, 201);
  const objects = 24;
  for (let index = 0; index < objects; index++)
    t.is(
      (await user.object(host, 'PUT', `c/${index}`, { body: Buffer.alloc(100_000, `${index}.`) })).status,
      201,
    );

  const filesIn = async (folder: string): Promise<number> =>
    (await readdir(folder, { recursive: true })).filter((name) => /[0-9a-f]{64}$/.test(name)).length;
  const held = await Promise.all(disks.map(filesIn));
  t.is(
    held.reduce((sum, count) => sum + count, 0),
    objects,
  );
  t.true(Math.min(...held) > 0, `${held}`);
  t.is(await filesIn(data), 0);
});

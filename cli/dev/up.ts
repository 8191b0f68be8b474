/** shoal dev up: real agents, real invites and joins, on one machine. Doing it twice does no harm. */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { clusterRoutes } from '../../proto/rest/cluster.ts';
import { connect } from '../client.ts';
import { hostArguments, runAgentCommand, startAgent } from './agent-process.ts';
import { writeCloudsFile } from './clouds-file.ts';
import { patiently } from './patience.ts';
import type { Rehearsal, RehearsalHost } from './rehearsal.ts';
import { writeS3File } from './s3-file.ts';
import { ensureSystemPrograms } from './system-programs.ts';
import { waitUntilHealthy } from './watch.ts';

const inviteSeconds = 300;

/** `config.json` is the last thing that init and join write. */
const belongs = (host: RehearsalHost): boolean => existsSync(join(host.dataDir, 'config.json'));

const joinCluster = async (rehearsal: Rehearsal, host: RehearsalHost): Promise<void> => {
  const { invite } = await patiently(async () => {
    const client = await connect({ data: rehearsal.directory });
    return client.call(clusterRoutes.createInvite, { json: { expiresInSeconds: inviteSeconds } });
  });
  await runAgentCommand(['join', invite.token, ...hostArguments(rehearsal, host)]);
};

export const bringUp = async (rehearsal: Rehearsal, say: (line: string) => void): Promise<void> => {
  ensureSystemPrograms(say);
  const [first, ...others] = rehearsal.hosts;
  if (!first) return;
  for (const host of rehearsal.hosts) await mkdir(host.dataDir, { recursive: true, mode: 0o700 });
  if (!belongs(first)) {
    say(`Making a cluster with ${first.name} ...`);
    await runAgentCommand(['init', '--cluster', 'shoal', ...hostArguments(rehearsal, first)]);
  }
  writeCloudsFile(rehearsal);
  // Hosts that know each other need each other for quorums: they start together.
  const known = rehearsal.hosts.filter(belongs);
  if (known.length > 1) say(`Starting ${known.map((host) => host.name).join(', ')} ...`);
  await Promise.all(known.map(startAgent));
  for (const host of others.filter((other) => !belongs(other))) {
    say(`Joining ${host.name} ...`);
    await joinCluster(rehearsal, host);
    await startAgent(host);
  }
  await waitUntilHealthy(rehearsal);
  await patiently(() => writeS3File(rehearsal));
};

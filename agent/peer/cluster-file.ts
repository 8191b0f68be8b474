/**
 * What makes a data directory a host of a cluster:
 *
 *   key             the host key                                     openHostKey
 *   roster.json     who is allowed in, voted and signed              openRoster
 *   addresses.json  where they were last found                       openAddressBook
 *   welcome         what the composition gave to the new host        readWelcome
 *   cluster.json    id, name, founder, secret, topic (mode 0600)     written last: without it nothing was joined
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { codec } from '../../proto/codec.ts';
import { ShoalError } from '../../proto/error.ts';
import { type ClusterId, type HostId, newClusterId } from '../../proto/ids.ts';
import { ClusterFacts } from '../../proto/message/peer.ts';
import { HostName } from '../../proto/message/roster.ts';
import { readFileIfExists, writeFileAtomic } from '../base/atomic-file.ts';
import { toBase64Url } from '../base/bytes.ts';
import type { Runtime } from '../runtime/ports.ts';
import { checker } from './check.ts';
import { openHostKey } from './host-key.ts';
import { emptyRoster, signStep } from './roster-chain.ts';
import { writeRoster } from './roster-file.ts';

const checkFacts = checker('cluster file', ClusterFacts);
export const checkHostName = checker('name', HostName);
const welcomes = codec<unknown>('welcome');

/** Undefined: this directory belongs to no cluster yet. Throws DAMAGED. */
export const readClusterFile = async (directory: string): Promise<ClusterFacts | undefined> => {
  const path = join(directory, 'cluster.json');
  const stored = await readFileIfExists(path);
  if (!stored) return undefined;
  try {
    return checkFacts(JSON.parse(Buffer.from(stored).toString()));
  } catch (cause) {
    throw new ShoalError('DAMAGED', `Cannot read ${JSON.stringify(path)}: copy it from another host`, {
      cause,
    });
  }
};

export const writeClusterFile = (directory: string, facts: ClusterFacts): Promise<void> =>
  writeFileAtomic(join(directory, 'cluster.json'), `${JSON.stringify(facts, null, 2)}\n`, { mode: 0o600 });

export const writeWelcome = (directory: string, welcome: unknown): Promise<void> =>
  writeFileAtomic(join(directory, 'welcome'), welcomes.encode(welcome), { mode: 0o600 });

/** What `JoinHooks.welcome` gave when this host joined; undefined at the founder. */
export const readWelcome = async (directory: string): Promise<unknown> => {
  const stored = await readFileIfExists(join(directory, 'welcome'));
  return stored && welcomes.decode(stored);
};

/** The directory, which strangers on the same machine may not enter; refused when it belongs to a cluster. */
export const prepareDirectory = async (directory: string): Promise<void> => {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const present = await readClusterFile(directory);
  if (present)
    throw new ShoalError(
      'CONFLICT',
      `Cannot use ${JSON.stringify(directory)}: it belongs to cluster ${present.name} (${present.clusterId})`,
    );
};

/** `shoal init`: a cluster of one host. Throws CONFLICT when the directory belongs to a cluster. */
export const createCluster = async (
  world: { readonly runtime: Pick<Runtime, 'chance' | 'clock' | 'log'> },
  settings: { readonly directory: string; readonly name: string; readonly hostName: string },
): Promise<{ readonly cluster: ClusterFacts; readonly hostId: HostId }> => {
  const { chance, clock } = world.runtime;
  const { directory } = settings;
  const name = checkHostName(settings.name);
  const hostName = checkHostName(settings.hostName);
  await prepareDirectory(directory);
  const key = await openHostKey(directory);
  const cluster: ClusterFacts = {
    clusterId: newClusterId(),
    name,
    founder: key.hostId,
    secret: toBase64Url(chance.bytes(32)),
    topic: toBase64Url(chance.bytes(32)),
  };
  const clusterId = cluster.clusterId as ClusterId;
  const first = signStep(key, clusterId, {
    ...{ version: 1, previous: null, forced: false, atMs: Math.max(0, Math.floor(clock.wallMs())) },
    change: { kind: 'add', hostId: key.hostId, name: hostName, expiresAtMs: null },
  });
  // One that an interrupted init left is replaced: nobody was let in by it.
  await writeRoster(directory, { host: key.hostId, base: emptyRoster, steps: [first], vote: null });
  await writeClusterFile(directory, cluster);
  return { cluster, hostId: key.hostId };
};

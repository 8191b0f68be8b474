/**
 * One host's log as held here: a hypercore. Its key is computed from the host's own key, the cluster and the
 * epoch, so a log cannot be passed off as another host's, and every block is covered by a signature of that host.
 */
import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import Hypercore, { type CoreStorage } from 'hypercore';
import { codec } from '../../proto/codec.ts';
import type { ClusterId, HostId } from '../../proto/ids.ts';
import { type LogName, StoredEvent } from '../../proto/message/journal.ts';
import { checker } from '../peer/check.ts';
import { type HostKey, publicKeyOf } from '../peer/host-key.ts';
import type { Log } from '../runtime/ports.ts';
import type { JournalRecord } from './port.ts';

export interface HostLog {
  readonly name: LogName;
  /** In cursors. */
  readonly id: string;
  readonly discoveryKey: string;
  readonly core: Hypercore;
  /** Exchange it with the host at the other end. A log with two versions is read but no longer exchanged. */
  replicate(connection: Duplex): void;
  /** Records that can be read here: 0 up to this, excluded. */
  readonly length: () => number;
  /** Undefined for a block that holds no event: nobody's event is lost with it, it never was one. */
  record(sequence: number): Promise<JournalRecord | undefined>;
}

export const logId = ({ host, epoch }: LogName): string => `${host}.${epoch}`;

export const eventCodec = codec<unknown>('journal event');
const checkEvent = checker('journal event', StoredEvent);

export const openLog = async (
  world: {
    readonly log: Log;
    readonly storage: CoreStorage;
    /** Two versions of one position are signed: only the owner's key can have done that. */
    readonly conflict: () => void;
  },
  settings: {
    readonly clusterId: ClusterId;
    readonly name: LogName;
    /** Present for this host's own log. */
    readonly key?: HostKey;
    readonly contradicted?: boolean;
  },
): Promise<HostLog> => {
  const { name } = settings;
  const host = name.host as HostId;
  const namespace = createHash('sha256')
    .update(`shoal journal\n${settings.clusterId}\n${name.epoch}`)
    .digest();
  const manifest = { version: 1, signers: [{ publicKey: Buffer.from(publicKeyOf(host)), namespace }] };
  const key = Hypercore.key(manifest);
  const own = settings.key && {
    publicKey: Buffer.from(settings.key.keyPair.publicKey),
    secretKey: Buffer.from(settings.key.keyPair.secretKey),
  };
  const core = new Hypercore({
    core: Hypercore.createCore(world.storage, {
      key,
      manifest,
      allowFork: false,
      ...(own ? { keyPair: own } : {}),
    }),
    writable: own !== undefined,
  });
  await core.ready();
  core.on('conflict', (length: number) => {
    world.log.error('journal history was rewritten', { host, epoch: name.epoch, length });
    world.conflict();
  });
  // Its own host, too, may lack blocks: after its disk forgot some, others' copies give them back.
  core.download({ start: 0, end: -1 });

  return {
    name,
    id: logId(name),
    discoveryKey: Buffer.from(Hypercore.discoveryKey(key)).toString('hex'),
    core,
    replicate(connection) {
      if (!settings.contradicted) core.replicate(connection);
    },
    length: () => (own ? core.length : core.contiguousLength),
    async record(sequence) {
      const block = await core.get(sequence, { wait: false });
      if (!block) return undefined;
      try {
        const event = checkEvent(eventCodec.decode(block));
        return { ...event, host, sequence } as JournalRecord;
      } catch (thrown) {
        world.log.warn('journal block is no event', { host, sequence, error: thrown });
        return undefined;
      }
    },
  };
};

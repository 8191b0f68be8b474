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
import { toBase64Url } from '../base/bytes.ts';
import { checker } from '../peer/check.ts';
import { type HostKey, publicKeyOf, verifySignature } from '../peer/host-key.ts';
import type { Log } from '../runtime/ports.ts';
import { blockEventsMax } from './limits.ts';
import type { JournalRecord } from './port.ts';

export interface HostLog {
  readonly name: LogName;
  /** In cursors. */
  readonly id: string;
  readonly discoveryKey: string;
  readonly core: Hypercore;
  /** Exchange it with the host at the other end. A log with two versions is read but no longer exchanged. */
  replicate(connection: Duplex): void;
  /** Sequences that can be read here: 0 up to this, excluded. Not every one has a record. */
  readonly length: () => number;
  /**
   * A sequence is the number of a block and a place in it: block x `blockEventsMax` + place. Undefined for a place
   * that was left free and for what is no event: nobody's event is lost with it, it never was one.
   */
  record(sequence: number): Promise<JournalRecord | undefined>;
}

export const logId = ({ host, epoch }: Pick<LogName, 'host' | 'epoch'>): string => `${host}.${epoch}`;

const nameBytes = (clusterId: ClusterId, { host, epoch }: Pick<LogName, 'host' | 'epoch'>): Uint8Array =>
  Buffer.from(`shoal journal log\n${JSON.stringify([clusterId, host, epoch])}`);
export const signLogName = (key: HostKey, clusterId: ClusterId, epoch: number): LogName => {
  const name = { host: key.hostId, epoch };
  return { ...name, signature: toBase64Url(key.sign(nameBytes(clusterId, name))) };
};
/** Did its host begin it? */
export const isLogName = (clusterId: ClusterId, name: LogName): boolean =>
  verifySignature(name.host as HostId, nameBytes(clusterId, name), Buffer.from(name.signature, 'base64url'));

/** Version 1 was a single event. */
export const blockCodec = codec<unknown>('journal block', [(event: unknown) => [event]]);
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

  const readBlock = async (number: number): Promise<readonly unknown[]> => {
    const block = await core.get(number, { wait: false });
    if (!block) {
      // It may come yet.
      newest = undefined;
      return [];
    }
    try {
      const events = blockCodec.decode(block);
      if (Array.isArray(events)) return events;
      throw new Error('it is no list');
    } catch (thrown) {
      world.log.warn('journal block holds no events', { host, block: number, error: thrown });
      return [];
    }
  };
  /** Readers walk from one sequence to the next. */
  let newest: { readonly number: number; readonly events: Promise<readonly unknown[]> } | undefined;

  return {
    name,
    id: logId(name),
    discoveryKey: Buffer.from(Hypercore.discoveryKey(key)).toString('hex'),
    core,
    replicate(connection) {
      if (!settings.contradicted) core.replicate(connection);
    },
    length: () => (own ? core.length : core.contiguousLength) * blockEventsMax,
    async record(sequence) {
      const number = Math.floor(sequence / blockEventsMax);
      if (newest?.number !== number) newest = { number, events: readBlock(number) };
      const event = (await newest.events)[sequence % blockEventsMax];
      if (event === undefined) return undefined;
      try {
        return { ...checkEvent(event), host, sequence } as JournalRecord;
      } catch (thrown) {
        world.log.warn('journal record is no event', { host, sequence, error: thrown });
        return undefined;
      }
    },
  };
};

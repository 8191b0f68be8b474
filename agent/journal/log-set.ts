/**
 * The logs held by this host: its own and copies of others', in one RocksDB. `logs.json` names them, own first;
 * it is written before a log is opened, so none is forgotten.
 *
 * The own log is only ever continued, never begun again under the same name: copies elsewhere would contradict it
 * and stop for good. Where its data is gone, torn beyond reading, or contradicted by a copy (a disk that lost
 * what it had acknowledged), a new one begins under a new epoch.
 */
import { mkdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import Hypercore, { type CoreStorage } from 'hypercore';
import type { ClusterId } from '../../proto/ids.ts';
import { type LogName, LogNames } from '../../proto/message/journal.ts';
import { readFileIfExists, writeFileAtomic } from '../base/atomic-file.ts';
import { serial } from '../base/serial.ts';
import { checker } from '../peer/check.ts';
import type { HostKey } from '../peer/host-key.ts';
import type { Clock, Log } from '../runtime/ports.ts';
import { logsMax, logsPerHostMax } from './limits.ts';
import { type HostLog, isLogName, logId, openLog, signLogName } from './log.ts';

export interface LogSet {
  list(): readonly HostLog[];
  /** Where this host's events go. */
  own(): HostLog;
  /** Opens those that are not held yet and that their hosts have signed, up to `logsMax`, `logsPerHostMax` of each. */
  adopt(names: readonly LogName[]): Promise<void>;
  close(): Promise<void>;
}

export const checkLogNames = checker('journal logs', LogNames);

export const openLogSet = async (
  world: {
    readonly clock: Clock;
    readonly log: Log;
    readonly key: HostKey;
    /** A log was opened: replicate it. */
    readonly opened: (log: HostLog) => void;
    /** Others should hear which logs there are now. */
    readonly changed: () => void;
  },
  settings: { readonly directory: string; readonly clusterId: ClusterId },
): Promise<LogSet> => {
  const { clock, key, log } = world;
  const { clusterId, directory } = settings;
  const self = key.hostId;
  const namesPath = join(directory, 'logs.json');
  const coresPath = join(directory, 'cores');
  const changes = serial('journal logs', logsMax);
  const logs = new Map<string, HostLog>();
  let storage: CoreStorage;
  let own: HostLog;
  let closed = false;

  const newName = (): LogName => signLogName(key, clusterId, Math.floor(clock.wallMs()));
  const isTrue = (name: LogName): boolean => isLogName(clusterId, name);
  const names = (): LogName[] => [...logs.values()].map((one) => one.name);
  const writeNames = (all: readonly LogName[]): Promise<void> =>
    writeFileAtomic(namesPath, JSON.stringify(all));

  const open = async (name: LogName, isOwn: boolean, isContradicted = false): Promise<HostLog> => {
    const opened = await openLog(
      { log, storage, conflict: () => void contradicted(name, isOwn) },
      { clusterId, name, contradicted: isContradicted, ...(isOwn ? { key } : {}) },
    );
    logs.set(opened.id, opened);
    world.opened(opened);
    return opened;
  };

  /** hypercore closes a log with two versions; what is held stays readable, and our own goes on under a new name. */
  const contradicted = (name: LogName, isOwn: boolean): Promise<void> =>
    changes
      .run(async () => {
        if (closed) return;
        await logs.get(logId(name))?.core.close();
        await open(name, false, true);
        if (!isOwn) return;
        const next = newName();
        await writeNames([next, ...names()]);
        own = await open(next, true);
        world.changed();
      })
      .catch((thrown) => log.error('contradicted log not reopened', { host: name.host, error: thrown }));

  const read = async (): Promise<readonly LogName[]> => {
    try {
      const stored = await readFileIfExists(namesPath);
      return stored ? checkLogNames(JSON.parse(Buffer.from(stored).toString())).filter(isTrue) : [];
    } catch (thrown) {
      log.error('list of logs dropped', { path: namesPath, error: thrown });
      return [];
    }
  };

  const start = async (known: readonly LogName[]): Promise<HostLog> => {
    const ownName = known.find((name) => name.host === self) ?? newName();
    const others = known.filter((name) => name !== ownName);
    storage = Hypercore.defaultStorage(coresPath);
    await writeNames([ownName, ...others]);
    const opened = await open(ownName, true);
    for (const name of others) await open(name, false);
    return opened;
  };

  await mkdir(directory, { recursive: true });
  const hasCores = await stat(coresPath).then(
    () => true,
    () => false,
  );
  const known = await read();
  try {
    own = await start(hasCores ? known : known.filter((name) => name.host !== self));
  } catch (thrown) {
    const aside = `${coresPath}.${clock.wallMs()}.broken`;
    log.error('journal cannot be read: it is set aside, a new one begins', { path: aside, error: thrown });
    logs.clear();
    await rename(coresPath, aside);
    own = await start(known.filter((name) => name.host !== self));
  }

  return {
    list: () => [...logs.values()],
    own: () => own,
    adopt: (wanted) =>
      changes.run(async () => {
        const held = new Map<string, number>();
        for (const { name } of logs.values()) held.set(name.host, (held.get(name.host) ?? 0) + 1);
        const fresh = wanted
          .filter((name) => !logs.has(logId(name)) && isTrue(name))
          .filter(({ host }) => {
            const count = (held.get(host) ?? 0) + 1;
            held.set(host, count);
            return count <= logsPerHostMax;
          })
          .slice(0, logsMax - logs.size);
        if (fresh.length === 0 || closed) return;
        await writeNames([...names(), ...fresh]);
        for (const name of fresh) await open(name, false);
      }),
    close: () =>
      changes.run(async () => {
        closed = true;
        for (const { core } of logs.values()) await core.close();
        await storage.close();
      }),
  };
};

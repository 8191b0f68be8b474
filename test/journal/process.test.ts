/** Two processes: how soon the journals of both are whole again after one was killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test, { type ExecutionContext } from 'ava';
import { compareBytes } from '../../agent/base/bytes.ts';
import { openJournal } from '../../agent/journal/open-journal.ts';
import { openHostKey } from '../../agent/peer/host-key.ts';
import { joinCluster } from '../../agent/peer/join.ts';
import type { ClusterId } from '../../proto/ids.ts';
import { recordingRuntime, startCluster, tempDirectory } from '../peer/cluster.ts';
import { takePorts } from '../ports.ts';
import { until } from '../until.ts';

/** It takes below a second; on a busy machine more, but not the 12 to 20 s of hyperswarm alone. */
const catchUpMs = 5_000;

interface Child {
  readonly process: ChildProcess;
  readonly seen: Set<string>;
}

const startChild = (t: ExecutionContext, directory: string, dhtPort: number): Child => {
  const script = new URL('./child-journal.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [script, directory, `${dhtPort}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const seen = new Set<string>();
  createInterface(child.stdout).on('line', (line) => seen.add(line));
  return { process: child, seen };
};

/** A directory whose host key sorts before or after another: the smaller one dials. */
const directoryOfKey = async (
  t: ExecutionContext,
  publicKey: Uint8Array,
  isSmaller: boolean,
): Promise<string> => {
  const directory = await tempDirectory(t);
  while (compareBytes((await openHostKey(directory)).publicKey, publicKey) < 0 !== isSmaller)
    await rm(join(directory, 'key'));
  return directory;
};

for (const isSmaller of [true, false])
  test(`process: after kill -9 of the host that ${isSmaller ? 'dials' : 'is dialled'} journals are exchanged again within seconds`, async (t) => {
    const { hosts, register } = await startCluster(t, 1, { discovery: { host: '127.0.0.1', port: 0 } });
    const [host] = hosts;
    if (!host) return t.fail();
    const { peer } = host;
    const journal = await openJournal(
      {
        runtime: host.runtime,
        ...{ key: peer.key, rpc: peer.rpc, roster: peer.roster, discovery: peer.discovery },
      },
      { directory: host.directory, clusterId: peer.cluster.clusterId as ClusterId },
    );
    t.teardown(() => journal.stop());
    const append = (target: string): void =>
      journal.append({ requestId: null, actor: null, action: 'test', target, outcome: 'done' });
    const reads = async (target: string): Promise<boolean> =>
      (await journal.read({ limit: 100 })).records.some((record) => record.target === target);

    const directory = await directoryOfKey(t, peer.key.publicKey, isSmaller);
    const { token, inviteId } = peer.invites.issue();
    register.issued.set(inviteId, undefined);
    await joinCluster({ runtime: recordingRuntime().runtime }, token, { directory, hostName: 'host-2' });
    append('before');
    const dhtPort = await takePorts(2);
    let child = startChild(t, directory, dhtPort);
    await until('the child has the event', () => child.seen.has('before'));
    await until('its event is here', () => reads(`${child.process.pid}`));

    for (let round = 0; round < 2; round++) {
      child.process.kill('SIGKILL');
      await once(child.process, 'exit');
      append(`while it was down ${round}`);
      child = startChild(t, directory, dhtPort);
      await until('it runs', () => child.seen.has('before'));
      const startMs = performance.now();
      await until('its event is here', () => reads(`${child.process.pid}`), catchUpMs);
      await until('it has what it missed', () => child.seen.has(`while it was down ${round}`), catchUpMs);
      append(`after ${round}`);
      await until('it has what came after', () => child.seen.has(`after ${round}`), catchUpMs);
      t.log(`caught up ${Math.round(performance.now() - startMs)} ms after its start`);
    }
    t.pass();
  });

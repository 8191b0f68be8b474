/** Two processes: what the death of one means to the other. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import test, { type ExecutionContext } from 'ava';
import { joinCluster } from '../../agent/peer/join.ts';
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { steadyClock } from '../fake/steady-time.ts';
import { until } from '../until.ts';
import { recordingRuntime, startCluster, tempDirectory } from './cluster.ts';

interface Child {
  readonly process: ChildProcess;
  readonly hostId: HostId;
  readonly listen: string;
}

const startChild = async (t: ExecutionContext, directory: string, listen: string): Promise<Child> => {
  const script = new URL('./child-host.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [script, directory, listen], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  if (!child.stdout) throw new Error('the child has a standard output');
  for await (const line of createInterface(child.stdout)) {
    const { hostId, addresses } = JSON.parse(line);
    return { process: child, hostId, listen: addresses.peer[0] };
  }
  throw new Error('the child ended before it was up');
};

test('process: when a host dies its requests fail at once, and when it is back they work again', async (t) => {
  const { hosts, register } = await startCluster(t, 1);
  const [host] = hosts;
  if (!host) return t.fail();
  const invite = host.peer.invites.issue();
  register.issued.set(invite.inviteId, undefined);
  const directory = await tempDirectory(t);
  await joinCluster({ runtime: recordingRuntime().runtime }, invite.token, { directory, hostName: 'host-2' });
  const child = await startChild(t, directory, '/ip4/127.0.0.1/tcp/0');
  const { hostId } = child;
  await until('the child is connected', () => host.peer.addressesOf(hostId)?.bulk !== undefined);
  t.is(await host.peer.rpc.request(hostId, 'test.echo', 'hi'), 'hi');

  const hanging = [
    host.peer.rpc.request(hostId, 'test.hang', null, { timeoutMs: 60_000 }),
    host.peer.bulk.request(hostId, 'GET', 'hang/x', { timeoutMs: 60_000 }),
  ];
  const failures = Promise.all(hanging.map((one) => t.throwsAsync(one, { instanceOf: ShoalError })));
  // An echo that comes back says that the requests before it are there.
  await host.peer.rpc.request(hostId, 'test.echo', null);
  const startMs = steadyClock.monotonicMs();
  child.process.kill('SIGKILL');
  await once(child.process, 'exit');
  for (const failure of await failures) t.is(failure?.code, 'UNREACHABLE', failure?.message);
  for (let n = 0; n < 3; n++) {
    const failure = await t.throwsAsync(host.peer.rpc.request(hostId, 'test.echo', n), {
      instanceOf: ShoalError,
    });
    t.is(failure?.code, 'UNREACHABLE');
  }
  t.true(steadyClock.monotonicMs() - startMs < 3_000, 'no timeout was waited for');

  const again = await startChild(t, directory, child.listen);
  t.is(again.hostId, hostId);
  await until('requests work again', () =>
    host.peer.rpc.request(hostId, 'test.echo', 'back').then(
      (answer) => answer === 'back',
      () => false,
    ),
  );
});

test('process: a host that is stopped (SIGSTOP) is cut off after a while, not waited for', async (t) => {
  const { hosts, register } = await startCluster(t, 1);
  const [host] = hosts;
  if (!host) return t.fail();
  const invite = host.peer.invites.issue();
  register.issued.set(invite.inviteId, undefined);
  const directory = await tempDirectory(t);
  await joinCluster({ runtime: recordingRuntime().runtime }, invite.token, { directory, hostName: 'host-2' });
  const child = await startChild(t, directory, '/ip4/127.0.0.1/tcp/0');
  await until('the child is connected', () => host.peer.connections.connected().includes(child.hostId));
  t.is(await host.peer.rpc.request(child.hostId, 'test.echo', 'hi'), 'hi');
  child.process.kill('SIGSTOP');
  const timeout = await t.throwsAsync(
    host.peer.rpc.request(child.hostId, 'test.echo', 1, { timeoutMs: 200 }),
    {
      instanceOf: ShoalError,
    },
  );
  t.is(timeout?.code, 'TIMEOUT');
  const cut = await t.throwsAsync(
    host.peer.rpc.request(child.hostId, 'test.echo', 2, { timeoutMs: 60_000 }),
    {
      instanceOf: ShoalError,
    },
  );
  t.is(cut?.code, 'UNREACHABLE');
  child.process.kill('SIGCONT');
  await until('requests work again', () =>
    host.peer.rpc.request(child.hostId, 'test.echo', 'back').then(
      (answer) => answer === 'back',
      () => false,
    ),
  );
});

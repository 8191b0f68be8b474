import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { openQmp, type QmpEvent } from '../../agent/compute/hypervisor/qmp.ts';
import { hasCode } from '../../proto/error.ts';

/** A monitor that plays QEMU: `answer` gets each command. */
const monitor = async (
  t: ExecutionContext,
  answer: (socket: Socket, command: { execute: string; id: number }) => void,
): Promise<{ folder: string; name: string }> => {
  const folder = mkdtempSync(join(tmpdir(), 'shoal-qmp-'));
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.write('{"QMP": {"version": {}, "capabilities": []}}\r\n');
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      for (const line of data.toString().split('\n').filter(Boolean)) {
        const command = JSON.parse(line);
        if (command.execute === 'qmp_capabilities') socket.write(`{"return": {}, "id": ${command.id}}\n`);
        else answer(socket, command);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(join(folder, 'm.sock'), resolve));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { folder, name: 'm.sock' };
};

test('qmp: answers find their commands in any order, cut anywhere, with events between', async (t) => {
  const place = await monitor(t, (socket, { execute, id }) => {
    if (execute === 'first') return;
    socket.write('{"event": "STOP", "data": {"a": 1}, "timestamp": {}}\r\n{"return": "two", "i');
    setTimeout(() => socket.write(`d": ${id}}\n{"return": "one", "id": ${id - 1}}\n`), 10);
  });
  const events: QmpEvent[] = [];
  const qmp = await openQmp(place, (event) => events.push(event));
  t.deepEqual(await Promise.all([qmp.execute('first'), qmp.execute('second')]), ['one', 'two']);
  t.deepEqual(events, [{ event: 'STOP', data: { a: 1 } }]);
  qmp.close();
  await qmp.closed;
  t.true(hasCode(await t.throwsAsync(qmp.execute('late')), 'UNREACHABLE'));
});

test('qmp: an error of QEMU is told in its words, a monitor that closes fails what waits', async (t) => {
  const place = await monitor(t, (socket, { execute, id }) => {
    if (execute === 'bad')
      socket.write(`{"error": {"class": "GenericError", "desc": "no such thing"}, "id": ${id}}\n`);
    else socket.destroy();
  });
  const qmp = await openQmp(place, () => undefined);
  await t.throwsAsync(qmp.execute('bad'), { message: /no such thing/ });
  t.true(hasCode(await t.throwsAsync(qmp.execute('quit')), 'UNREACHABLE'));
  await qmp.closed;
});

test('qmp: a monitor that floods with one endless line is cut off', async (t) => {
  const place = await monitor(t, (socket) => {
    socket.write('x'.repeat(2 * 1024 * 1024));
  });
  const qmp = await openQmp(place, () => undefined);
  t.true(hasCode(await t.throwsAsync(qmp.execute('x')), 'UNREACHABLE'));
});

test('qmp: no more commands wait than the bound says', async (t) => {
  const place = await monitor(t, () => undefined);
  const qmp = await openQmp(place, () => undefined);
  const waiting = Array.from({ length: 16 }, () => qmp.execute('slow').catch(() => undefined));
  t.true(hasCode(await t.throwsAsync(qmp.execute('one more')), 'BUSY'));
  qmp.close();
  await Promise.all(waiting);
});

test('qmp: where no monitor listens it is unreachable', async (t) => {
  const thrown = await t.throwsAsync(
    openQmp({ folder: tmpdir(), name: 'nobody-listens.sock' }, () => undefined),
  );
  t.true(hasCode(thrown, 'UNREACHABLE'));
});

/**
 * QEMU's monitor (QMP): JSON lines over a unix socket. A greeting, `qmp_capabilities`, then commands with ids,
 * answers, and events between them. https://www.qemu.org/docs/master/interop/qmp-spec.html
 */
import { open } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { ShoalError } from '../../../proto/error.ts';
import { deadline } from '../../base/deadline.ts';
import { qmpLineBytesMax, qmpPendingMax, qmpTimeoutMs } from '../limits.ts';

export interface Qmp {
  /** Throws INTERNAL with QEMU's words, TIMEOUT, UNREACHABLE when the monitor closes, BUSY. */
  execute(command: string, parameters?: Readonly<Record<string, unknown>>): Promise<unknown>;
  /** Resolves when the connection has ended, from either side. */
  readonly closed: Promise<void>;
  close(): void;
}

export interface QmpEvent {
  readonly event: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

interface Reply {
  readonly QMP?: unknown;
  readonly event?: string;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly id?: number;
  readonly return?: unknown;
  readonly error?: { readonly class: string; readonly desc: string };
}

/**
 * A unix socket's path has 107 bytes at most, a data directory may be deeper: the folder is opened and the socket
 * named through its descriptor, so its length does not matter.
 */
const connectIn = async (folder: string, name: string): Promise<Socket> => {
  const handle = await open(folder, 'r');
  try {
    const socket = connect(`/proc/self/fd/${handle.fd}/${name}`);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve).once('error', reject);
    });
    return socket;
  } finally {
    await handle.close();
  }
};

/** Greeting and capabilities are done when it resolves. QEMU serves one client at a time: a second one waits in vain. */
export const openQmp = async (
  place: { readonly folder: string; readonly name: string },
  onEvent: (event: QmpEvent) => void,
): Promise<Qmp> => {
  const unreachable = (cause: unknown): ShoalError =>
    new ShoalError('UNREACHABLE', `Cannot reach the monitor in ${place.folder}: it does not answer`, {
      cause,
    });
  const socket = await connectIn(place.folder, place.name).catch((cause: unknown) => {
    throw unreachable(cause);
  });
  const waiting = new Map<number, (reply: Reply) => void>();
  const greeted = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  let nextId = 0;
  let text = '';

  const take = (reply: Reply): void => {
    if (reply.QMP) greeted.resolve();
    else if (reply.event) onEvent({ event: reply.event, ...(reply.data && { data: reply.data }) });
    else if (reply.id !== undefined) waiting.get(reply.id)?.(reply);
  };
  socket.setEncoding('utf8');
  socket.on('data', (piece: string) => {
    text += piece;
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    try {
      if (text.length > qmpLineBytesMax) throw new Error(`a line of more than ${qmpLineBytesMax} bytes`);
      for (const line of lines) if (line.trim()) take(JSON.parse(line) as Reply);
    } catch (cause) {
      socket.destroy(cause instanceof Error ? cause : undefined);
    }
  });
  socket.on('error', () => undefined);
  const handleClose = (): void => {
    const gone = { class: 'Closed', desc: 'the monitor closed' };
    for (const answer of waiting.values()) answer({ error: gone });
    greeted.reject(unreachable(undefined));
    ended.resolve();
  };
  socket.on('close', handleClose);
  // A QEMU that died between accepting and now: the event is over.
  if (socket.closed) handleClose();

  const execute: Qmp['execute'] = async (command, parameters) => {
    if (socket.destroyed) throw unreachable(undefined);
    if (waiting.size >= qmpPendingMax)
      throw new ShoalError('BUSY', `Cannot ask the monitor to ${command}: ${qmpPendingMax} commands wait`);
    const id = nextId++;
    using limit = deadline(`ask the monitor to ${command}`, qmpTimeoutMs);
    try {
      const reply = await new Promise<Reply>((resolve, reject) => {
        waiting.set(id, resolve);
        limit.signal.addEventListener('abort', () => reject(limit.signal.reason), { once: true });
        socket.write(`${JSON.stringify({ execute: command, arguments: parameters, id })}\n`);
      });
      if (reply.error?.class === 'Closed') throw unreachable(undefined);
      if (reply.error)
        throw new ShoalError('INTERNAL', `Cannot ${command}: QEMU says ${reply.error.desc}`, {
          details: { class: reply.error.class },
        });
      return reply.return;
    } finally {
      waiting.delete(id);
    }
  };

  using limit = deadline('greet the monitor', qmpTimeoutMs);
  limit.signal.addEventListener('abort', () => greeted.reject(limit.signal.reason), { once: true });
  try {
    await greeted.promise;
    await execute('qmp_capabilities');
  } catch (thrown) {
    socket.destroy();
    throw thrown;
  }
  // A monitor that is only listened to must not keep the agent from ending.
  socket.unref();
  return { execute, closed: ended.promise, close: () => socket.destroy() };
};

/**
 * The `Rpc` and `Gossip` ports over the virtual network. Bodies and answers are encoded as on the wire, so nothing is shared by
 * accident. Both ways may lose the message: a request that timed out may have been served.
 */
import type { Bulk, Gossip, Rpc, RpcHandler } from '../../agent/peer/port.ts';
import { codec } from '../../proto/codec.ts';
import { asShoalError, type ErrorCode, hasCode, ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { simBulk } from './bulk.ts';
import type { Host, Program } from './node.ts';
import { ofNextVersion } from './skew.ts';

type Frame =
  | { readonly kind: 'ask'; readonly id: number; readonly method: string; readonly body: unknown }
  | { readonly kind: 'news'; readonly topic: string; readonly body: unknown }
  | { readonly kind: 'answer'; readonly id: number; readonly body: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly code: ErrorCode; readonly message: string };

const wire = codec<Frame>('simulated frame');
/** Whose answer is not waited for. */
const nobody = -1;
/** Long against the weather's delays, short against a client's patience. */
const requestTimeoutMs = 500;

/** One bit of it is another one. */
const lie = ({ world, random }: Host, body: Uint8Array): Uint8Array => {
  if (body.length === 0) return body;
  world.fault('false content');
  const told = Uint8Array.from(body);
  const at = random.int(told.length);
  told[at] = (told[at] ?? 0) ^ (1 << random.int(8));
  return told;
};

export interface SimPeer extends Program {
  readonly rpc: Rpc;
  readonly gossip: Gossip;
  readonly bulk: Bulk;
  /** Requests under way from here. */
  readonly waiting: number;
}

/** Gossip reaches `everyone`, each on a way of its own. */
export const simPeer = (host: Host, everyone: readonly HostId[]): SimPeer => {
  const topics = new Map<string, (from: HostId, body: unknown) => void>();
  const handlers = new Map<string, RpcHandler>();
  const waiting = new Map<number, { resolve(body: unknown): void; reject(error: ShoalError): void }>();
  // A fresh start, so that an answer to an earlier life is recognised as nobody's.
  let id = host.random.int(2 ** 30) * 2 ** 20;

  const send = (to: HostId, frame: Frame): void =>
    host.send(
      to,
      host.isNewer && to !== host.id
        ? ofNextVersion(host.world, host.random, frame, wire.encode)
        : wire.encode(frame),
    );
  /** undefined: of a version that this host does not know. */
  const decode = (message: unknown): Frame | undefined => {
    try {
      return wire.decode(message as Uint8Array);
    } catch (thrown) {
      if (!hasCode(thrown, 'DAMAGED')) throw thrown;
      return undefined;
    }
  };

  const serve = async (from: HostId, frame: Frame & { kind: 'ask' }): Promise<void> => {
    const answer = (reply: Frame): void => {
      if (frame.id !== nobody) send(from, reply);
    };
    try {
      const handler = handlers.get(frame.method);
      if (!handler) throw new ShoalError('NOT_IMPLEMENTED', `Cannot serve ${frame.method}`);
      const body = await handler(from, frame.body, new AbortController().signal);
      answer({ kind: 'answer', id: frame.id, body });
    } catch (thrown) {
      // A refusal is an answer, anything else is a bug: the real agent would log it and limp on.
      if (!(thrown instanceof ShoalError)) host.world.fail(thrown);
      const { code, message } = asShoalError(thrown);
      answer({ kind: 'error', id: frame.id, code, message });
    }
  };

  const rpc: Rpc = {
    self: host.id,
    handle: (method, handler) => void handlers.set(method, handler),
    notify: (to, method, body) => send(to, { kind: 'ask', id: nobody, method, body }),
    request(to, method, body, options = {}) {
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      const asked = id++;
      const settle =
        <T>(end: (value: T) => void) =>
        (value: T): void => {
          if (!waiting.delete(asked)) return;
          cancel();
          signal?.removeEventListener('abort', abort);
          host.world.wake();
          end(value);
        };
      const { signal } = options;
      const abort = (): void => waiter.reject(signal?.reason as ShoalError);
      const waiter = { resolve: settle(resolve), reject: settle(reject) };
      waiting.set(asked, waiter);
      const cancel = host.after(options.timeoutMs ?? requestTimeoutMs, () =>
        waiter.reject(new ShoalError('TIMEOUT', `Cannot ask ${to}: no answer`)),
      );
      if (signal?.aborted) abort();
      else {
        signal?.addEventListener('abort', abort, { once: true });
        send(to, { kind: 'ask', id: asked, method, body });
      }
      return promise;
    },
  };

  const gossip: Gossip = {
    publish(topic, body) {
      for (const to of everyone) if (to !== host.id) send(to, { kind: 'news', topic, body });
    },
    subscribe: (topic, handler) => void topics.set(topic, handler),
  };

  return {
    rpc,
    gossip,
    bulk: simBulk(rpc, (body) => (host.isLying ? lie(host, body) : body)),
    get waiting() {
      return waiting.size;
    },
    handleMessage(from, message) {
      const frame = decode(message);
      if (!frame) return;
      if (frame.kind === 'ask') {
        host.world.note('ask', from, host.id, frame.method);
        host.world.wake();
        void serve(from, frame);
      } else if (frame.kind === 'news') {
        host.world.note('news', from, host.id, frame.topic);
        host.world.wake();
        topics.get(frame.topic)?.(from, frame.body);
      } else if (frame.kind === 'answer') waiting.get(frame.id)?.resolve(frame.body);
      else waiting.get(frame.id)?.reject(new ShoalError(frame.code, frame.message));
    },
  };
};

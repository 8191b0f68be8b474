/**
 * A host that owns registers and changes them for clients: acceptors on its disk, the proposer of the real agent.
 * It does what the shells of tables and layouts do, and no more: load, decide, make durable, reply.
 */
import { type AcceptorState, emptyState, handleRequest } from '../../../agent/register/acceptor.ts';
import { ballotSource } from '../../../agent/register/ballot.ts';
import { changeRegister, type RegisterWorld, readRegister } from '../../../agent/register/change.ts';
import type { Reply, Request, Value } from '../../../agent/register/message.ts';
import type { Promised } from '../../../agent/register/proposer.ts';
import type { QuorumSet } from '../../../agent/register/quorum.ts';
import type { KeyValue } from '../../../agent/store/key-value.ts';
import { codec } from '../../../proto/codec.ts';
import type { HostId } from '../../../proto/ids.ts';
import { simKeyValue } from '../key-value.ts';
import type { Host, Program } from '../node.ts';
import { simPeer } from '../peer.ts';
import { shellRuntime } from '../shell-runtime.ts';

export const stateCodec = codec<AcceptorState>('acceptor state');
export const registerKey = (name: string): Uint8Array => new TextEncoder().encode(name);

/** Serves one request for the register `name`; resolves when the reply may leave. */
export type Acceptor = (name: string, request: Request) => Promise<Reply>;

/** The parts that a planted bug takes the place of. */
export interface RegisterParts {
  openStore(host: Host): KeyValue;
  acceptor(store: KeyValue): Acceptor;
  ask(ask: RegisterWorld['ask']): RegisterWorld['ask'];
  readSets(sets: readonly QuorumSet[]): readonly QuorumSet[];
  ballotRandom(host: Host): () => number;
}

export const soundParts: RegisterParts = {
  openStore: (host) => simKeyValue(host),
  acceptor: (store) => (name, request) =>
    store.transact((writer) => {
      const held = writer.get(registerKey(name));
      const state = held ? stateCodec.decode(held) : emptyState;
      const answer = handleRequest(state, request);
      if (answer.state !== state) writer.put(registerKey(name), stateCodec.encode(answer.state));
      return answer.reply;
    }),
  ask: (ask) => ask,
  readSets: (sets) => sets,
  ballotRandom: (host) => () => host.random.random(),
};

export interface RegisterHost extends Program {
  read(name: string): Promise<Value>;
  change(name: string, next: (current: Value) => Value): Promise<void>;
}

export interface RegisterHostOptions {
  setsOf(name: string): readonly QuorumSet[];
  /** Keep promises for the next change of the same register. */
  readonly keepPromise: boolean;
}

export const registerHost = (
  host: Host,
  options: RegisterHostOptions,
  parts: RegisterParts = soundParts,
): RegisterHost => {
  const { setsOf, keepPromise } = options;
  const { rpc, handleMessage } = simPeer(host, []);
  const runtime = shellRuntime(host);
  const accept = parts.acceptor(parts.openStore(host));
  const ballots = ballotSource(host.id, parts.ballotRandom(host));
  const kept = new Map<string, Promised>();

  rpc.handle('register', (_from, body) => {
    const { name, request } = body as { name: string; request: Request };
    return accept(name, request);
  });

  const worldOf = (name: string): RegisterWorld => ({
    ask: parts.ask(
      async (to: HostId, request: Request) => (await rpc.request(to, 'register', { name, request })) as Reply,
    ),
    ballots,
    timers: runtime.timers,
    clock: runtime.clock,
    chance: runtime.chance,
  });

  return {
    handleMessage,
    async read(name) {
      const access = { name, sets: () => parts.readSets(setsOf(name)) };
      return (await readRegister(worldOf(name), access))?.value ?? null;
    },
    async change(name, next) {
      const promised = kept.get(name) ?? null;
      kept.delete(name);
      const access = { name, sets: () => setsOf(name) };
      const changed = await changeRegister(worldOf(name), { ...access, next, promised, keepPromise });
      if (changed.promised) kept.set(name, changed.promised);
    },
  };
};

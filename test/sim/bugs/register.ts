/**
 * Planted bugs of a register host: each is a mistake that someone could make in a shell or a core. The tests show
 * that the simulator catches every one of them, which is how we know that it would catch the next real one.
 */
import { accept, emptyState, handleRequest } from '../../../agent/register/acceptor.ts';
import type { KeyValue } from '../../../agent/store/key-value.ts';
import { flush, simKeyValue } from '../key-value.ts';
import type { Host } from '../node.ts';
import { type RegisterParts, registerKey, soundParts, stateCodec } from '../program/register-host.ts';

/** The promise stays in memory: only what was accepted goes to disk. A crash forgets the promise. */
const forgottenPromise: RegisterParts = {
  ...soundParts,
  acceptor(store) {
    const promises = new Map<string, ReturnType<typeof stateCodec.decode>['promised']>();
    return (name, request) =>
      store.transact((writer) => {
        const held = writer.get(registerKey(name));
        const durable = held ? stateCodec.decode(held) : emptyState;
        const state = { ...durable, promised: promises.get(name) ?? durable.promised };
        const answer = handleRequest(state, request);
        promises.set(name, answer.state.promised);
        if (answer.state.accepted !== state.accepted)
          writer.put(registerKey(name), stateCodec.encode(answer.state));
        return answer.reply;
      });
  },
};

/** A read believes the first owner that answers. */
const readQuorumOfOne: RegisterParts = {
  ...soundParts,
  readSets: (sets) => sets.map((set) => ({ ...set, quorum: 1 })),
};

/** The store acknowledges while the disk still writes. */
const ackBeforeFsync: RegisterParts = {
  ...soundParts,
  openStore: (host) =>
    simKeyValue(host, (slow) => {
      void flush(slow);
      return Promise.resolve();
    }),
};

const hosts = new WeakMap<KeyValue, Host>();

/** Changes wait for the disk, but a read is answered from what is not on disk yet. */
const readBeforeFsync: RegisterParts = {
  ...soundParts,
  openStore(host) {
    const store = ackBeforeFsync.openStore(host);
    hosts.set(store, host);
    return store;
  },
  acceptor(store) {
    const sound = soundParts.acceptor(store);
    return async (name, request) => {
      const reply = await sound(name, request);
      const host = hosts.get(store);
      if (host && request.kind !== 'read') await flush(host);
      return reply;
    };
  },
};

/** Phase 2 does not build on what phase 1 found. */
const skippedAdoption: RegisterParts = {
  ...soundParts,
  ask: (ask) => async (to, request) => {
    const reply = await ask(to, request);
    return reply.kind === 'promise' ? { ...reply, accepted: null } : reply;
  },
};

/** An acceptor takes any value, whatever it has promised. */
const uncheckedAccept: RegisterParts = {
  ...soundParts,
  acceptor: (store) => (name, request) =>
    store.transact((writer) => {
      const held = writer.get(registerKey(name));
      const state = held ? stateCodec.decode(held) : emptyState;
      const answer =
        request.kind === 'accept'
          ? accept({ ...state, promised: null }, request.accepted, request.next)
          : handleRequest(state, request);
      if (answer.state !== state) writer.put(registerKey(name), stateCodec.encode(answer.state));
      return answer.reply;
    }),
};

/** A proposer that tries again does not look whether its first attempt was taken up. */
const changedTwice: RegisterParts = {
  ...soundParts,
  ask: (ask) => async (to, request) => {
    const reply = await ask(to, request);
    if (reply.kind !== 'promise' || !reply.accepted) return reply;
    return { ...reply, accepted: { ...reply.accepted, lineage: [] } };
  },
};

/** A host that comes back issues the same ballots once more. */
const repeatedBallots: RegisterParts = { ...soundParts, ballotRandom: () => () => 0 };

export const registerBugs = {
  'an acceptor that forgets its promise in a crash': forgottenPromise,
  'a read quorum of one': readQuorumOfOne,
  'an acknowledgement before fsync': ackBeforeFsync,
  'a read of what is not on disk yet': readBeforeFsync,
  'a proposer that does not adopt the value it found': skippedAdoption,
  'an acceptor that takes values below its promise': uncheckedAccept,
  'a retry that makes a change twice': changedTwice,
  'a host that repeats its ballots after a crash': repeatedBallots,
} satisfies Record<string, RegisterParts>;

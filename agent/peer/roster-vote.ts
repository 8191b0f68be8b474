/**
 * How the roster changes: each step is a register of its own, set once by compare-and-set (CASPaxos, agent/register),
 * with the voters of the version before as its acceptors. Two operators at once get an order, and each looks at the
 * other's outcome before its own is tried again.
 *
 *   what is wanted ──> step on this version ──> majority of voters ──> on disk here ──> told to all
 *                            ^── somebody else's was decided: learn it, look again ──┘
 */
import { asShoalError, hasCode, ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { type RosterChange, RosterReply, RosterStep, RosterVote } from '../../proto/message/roster.ts';
import { deadline } from '../base/deadline.ts';
import { serial } from '../base/serial.ts';
import { handleRequest, sameContent } from '../register/acceptor.ts';
import { ballotSource, sameBallot } from '../register/ballot.ts';
import { changeRegister } from '../register/change.ts';
import type { Accepted, Reply, Request } from '../register/message.ts';
import { checkOneValue, checkRequest, isSound } from '../register/trust.ts';
import type { Runtime } from '../runtime/ports.ts';
import { checker } from './check.ts';
import type { HostKey } from './host-key.ts';
import {
  prepareEveryMs,
  rosterChangesWaitingMax,
  rosterChangeTimeoutMs,
  rosterRebasesMax,
  rosterRetryMs,
  rosterStepBytesMax,
  rosterVoteTimeoutMs,
} from './limits.ts';
import type { Rpc } from './port.ts';
import type { OwnRoster } from './roster.ts';
import {
  faultOf,
  isRosterVote,
  type RosterState,
  rosterQuorum,
  signRosterVote,
  signStep,
  stepDigest,
} from './roster-chain.ts';

const checkVote = checker('roster vote', RosterVote, { bytes: true });
const checkReply = checker('answer to a roster vote', RosterReply, { bytes: true });
const checkStep = checker('roster step', RosterStep);

const encodeStep = (step: RosterStep): Uint8Array => Buffer.from(JSON.stringify(step));
/** Throws BAD_REQUEST. */
export const decodeStep = (bytes: Uint8Array): RosterStep => {
  try {
    if (bytes.length > rosterStepBytesMax) throw new Error(`it has ${bytes.length} bytes`);
    return checkStep(JSON.parse(Buffer.from(bytes).toString()));
  } catch (cause) {
    throw new ShoalError('BAD_REQUEST', `Cannot read a roster step: ${asShoalError(cause).message}`, {
      cause,
    });
  }
};

/** What a reply says the voter holds. */
const heldBy = (reply: Reply, request: Request): Accepted | null => {
  if (reply.kind === 'accepted') return request.kind === 'accept' ? request.accepted : null;
  return reply.kind === 'conflict' ? null : reply.accepted;
};

export interface RosterVotes {
  /**
   * Makes `want` true by steps of the chain. It is asked for the step that is missing, again after each one that others
   * brought; undefined: nothing is. Resolves when that is on this host's disk. Throws what `want` throws, QUORUM_MISSED
   * or TIMEOUT (it may still happen), FORBIDDEN when this host is not on the roster.
   */
  change(
    want: (state: RosterState) => RosterChange | undefined,
    options?: { /** Default `rosterChangeTimeoutMs`. */ readonly withinMs?: number },
  ): Promise<void>;
  /** Without a vote, by this host's word. A no-op when it is not in. */
  forceOut(host: HostId): Promise<void>;
}

export const rosterVotes = (world: {
  readonly runtime: Pick<Runtime, 'clock' | 'timers' | 'chance' | 'log'>;
  readonly rpc: Rpc;
  readonly key: HostKey;
  readonly roster: OwnRoster;
  /** The other stands elsewhere: compare with it. */
  readonly differs: (host: HostId) => void;
  /** May another voter take this one's place? */
  readonly isGone: (host: HostId) => Promise<boolean>;
}): RosterVotes => {
  const { key, roster, rpc } = world;
  const { chance, clock, timers } = world.runtime;
  const { clusterId } = roster;
  const ballots = ballotSource(rpc.self, () => chance.random());
  const changes = serial('roster change', rosterChangesWaitingMax);
  const prepared = new Map<HostId, { readonly version: number; readonly atMs: number }>();

  /** Who outbids the others on one step all the time would stop the roster. Throws BUSY. */
  const pace = (from: HostId, version: number): void => {
    const atMs = clock.monotonicMs();
    const last = prepared.get(from);
    if (last?.version === version && atMs - last.atMs < prepareEveryMs)
      throw new ShoalError('BUSY', `Cannot promise roster step ${version} again: it was a moment ago`);
    for (const host of prepared.keys()) if (!roster.has(host)) prepared.delete(host);
    prepared.set(from, { version, atMs });
  };

  rpc.handle('roster.vote', async (from, body) => {
    const { version, previous, request: asked } = checkVote(body);
    const request = asked as Request;
    checkRequest(from, request, clock.wallMs());
    if (request.kind === 'prepare') pace(from, version);
    const step =
      request.kind === 'accept' && request.accepted.value ? decodeStep(request.accepted.value) : undefined;
    if (step?.change.kind === 'voter' && step.change.instead !== null)
      if (!(await world.isGone(step.change.instead as HostId)))
        throw new ShoalError('CONFLICT', `Cannot vote for the roster step: ${step.change.instead} is here`);
    const at = { version: version - 1, digest: previous };
    if (roster.position().version !== at.version || roster.position().digest !== previous)
      world.differs(from);
    const reply = await roster.vote(at, (held, state) => {
      if (!state.voters.includes(rpc.self))
        throw new ShoalError(
          'FORBIDDEN',
          `Cannot vote on the roster: host ${rpc.self} is not one of its voters`,
        );
      const fault = request.kind === 'accept' && (step ? faultOf(clusterId, state, step) : 'it is empty');
      if (fault) throw new ShoalError('BAD_REQUEST', `Cannot vote for the roster step: ${fault}`);
      if (step?.forced) throw new ShoalError('BAD_REQUEST', 'Cannot vote for a roster step that is forced');
      checkOneValue(held, request);
      return handleRequest(held, request);
    });
    const held = heldBy(reply, request);
    return held?.value
      ? { ...reply, vote: signRosterVote(key, clusterId, decodeStep(held.value), held.ballot) }
      : reply;
  });

  const ask = async (to: HostId, state: RosterState, request: Request) => {
    const body = { version: state.version + 1, previous: state.digest, request };
    const answer = await rpc.request(to, 'roster.vote', body, { timeoutMs: rosterVoteTimeoutMs });
    const { vote: signature, ...reply } = checkReply(answer) as Reply & { readonly vote?: string };
    const on = heldBy(reply, request);
    const isTrue =
      !on?.value ||
      (signature !== undefined &&
        isRosterVote(clusterId, decodeStep(on.value), on.ballot, { host: to, signature }));
    if (!isSound(reply, clock.wallMs()) || !isTrue)
      throw new ShoalError('INTERNAL', `Cannot believe host ${to}: it does not sign what it tells`);
    return { reply, vote: on && signature ? { host: to, signature, on } : undefined };
  };

  /** The step that was decided on this version, with its proof: this one or another's. Throws QUORUM_MISSED, CONTENDED. */
  const decide = async (state: RosterState, step: RosterStep, signal: AbortSignal): Promise<RosterStep> => {
    const owners = state.voters;
    const votes: { readonly host: HostId; readonly signature: string; readonly on: Accepted }[] = [];
    const { accepted } = await changeRegister(
      {
        async ask(to, request) {
          const { reply, vote } = await ask(to, state, request);
          if (vote) votes.push(vote);
          return reply;
        },
        ...{ ballots, timers, clock, chance },
      },
      {
        name: `roster step ${step.version}`,
        sets: () => [{ owners, quorum: rosterQuorum(owners) }],
        next: (current) => current ?? encodeStep(step),
        signal,
      },
    );
    if (!accepted?.value) throw new Error(`roster step ${step.version} was decided and is empty`);
    const by = new Map(
      votes.flatMap(({ host, signature, on }) =>
        sameBallot(on.ballot, accepted.ballot) && sameContent(on, accepted) ? [[host, signature]] : [],
      ),
    );
    const proof = {
      ballot: accepted.ballot,
      votes: Array.from(by, ([host, signature]) => ({ host, signature })),
    };
    return { ...decodeStep(accepted.value), proof };
  };

  const stepOn = (state: RosterState, change: RosterChange, forced: boolean): RosterStep => {
    if (!roster.has(rpc.self))
      throw new ShoalError('FORBIDDEN', 'Cannot change the roster: this host is not on it itself');
    const { version, digest } = state;
    const atMs = Math.max(0, Math.floor(clock.wallMs()));
    const step = signStep(key, clusterId, { version: version + 1, previous: digest, change, forced, atMs });
    const fault = faultOf(clusterId, state, step);
    if (fault) throw new ShoalError('CONFLICT', `Cannot change the roster: ${fault}`);
    return step;
  };

  const change: RosterVotes['change'] = async (want, { withinMs = rosterChangeTimeoutMs } = {}) => {
    using limit = deadline('change the roster', withinMs, undefined, timers.after);
    for (let rebase = 0; rebase < rosterRebasesMax; rebase++) {
      const state = roster.state();
      const wanted = want(state);
      if (!wanted) return;
      const step = stepOn(state, wanted, false);
      try {
        const decided = await decide(state, step, limit.signal);
        await roster.learn([decided], () => false);
        if (stepDigest(clusterId, decided) === stepDigest(clusterId, step)) return;
      } catch (thrown) {
        // Where the roster moved on meanwhile, its voters had something better to do than to answer for the old one.
        if (!hasCode(thrown, 'QUORUM_MISSED', 'CONTENDED')) throw thrown;
        if (limit.signal.aborted) throw thrown;
        if (roster.state() === state) {
          for (const voter of state.voters) if (voter !== rpc.self) world.differs(voter);
          await timers.sleep(rosterRetryMs * (0.25 + 0.75 * chance.random()), limit.signal).catch(() => {
            throw thrown;
          });
        }
      }
    }
    throw new ShoalError('CONTENDED', 'Cannot change the roster: others change it all the time');
  };

  return {
    // One after the other: this host's own changes would only outbid each other.
    change: (want, options) => changes.run(() => change(want, options)),
    async forceOut(host) {
      for (let tries = 0; tries < rosterRebasesMax && roster.state().members.has(host); tries++)
        await roster.learn([stepOn(roster.state(), { kind: 'remove', hostId: host }, true)], () => true);
    },
  };
};

/**
 * How version v + 1 is agreed: a register of its own for each version, set once by compare-and-set (CASPaxos,
 * agent/register), with the first seven members of v in rendezvous order as its acceptors. Whoever proposes, all
 * end up with the one value that a majority accepted: no fork, no leader.
 *
 * An acceptor votes only when it stands on the same version v, when it is one of that version's acceptors, when
 * the value is a right successor, when no operator has paused the ring, and not on versions about which it may
 * have forgotten a promise.
 */
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { type Layout, LayoutReply, LayoutVote } from '../../proto/message/layout.ts';
import { checker } from '../peer/check.ts';
import type { Rpc } from '../peer/port.ts';
import { emptyState, handleRequest, sameContent } from '../register/acceptor.ts';
import { ballotSource, sameBallot } from '../register/ballot.ts';
import { changeRegister } from '../register/change.ts';
import { type CountLives, countLives, type Lives } from '../register/lives.ts';
import type { Accepted, Reply, Request } from '../register/message.ts';
import { checkOneValue, checkRequest, isSound } from '../register/trust.ts';
import type { Runtime } from '../runtime/ports.ts';
import { acceptorsOf, decodeLayout, digestOf, faultOf, hostIdsOf, isMember, layoutCodec } from './layout.ts';
import { isVote, signVote, type VoteSigner } from './layout-proof.ts';
import type { LayoutStore, Vote } from './layout-store.ts';
import { voteTimeoutMs } from './limits.ts';
import { quorumOf } from './owner-index.ts';

export interface ChainWorld {
  readonly signer: VoteSigner;
  readonly runtime: Pick<Runtime, 'clock' | 'timers' | 'chance'>;
  readonly rpc: Rpc;
  readonly store: LayoutStore;
  newest(): Layout | undefined;
  votesFrom(): number;
  isRostered(host: HostId): boolean;
  isPaused(): boolean;
  /** This host is behind, or the other is. */
  differs(from: HostId, newestThere: number): void;
  /** The other has not heard of what this one knows. */
  tell(host: HostId): void;
}

/** What an acceptor tells, and its signature under what it holds. */
interface Told {
  readonly reply: Reply & { readonly vote?: string; readonly lives?: Lives };
  readonly lives: Lives | undefined;
  readonly vote: { readonly host: HostId; readonly signature: string; readonly on: Accepted } | undefined;
}

const checkVote = checker('layout vote', LayoutVote, { bytes: true });
const checkReply = checker('answer to a layout vote', LayoutReply, { bytes: true });

export const layoutChain = (world: ChainWorld) => {
  const { rpc, store, runtime } = world;
  const ballots = ballotSource(rpc.self, () => runtime.chance.random());

  /** An honest proposer brings no such thing: what a vote may do is less than what may follow. */
  const faultToVoteOn = (previous: Layout, next: Layout): string | undefined => {
    if (next.forced.length > 0) return 'what is forced is not voted on';
    const stranger = hostIdsOf(next).find((host) => !isMember(previous, host) && !world.isRostered(host));
    return stranger ? `its new member ${stranger} is not on the roster here` : faultOf(previous, next);
  };

  const refuse = (version: number, why: string): never => {
    throw new ShoalError('STALE_LAYOUT', `Cannot vote on layout ${version}: ${why}`);
  };

  /** What a reply says the acceptor holds. */
  const heldBy = (reply: Reply, request: Request): Accepted | null => {
    if (reply.kind === 'accepted') return request.kind === 'accept' ? request.accepted : null;
    return reply.kind === 'conflict' ? null : reply.accepted;
  };
  /** With this host's signature under what it holds; that is on disk by now. */
  const signed = (reply: Reply, request: Request): Reply & { readonly vote?: string } => {
    const held = heldBy(reply, request);
    return held?.value
      ? { ...reply, vote: signVote(world.signer, decodeLayout(held.value), held.ballot) }
      : reply;
  };

  const handleVote = async (from: HostId, body: unknown): Promise<Told['reply']> => {
    const vote = checkVote(body);
    const request = vote.request as Request;
    checkRequest(from, request, runtime.clock.wallMs());
    const { version } = vote;
    const newest = world.newest();
    if (newest?.version !== version - 1) {
      world.differs(from, version - 1);
      return refuse(version, `the newest here is ${newest?.version ?? 'none'}`);
    }
    if (digestOf(newest) !== vote.previous)
      return refuse(version, `it follows another version ${version - 1}`);
    if (!acceptorsOf(newest).includes(rpc.self))
      return refuse(version, 'this host is not one of its acceptors');
    const isRecall = vote.life !== undefined && request.kind === 'prepare';
    if (world.isPaused() && !isRecall) {
      world.tell(from);
      return refuse(version, 'an operator paused the layout');
    }
    if (request.kind === 'accept') {
      const { value } = request.accepted;
      const fault = value ? faultToVoteOn(newest, decodeLayout(value)) : 'it is empty';
      if (fault) return refuse(version, fault);
    }
    const { reply, lives } = await store.vote(version, (state: Vote = emptyState) => {
      // The answer may have waited for the disk: by now the version may be decided and its votes forgotten.
      if (world.newest()?.version !== version - 1) return refuse(version, 'it is decided');
      const { lives = {} } = state;
      if (version < world.votesFrom() && !lives[rpc.self])
        return refuse(version, 'this host lost its disk and has not recalled its votes yet');
      checkOneValue(state, request);
      const answer = handleRequest(state, request);
      const life = vote.life ?? 0;
      const noted = life > (lives[from] ?? 0) ? { ...lives, [from]: life } : lives;
      const isSame = answer.state === state && noted === lives;
      return { ...answer, lives, state: isSame ? state : { ...answer.state, lives: noted } };
    });
    return { ...signed(reply, request), lives };
  };
  rpc.handle('layout.register', handleVote);

  /** Throws what `Rpc.request` throws, and INTERNAL for an answer that is not signed as it should be. */
  const ask = async (to: HostId, previous: Layout, request: Request, life?: number): Promise<Told> => {
    const head = { version: previous.version + 1, previous: digestOf(previous) };
    const body = { ...head, request, ...(life !== undefined && { life }) };
    const answer = await rpc.request(to, 'layout.register', body, { timeoutMs: voteTimeoutMs });
    const { vote: signature, lives, ...told } = checkReply(answer) as Told['reply'];
    const reply: Reply = told;
    const on = heldBy(reply, request);
    const isTrue =
      !on?.value ||
      (signature !== undefined &&
        isVote(world.signer, decodeLayout(on.value), on.ballot, { host: to, signature }));
    if (!isSound(reply, runtime.clock.wallMs()) || !isTrue)
      throw new ShoalError('INTERNAL', `Cannot believe host ${to}: it does not sign what it tells`);
    return { reply, lives, vote: on && signature ? { host: to, signature, on } : undefined };
  };

  return {
    ask,
    ballots,
    /**
     * Resolves with the version that was agreed, which may be another host's. Throws QUORUM_MISSED or CONTENDED:
     * it may still be agreed later.
     */
    async agree(previous: Layout, next: Layout, signal?: AbortSignal): Promise<Layout> {
      const owners = acceptorsOf(previous);
      const votes: NonNullable<Told['vote']>[] = [];
      const phases = new Map<string, CountLives>();
      const changed = await changeRegister(
        {
          async ask(to, request) {
            const { reply, lives, vote } = await ask(to, previous, request);
            const phase = reply.kind === 'state' ? 'state' : `${reply.kind} ${JSON.stringify(reply.ballot)}`;
            const counts = phases.get(phase) ?? countLives();
            phases.set(phase, counts);
            if (reply.kind !== 'conflict' && !counts(to, lives))
              throw new ShoalError(
                'STALE_LAYOUT',
                `Cannot count the vote of ${to}: a voter was reborn meanwhile`,
              );
            if (vote) votes.push(vote);
            return reply;
          },
          ballots,
          timers: runtime.timers,
          clock: runtime.clock,
          chance: runtime.chance,
        },
        {
          name: `layout ${next.version}`,
          sets: () => [{ owners, quorum: quorumOf(owners.length) }],
          next: (current) => current ?? layoutCodec.encode(next),
          ...(signal && { signal }),
        },
      );
      const { accepted } = changed;
      if (!accepted?.value) throw new Error(`layout ${next.version} was agreed and is empty`);
      const by = new Map(
        votes.flatMap(({ host, signature, on }) =>
          sameBallot(on.ballot, accepted.ballot) && sameContent(on, accepted) ? [[host, signature]] : [],
        ),
      );
      const proof = {
        ballot: accepted.ballot,
        votes: Array.from(by, ([host, signature]) => ({ host, signature })),
      };
      return { ...decodeLayout(accepted.value), proof };
    },
  };
};

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
import type { Accepted, Reply, Request } from '../register/message.ts';
import { checkOneValue, checkRequest, isSound } from '../register/trust.ts';
import type { Runtime } from '../runtime/ports.ts';
import { acceptorsOf, decodeLayout, digestOf, faultOf, layoutCodec } from './layout.ts';
import { isVote, signVote, type VoteSigner } from './layout-proof.ts';
import type { LayoutStore } from './layout-store.ts';
import { voteTimeoutMs } from './limits.ts';
import { quorumOf } from './owner-index.ts';

export interface ChainWorld {
  readonly signer: VoteSigner;
  readonly runtime: Pick<Runtime, 'clock' | 'timers' | 'chance'>;
  readonly rpc: Rpc;
  readonly store: LayoutStore;
  newest(): Layout | undefined;
  votesFrom(): number;
  isPaused(): boolean;
  /** This host is behind, or the other is. */
  differs(from: HostId, newestThere: number): void;
  /** The other has not heard of what this one knows. */
  tell(host: HostId): void;
}

const checkVote = checker('layout vote', LayoutVote, { bytes: true });
const checkReply = checker('answer to a layout vote', LayoutReply, { bytes: true });

export const layoutChain = (world: ChainWorld) => {
  const { rpc, store, runtime } = world;
  const ballots = ballotSource(rpc.self, () => runtime.chance.random());

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

  const handleVote = async (from: HostId, body: unknown): Promise<Reply> => {
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
    if (version < world.votesFrom())
      return refuse(version, `this host knows its own promises only from version ${world.votesFrom()} on`);
    if (world.isPaused()) {
      world.tell(from);
      return refuse(version, 'an operator paused the layout');
    }
    if (request.kind === 'accept') {
      const { value } = request.accepted;
      const fault = value ? faultOf(newest, decodeLayout(value)) : 'it is empty';
      if (fault) return refuse(version, fault);
    }
    const { reply } = await store.vote(version, (state) => {
      // The answer may have waited for the disk: by now the version may be decided and its votes forgotten.
      if (world.newest()?.version !== version - 1) return refuse(version, 'it is decided');
      checkOneValue(state ?? emptyState, request);
      return handleRequest(state ?? emptyState, request);
    });
    return signed(reply, request);
  };
  rpc.handle('layout.register', handleVote);

  return {
    /**
     * Resolves with the version that was agreed, which may be another host's. Throws QUORUM_MISSED or CONTENDED:
     * it may still be agreed later.
     */
    async agree(previous: Layout, next: Layout, signal?: AbortSignal): Promise<Layout> {
      const owners = acceptorsOf(previous);
      const head = { version: next.version, previous: digestOf(previous) };
      const votes: { readonly host: HostId; readonly signature: string; readonly on: Accepted }[] = [];
      const changed = await changeRegister(
        {
          async ask(to, request) {
            const body = { ...head, request };
            const answer = await rpc.request(to, 'layout.register', body, { timeoutMs: voteTimeoutMs });
            const { vote: signature, ...told } = checkReply(answer) as Reply & { readonly vote?: string };
            const reply: Reply = told;
            const on = heldBy(reply, request);
            const isTrue =
              !on?.value ||
              (signature !== undefined &&
                isVote(world.signer, decodeLayout(on.value), on.ballot, { host: to, signature }));
            if (!isSound(reply, runtime.clock.wallMs()) || !isTrue)
              throw new ShoalError('INTERNAL', `Cannot believe host ${to}: it does not sign what it tells`);
            if (on && signature) votes.push({ host: to, signature, on });
            return reply;
          },
          ballots,
          timers: runtime.timers,
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
